"""Which vocoder a run uses: the usual one, the profile's, the command line's; and where its name then stands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.store import RunFolder
from benchmark.runner.run import run
from benchmark.runner.settings import RunSettings, plan
from benchmark.runner.vocoders import USUAL, chosen_vocoders, open_vocoders
from benchmark.settings import Profile


def test_the_command_line_beats_the_profile_and_the_profile_beats_the_usual() -> None:
    other = Profile("mine", vocoders={"mel80": "parallel_wavegan:pocket"})
    assert chosen_vocoders(Profile("mine"), None) == USUAL
    assert chosen_vocoders(other, None) == {**USUAL, "mel80": "parallel_wavegan:pocket"}
    assert chosen_vocoders(other, "griffin_lim") == USUAL


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"mel80": "griffin"}, "Did you mean griffin_lim"),
        ({"mel8": "griffin_lim"}, "Did you mean mel80"),
        ({"mel80": "griffin_lim_512"}, "griffin_lim_512 takes mel512, not mel80"),
    ],
)
def test_a_profile_that_names_nothing_useful_is_refused(table: dict[str, str], words: str) -> None:
    with pytest.raises(BenchmarkError, match=words):
        chosen_vocoders(Profile("mine", vocoders=table), None)


def test_a_task_of_faces_takes_no_vocoder() -> None:
    with pytest.raises(BenchmarkError, match="gives pictures"):
        plan(RunSettings("image_guided_translation", vocoder="griffin_lim"))


def test_runs_with_other_vocoders_are_other_runs() -> None:
    plain = plan(RunSettings("audio_guided_vc"))
    other = plan(RunSettings("audio_guided_vc", vocoder="parallel_wavegan:pocket"))
    assert plain.folder != other.folder
    assert plain.resolved["vocoders"] != other.resolved["vocoders"]


def test_only_what_systems_return_is_opened() -> None:
    mel = plan(RunSettings("audio_guided_vc", systems=("adain_vc", "copy_source"), profile="tiny"))
    assert {f: v.name for f, v in open_vocoders(mel).items()} == {"mel80": mel.vocoders["mel80"]}
    waves = plan(RunSettings("audio_guided_vc", systems=("copy_source",), profile="tiny"))
    assert open_vocoders(waves) == {}


@pytest.mark.slow
def test_every_row_says_its_vocoder(tmp_path: Path) -> None:
    asked = RunSettings(
        "audio_guided_vc",
        systems=("vocoded_copy_source", "copy_source"),
        metrics=("spksim@resemblyzer",),
        profile="tiny",
        out=tmp_path / "run",
        vocoder="griffin_lim",
    )
    folder = run(plan(asked))
    rows = json.loads((folder / "table.json").read_text())
    assert {row["system"]: row.get("vocoder") for row in rows} == {
        "vocoded_copy_source": "griffin_lim",
        "copy_source": None,
    }
    assert RunFolder(folder).read().vocoders == "griffin_lim"
    assert "vocoder griffin_lim;" in (folder / "table.md").read_text()
    with pytest.raises(BenchmarkError, match="griffin_lim"):  # a folder holds one run
        run(plan(replace(asked, vocoder="parallel_wavegan:pocket")))
