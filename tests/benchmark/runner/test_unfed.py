"""A system that the corpora of a run cannot feed is told of before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.tasks import TASKS

PROFILE = """
[trials.audio_guided_vc]
trials = 8
[corpora.pocket_voices]
scale = 0.05
[systems.adain_vc.train]
steps = 1
[systems.xfavot]
f0_network = "pocket"
asr_network = "pocket"
size = 32
depth = 1
width = 4
voice_width = 4
max_width = 8
hidden = 8
batch = 2
people = 2
crop = 80
[systems.xfavot.train]
steps = 1
"""
TASK = "audio_guided_vc"
WHY = "xfavot cannot be trained here. Draw 'people', column 'face': pool 'any' holds no face record"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("unfed")
    (folder / "mini.toml").write_text(PROFILE)
    systems = ("xfavot", "shuffled_reference:xfavot", "copy_source")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_CACHE", str(folder / "cache"))
        patch.setitem(TASKS, TASK, replace(TASKS[TASK], systems=systems, metrics=("f0_corr@world",)))
        yield folder


def go(place: Path, out: str, *more: str) -> int:
    line = ["run", "--task", TASK, "--corpus", "pocket_voices", "--profile", str(place / "mini.toml"), "--jobs", "1"]
    with pytest.raises(SystemExit) as stop:
        main([*line, "--out", str(place / out), *more])
    return int(str(stop.value.code or 0))


def test_asked_for_by_name_it_ends_the_run_before_another_system_is_trained(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go(place, "asked", "--systems", "adain_vc", "xfavot") == 2
    said = capsys.readouterr().err
    assert WHY in said
    assert "[train]" not in said
    assert not (place / "asked" / "systems").exists()


def test_in_a_default_table_its_rows_say_why_and_the_others_are_there(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go(place, "default") == 0
    assert f"warning: {WHY}" in capsys.readouterr().err
    found = json.loads((place / "default" / "table.json").read_text())
    by_system = {row["system"].removesuffix(":mini"): row for row in found if row["split"] == "all"}
    for name in ("xfavot", "shuffled_reference:xfavot"):
        assert by_system[name]["value"] is None
        assert by_system[name]["failed"] == by_system["copy_source"]["n"] > 0
    assert by_system["copy_source"]["value"] is not None
    assert WHY in (place / "default" / "table.md").read_text()


def test_devices_that_do_not_divide_the_batch_are_told_of_as_early(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go(place, "devices", "--systems", "adain_vc", "--devices", "7") == 2
    said = capsys.readouterr().err
    assert "adain_vc cannot be trained here. Draw" in said
    assert "do not divide by 7 processes" in said
    assert "[train]" not in said
