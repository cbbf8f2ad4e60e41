"""CPR of whole tiny runs: what controls must score, which rows have a triplet, and what is said of the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import main
from protocols.trial import read_trials
from protocols.triplets import triplets

CONTROLS = ("ground_truth", "random_reference", "copy_source")
KEYS = ("cpr@any", "cpr@same_gender")
BOTH = """
[trials.audio_guided_translation]
sources = 2
draws = 4
genders = "both"

[corpora.pocket_av_many]
frames_per_clip = 3
scale = 0.1
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cpr")
    (folder / "both.toml").write_text(BOTH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_CACHE", str(folder / "cache"))
        yield folder


def go(place: Path, task: str, profile: str) -> Path:
    line = ["run", "--task", task, "--profile", profile, "--systems", *CONTROLS, "--metrics", *KEYS, "--jobs", "1"]
    out = place / f"{task}-{Path(profile).stem}"
    with pytest.raises(SystemExit) as stop:
        main([*line, "--out", str(out)])
    assert not stop.value.code
    return out


def cells(folder: Path, metric: str) -> dict[str, dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "table.json").read_text())
    return {row["system"]: row for row in rows if (row["metric"], row["split"]) == (metric, "all")}


def asked(folder: Path, metric: str) -> int:
    """Rows of the list that have a triplet."""
    rows = read_trials(folder / "trials.csv")
    splits = [[row for row in rows if row.split == split] for split in ("seen", "unseen")]
    return sum(len(triplets(own, same_gender=metric == KEYS[1])) for own in splits)


@pytest.mark.slow
def test_controls_of_faces(place: Path) -> None:
    folder = go(place, "audio_guided_translation", str(place / "both.toml"))
    for metric in KEYS:
        found = cells(folder, metric)
        assert {cell["n"] for cell in found.values()} == {asked(folder, metric)} != {0}
        assert found["copy_source"]["value"] == 0.5, "one face twice is a tie"
        assert found["ground_truth"]["value"] > 0.5
    notes = json.loads((folder / "run.json").read_text())["notes"]
    assert any(note.startswith("cpr@any, cpr@same_gender: judged by 3 trainings of a network") for note in notes)


@pytest.mark.slow
def test_controls_of_faces_in_the_list_of_fid(place: Path) -> None:
    """Its sources meet voices of one gender."""
    folder = go(place, "audio_guided_translation", "tiny")
    assert cells(folder, KEYS[1])["ground_truth"]["value"] > 0.5
    assert {cell["value"] for cell in cells(folder, KEYS[0]).values()} == {None}
    notes = json.loads((folder / "run.json").read_text())["notes"]
    assert any(note.startswith("cpr@any: ") and 'genders = "both"' in note for note in notes)


@pytest.mark.slow
def test_controls_of_voices(place: Path) -> None:
    folder = go(place, "image_guided_vc", "tiny")
    for metric in KEYS:
        found = cells(folder, metric)
        assert {cell["n"] for cell in found.values()} == {asked(folder, metric)} != {0}
        assert found["ground_truth"]["value"] >= 0.5
        assert all(0 <= cell["value"] <= 1 and not cell["failed"] for cell in found.values())
