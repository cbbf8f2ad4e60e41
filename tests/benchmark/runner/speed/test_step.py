"""`speed --train`: what it says of a real training, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark import weights
from benchmark.cli import main
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.runner.speed.step import step_times


def test_phases_share_the_time_of_a_step() -> None:
    found = step_times("starganv2", "tiny", steps=2, batch=2, jobs=1)
    assert found.batch == 2
    assert list(found.phases) == [
        "discriminator_latent",
        "discriminator_reference",
        "generator_latent",
        "generator_reference",
    ]
    assert sum(found.phases.values()) == pytest.approx(1)
    assert min(found.phases.values()) > 0
    assert found.seconds > 0
    assert found.samples_per_s == pytest.approx(2 / found.seconds)
    assert found.peak_memory > 10**8


def test_frozen_networks_that_are_not_here_are_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the paper's settings, whose F0 and ASR networks nobody has without a download."""

    def absent(name: str) -> Path:
        raise MissingWeights(f"{name} is not here.")

    monkeypatch.setattr(weights, "get", absent)
    found = step_times("xfavot", "tiny", steps=1, batch=4, jobs=1)
    assert "The weights of asr_network, f0_network are not here; all weights are random." in found.note
    assert {"discriminate_audio", "generate_image"} <= set(found.phases)


@pytest.mark.parametrize(
    ("system", "options", "why"),
    [
        ("copy_source", {}, "learns nothing"),
        ("starganv2", {"steps": 0}, "at least 1"),
        ("xfavot", {"batch": 0}, "batch = 0"),
    ],
)
def test_what_cannot_be_timed_is_told(system: str, options: dict[str, int], why: str) -> None:
    with pytest.raises(BenchmarkError, match=why):
        step_times(system, "tiny", **{"steps": 1, "batch": None, "jobs": 1, **options})


def test_the_verb_prints_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["speed", "--train", "adain_vc", "--profile", "tiny", "--steps", "1", "--json"])
    assert ended.value.code in (0, None)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "adain_vc"
    assert row["phases"] == {"autoencode": 1.0}
    with pytest.raises(SystemExit) as ended:
        main(["speed", "lpips", "--train", "adain_vc"])
    assert ended.value.code not in (0, None)
    assert "no rows: lpips" in capsys.readouterr().err
