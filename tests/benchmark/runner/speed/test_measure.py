"""Timing two sides with made clocks: turns, the best round, and no ratio for values that differ."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.errors import MissingWeights
from benchmark.runner.speed.measure import Comparison, Side, Values, measure, unlike, versions


class Scene:
    """Two sides that take a set number of seconds each round, on a clock that only they move."""

    def __init__(self, ours: list[float], peer: list[float], values: Values = (1.0, 2.0), others: Values = (1.0, 2.0)):
        self.now, self.calls = 0.0, list[str]()
        self.seconds = {"ours": iter([0.0, *ours]), "peer": iter([0.0, *peer])}  # the warming up is not timed
        self.values = {"ours": values, "peer": others}

    def clock(self) -> float:
        return self.now

    def side(self, name: str, folder: Path) -> Side:
        def run() -> Values:
            self.calls.append(f"{name} {folder.name}")
            self.now += next(self.seconds[name])
            return self.values[name]

        return Side(f"the {name}", run)

    def build(self) -> Comparison:
        return Comparison(lambda f: self.side("ours", f), lambda f: self.side("peer", f), "s a clip", 0.01)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, count in (("warm", 1), ("clips", 2)):
        (tmp_path / name).mkdir()
        for i in range(count):
            (tmp_path / name / f"{i}.wav").touch()
    return tmp_path / "warm", tmp_path / "clips"


def test_sides_take_turns_and_the_best_round_counts(folders: tuple[Path, Path]) -> None:
    scene = Scene([4.0, 2.0, 3.0], [9.0, 12.0, 8.0])
    row = measure("x", scene.build, *folders, rounds=3, clock=scene.clock)
    assert scene.calls == ["ours warm", "peer warm", *["ours clips", "peer clips"] * 3]
    assert (row.ours, row.peer, row.ratio, row.n) == (1.0, 4.0, 4.0, 2)
    assert (row.name, row.peer_name, row.unit, row.note) == ("x", "the peer", "s a clip", "")
    assert "threads" in row.device


def test_values_that_differ_get_no_ratio(folders: tuple[Path, Path]) -> None:
    scene = Scene([1.0], [9.0], others=(1.0, 2.02))
    row = measure("x", scene.build, *folders, rounds=1, clock=scene.clock)
    assert row.ratio is row.ours is row.peer is None
    assert "clip 1 is 2.0 for us and 2.02" in row.note
    assert row.peer_name == "the peer"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError("No module named 'nisqa'", name="nisqa"), "nisqa is absent.*uv sync --group dev"),
        (MissingWeights("the model is absent"), "the model is absent"),
    ],
)
def test_what_is_absent_is_said(folders: tuple[Path, Path], error: Exception, said: str) -> None:
    def build() -> Comparison:
        raise error

    row = measure("x", build, *folders)
    assert row.ratio is None
    assert row.peer_name == ""
    assert re.search(said, row.note)


def test_other_faults_are_not_hidden(folders: tuple[Path, Path]) -> None:
    scene = Scene([], [])
    with pytest.raises(StopIteration):
        measure("x", scene.build, *folders, rounds=1, clock=scene.clock)


@pytest.mark.parametrize(
    ("ours", "peer", "same"),
    [
        ([1.0], [1.0009], True),
        ([1.0], [1.0011], False),
        ([float("nan")], [float("nan")], False),
        ([1.0], [1.0, 2.0], False),
        (["a b"], ["a b"], True),
        (["a b"], ["a c"], False),
        ([], [], True),
    ],
)
def test_unlike(ours: Values, peer: Values, same: bool) -> None:
    assert (unlike(ours, peer, 1e-3) == "") is same


def test_versions_name_what_is_absent() -> None:
    said = versions(("torch", "no-such-package"))
    assert said.startswith("torch 2.")
    assert said.endswith("no-such-package absent")
