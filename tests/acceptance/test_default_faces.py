"""What the default run of image_guided_translation must show. `.ci/run` makes it first; $BENCHMARK_RUNS names its
folder's parent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmark.media.image import read_image

SYSTEM = "starganv2:pocket"
SPLITS = ("all", "seen", "unseen")


@pytest.fixture
def folder() -> Path:
    root = os.environ.get("BENCHMARK_RUNS")
    found = Path(root or "") / "ci-default-image_guided_translation"
    if root is None or not found.is_dir():
        pytest.skip("no $BENCHMARK_RUNS with the default run ci-default-image_guided_translation")
    return found


def values(folder: Path, metric: str, split: str) -> dict[str, float]:
    rows = json.loads((folder / "table.json").read_text())
    return {r["system"]: r["value"] for r in rows if (r["metric"], r["split"]) == (metric, split)}


@pytest.mark.parametrize("split", SPLITS)
def test_outputs_lie_nearer_to_real_faces_of_the_target_gender_than_their_sources(folder: Path, split: str) -> None:
    fid = values(folder, "fid@pocket", split)
    real, copied = (fid["ground_truth"], fid["random_reference"]), fid["copy_source"]
    assert abs(real[0] - real[1]) < 0.1 * (copied - min(real)), "two draws of real faces differ by little"
    assert max(real) < fid[SYSTEM] < copied


@pytest.mark.parametrize("split", SPLITS)
def test_the_gender_is_changed_and_the_pose_is_kept(folder: Path, split: str) -> None:
    assert values(folder, "gender_flip@pocket", split)[SYSTEM] >= 0.8
    pose = values(folder, "pose_error@pocket", split)
    assert pose[SYSTEM] <= pose["random_reference"] / 2
    assert pose["copy_source"] == 0


@pytest.mark.parametrize("split", SPLITS)
def test_outputs_of_one_source_differ_and_follow_their_references(folder: Path, split: str) -> None:
    diversity = values(folder, "lpips@pocket", split)
    assert diversity["copy_source"] == pytest.approx(0, abs=1e-9), "one picture ten times"
    assert diversity[SYSTEM] > 0.1 * diversity["random_reference"]
    rows: list[dict[str, Any]] = json.loads((folder / "differences.json").read_text())
    (row,) = [
        r
        for r in rows
        if (r["metric"], r["split"], r["against"]) == ("cos_target@pocket", split, f"shuffled_reference:{SYSTEM}")
    ]
    assert row["low"] > 0


def test_the_run_is_whole_and_shows_itself(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert not record["partial"]
    assert all(count["failed"] == 0 for count in record["counts"].values())
    assert record["peak_memory"] <= 6e9
    assert min(read_image(folder / "grid.png").shape[:2]) > 300
