"""Metrics that are computed together: all rows of a system or none, nothing twice, nothing stale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmark import registry
from benchmark.registry import Entry
from benchmark.reporting.store import ScoreLog
from benchmark.runner.score import remarks, score, together
from protocols.protocol import RealPictures
from protocols.trial import Score, Trial

ROWS = [Trial(output=f"{s}{i}", system=s, task="t", trial=f"c-{i}") for s in "ab" for i in range(4)]


class Made:
    """`set@made` has one score a system, under its first row that lies there; `row@made` one a row that lies there."""

    weights: tuple[str, ...] = ()
    calls: list[str] = []
    real: Sequence[RealPictures] = ()

    def __init__(self, *keys: str) -> None:
        self.metrics = keys
        self.of_sets = tuple(k for k in keys if k.startswith("set"))

    def compare_with(self, real: Sequence[RealPictures]) -> None:
        self.real = real

    def planned(self, trials: Sequence[Trial]) -> dict[tuple[str, str], list[str]]:
        names = {s: [t.trial for t in trials if t.system == s] for s in dict.fromkeys(t.system for t in trials)}
        return {(s, k): own[:1] if k in self.of_sets else own for s, own in names.items() for k in self.metrics}

    def score(self, trials: Sequence[Trial], root: Path) -> Iterator[Score]:
        (system,) = {t.system for t in trials}
        self.calls.append(f"{system}{len(trials)}")
        there = [t for t in trials if (root / t.output).is_file()]
        for trial in trials:
            for key in self.metrics if trial not in there else ("row@made",):
                text = None if trial in there else "not there"
                if key in self.metrics:
                    yield Score(system, trial.trial, key, None if text else 1.0, text)
        if there and self.of_sets:
            yield Score(system, there[0].trial, "set@made", float(len(there)), rows=len(there))

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        return [f"{len(trials)} rows"]


@pytest.fixture
def protocols(monkeypatch: pytest.MonkeyPatch) -> dict[str, Made]:
    entries = {key: Entry("tests:Made", "", arguments=(key,)) for key in ("set@made", "row@made")}
    monkeypatch.setattr(registry, "PROTOCOLS", entries)
    registry.entries.cache_clear()
    monkeypatch.setattr(Entry, "load", lambda self: Made)
    Made.calls = []
    yield {key: Made(key) for key in entries}  # type: ignore[misc]
    registry.entries.cache_clear()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    for row in ROWS:
        (folder / row.output).touch()
    return folder


def test_one_object_has_all_keys_of_its_class_and_the_real_sets(protocols: dict[str, Made]) -> None:
    real = [RealPictures("c", "", {}, lambda gender: iter(()))]
    shared = together(protocols, real)
    assert shared["set@made"] is shared["row@made"]
    assert shared["set@made"].metrics == ("set@made", "row@made")
    assert shared["set@made"].real is real
    assert remarks(shared, ROWS) == ["8 rows"], "said once"


def test_a_system_is_scored_whole_and_once(protocols: dict[str, Made], root: Path, tmp_path: Path) -> None:
    shared, log = together(protocols, ()), ScoreLog(tmp_path / "scores.jsonl")
    counts = score(shared, ROWS, {}, root, log)
    assert Made.calls == ["a4", "b4"]
    assert counts["set@made"].model_dump() == {"planned": 2, "scored": 2, "failed": 0}
    assert counts["row@made"].model_dump() == {"planned": 8, "scored": 8, "failed": 0}
    assert score(shared, ROWS, {}, root, ScoreLog(tmp_path / "scores.jsonl")) == counts
    assert Made.calls == ["a4", "b4"], "nothing was left"


def test_a_system_that_was_broken_off_is_scored_again_and_the_others_are_not(
    protocols: dict[str, Made], root: Path, tmp_path: Path
) -> None:
    path, shared = tmp_path / "scores.jsonl", together(protocols, ())
    score(shared, ROWS, {}, root, ScoreLog(path))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-2]))
    Made.calls.clear()
    score(shared, ROWS, {}, root, ScoreLog(path))
    assert Made.calls == ["b4"]
    assert sorted(path.read_text().splitlines(keepends=True)) == sorted(lines)


def test_a_set_whose_first_row_came_later_has_one_score(protocols: dict[str, Made], root: Path, tmp_path: Path) -> None:
    path, shared = tmp_path / "scores.jsonl", together(protocols, ())
    (root / "a0").unlink()
    counts = score(shared, ROWS, {}, root, ScoreLog(path))
    assert counts["set@made"].model_dump() == {"planned": 2, "scored": 2, "failed": 1}
    assert {(s.trial, s.rows) for s in ScoreLog(path).read() if s.rows and s.system == "a"} == {("c-1", 3)}
    (root / "a0").touch()
    counts = score(shared, ROWS, {}, root, ScoreLog(path))
    assert {(s.trial, s.rows) for s in ScoreLog(path).read() if s.rows and s.system == "a"} == {("c-0", 4)}
    assert counts["set@made"].model_dump() == {"planned": 2, "scored": 2, "failed": 0}
    assert Made.calls == ["a4", "b4", "a4"]


def test_a_set_is_judged_again_when_a_row_in_its_midst_was_mended(
    protocols: dict[str, Made], root: Path, tmp_path: Path
) -> None:
    path, sets = tmp_path / "scores.jsonl", together({"set@made": protocols["set@made"]}, ())
    (root / "a2").unlink()
    score(sets, ROWS, {}, root, ScoreLog(path))
    (root / "a2").touch()
    counts = score(sets, ROWS, {}, root, ScoreLog(path))
    assert {(s.trial, s.rows) for s in ScoreLog(path).read() if s.system == "a"} == {("c-0", 4)}
    assert counts["set@made"].model_dump() == {"planned": 2, "scored": 2, "failed": 0}
    assert Made.calls == ["a4", "b4", "a4"]


def test_rows_without_an_output_are_failed_and_go_along_without_one(
    protocols: dict[str, Made], root: Path, tmp_path: Path
) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    counts = score(together(protocols, ()), ROWS, {("a", "c-0"): "no translation"}, root, log)
    assert Made.calls == ["a4", "b4"], "a file that lies at the place of the lost output is not looked at"
    assert {(s.trial, s.value) for s in log.read() if s.rows and s.system == "a"} == {("c-1", 3.0)}
    assert counts["set@made"].model_dump() == {"planned": 2, "scored": 2, "failed": 1}
    assert counts["row@made"].model_dump() == {"planned": 8, "scored": 7, "failed": 1}
    assert {s.error for s in log.read() if s.error} == {"no translation"}


def test_a_metric_scores_the_rows_it_judges(protocols: dict[str, Made], root: Path, tmp_path: Path) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    counts = score(
        together(protocols, ()), ROWS, {}, root, log, lambda metric, row: metric == "set@made" or row.system == "b"
    )
    assert counts["row@made"].model_dump() == {"planned": 4, "scored": 4, "failed": 0}
    assert counts["set@made"].scored == 2
    assert {s.system for s in log.read() if s.metric == "row@made"} == {"b"}
