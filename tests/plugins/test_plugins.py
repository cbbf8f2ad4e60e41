"""Packages of third parties, installed as pip does it: a dist-info folder with entry points on the path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.tasks import TASKS

HERE = Path(__file__).parent
BROKEN = ("broken", "gone", "no_system", "no_inputs", "copy_source")
MINI = """
[trials.image_guided_translation]
sources = 2
draws = 2
[corpora.pocket_faces]
scale = 0.01
[systems.starganv2]
size = 64
width = 4
max_width = 8
hidden = 8
style = 8
latent = 4
batch = 4
[systems.starganv2.train]
steps = 1
"""


def python(*arguments: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A Python of its own, with both packages installed."""
    path = os.pathsep.join([str(HERE / "good"), str(HERE / "broken"), str(HERE.parents[1])])
    place = {} if cache is None else {"BENCHMARK_CACHE": str(cache)}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path, **place}
    )


def test_the_good_one_is_in_the_default_table_and_the_broken_ones_are_named() -> None:
    code = (
        "from benchmark.runner.settings import RunSettings, plan\n"
        "for task in ('image_guided_translation', 'face_from_voice'):\n"
        "    print(*(name.full for name in plan(RunSettings(task=task)).systems))"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.split() == [*TASKS["image_guided_translation"].systems, "negative"]
    assert second.split() == list(TASKS["face_from_voice"].systems), "it does not do this task"
    warnings = done.stderr.splitlines()[: len(BROKEN)]
    assert [line.split(",")[0] for line in warnings] == [f"warning: {name}" for name in sorted(BROKEN)]
    said = "\n".join(warnings)
    for part in (
        "a plug-in of benchmark-broken, is left out",
        "RuntimeError: its licence file is not there",
        "No module named 'benchmark_gone'",
        "benchmark_half:NoSystem is no subclass of benchmark.system.System",
        "benchmark_half:NoInputs names no inputs or no output of image_guided_translation",
        "copy_source is a system of the suite, and benchmark_broken:Mine does not replace it",
    ):
        assert part in said


def test_list_shows_them_and_loads_none() -> None:
    done = python("-m", "benchmark", "list", "systems", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["negative"]["what"] == "plug-in of benchmark-negative"
    assert rows["broken"]["what"] == "plug-in of benchmark-broken"
    assert rows["copy_source"]["kind"] == "control"


@pytest.mark.parametrize(
    "named",
    [("--systems", "broken"), ("--systems", "copy_source", "--metrics", "broken@metric")],
    ids=["system", "metric"],
)
def test_a_broken_one_asked_for_by_name_is_an_error(named: tuple[str, ...], tmp_path: Path) -> None:
    line = ("run", "--task", "image_guided_translation", "--profile", "tiny", "--out", str(tmp_path / "run"))
    done = python("-m", "benchmark", *line, *named, cache=tmp_path)
    assert done.returncode == 2
    assert "error: Cannot load benchmark_broken:" in done.stderr
    assert "RuntimeError: its licence file is not there" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_default_table_has_the_row_of_the_good_one(tmp_path: Path) -> None:
    (tmp_path / "mini.toml").write_text(MINI)
    line = ("run", "--task", "image_guided_translation", "--profile", str(tmp_path / "mini.toml"), "--jobs", "1")
    metrics = ("--metrics", "gender_flip@pocket", "pose_error@pocket", "--out", str(tmp_path / "run"), "--json")
    done = python("-m", "benchmark", *line, *metrics, cache=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {(r["system"], r["metric"]): r for r in json.loads(done.stdout) if r["split"] == "all"}
    planned = rows["copy_source", "gender_flip@pocket"]["n"]
    assert planned > 0
    for name in (*TASKS["image_guided_translation"].systems, "negative"):
        shown = f"{name}:mini" if "starganv2" in name else name
        row = rows[shown, "gender_flip@pocket"]
        if not name.startswith("shuffled_reference"):  # with few people some have nobody to change references with
            assert (row["n"], row["failed"]) == (planned, 0), name
    assert not {name for name, _ in rows} & {"broken", "gone", "no_system", "no_inputs"}
    assert done.stderr.count("warning: ") >= len(BROKEN)
