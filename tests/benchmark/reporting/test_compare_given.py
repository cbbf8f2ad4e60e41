"""Comparing two scored lists: the trials and the systems count, and not what files and columns are called."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.reporting.compare import Verdict, compare, read
from benchmark.reporting.store import RunFolder, ScoreLog, read_scores
from benchmark.reporting.tables import remake
from protocols.trial import read_trials, trials_sha256, write_trials

Listed = Callable[..., Path]
SPELLINGS = {"ground_truth": "Ground Truth", "copy_source": "copy source", "adain_cvc": "AdaIN-CVC"}


@pytest.fixture
def listed(made_run: Callable[..., Path], tmp_path: Path) -> Listed:
    """`listed(name, systems, by)`: the scores of a made run as those of `name`.csv; `by` is added to adain_cvc."""
    made = made_run("made")

    def make(name: str, systems: dict[str, str] = SPELLINGS, by: float = 0.0) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(made / "run.json", folder)
        rows = [
            replace(t, system=system, output=f"{name}/{system}/{t.trial}.wav")
            for system in systems
            for t in read_trials(made / "trials.csv")
        ]
        scores = [s for s in read_scores(made / "scores.jsonl") if s.system in systems and s.value is not None]
        moved = [replace(s, value=s.value + by * (s.system == "adain_cvc")) for s in scores if s.value is not None]
        record = json.loads((folder / "run.json").read_text())
        given = {"path": f"{name}.csv", "sha256": "c" * 64, "root": "/", "tasks": {record["task"]: record["metrics"]}}
        record |= {"given": given, "systems": systems, "corpora": [name], "counts": {}, "task": "", "profile": ""}
        record |= {"kind": "score", "trials_sha256": trials_sha256(rows)}
        (folder / "run.json").write_text(json.dumps(record))
        write_trials(RunFolder(folder).trials, rows)
        ScoreLog(folder / "scores.jsonl").append(moved)
        remake(folder)
        return folder

    return make


def verdict(a: Path, b: Path) -> Verdict:
    return compare(read(a), read(b))


def test_lists_of_other_names_and_spellings_are_compared(listed: Listed) -> None:
    a, b = listed("v1"), listed("v2", {system: system for system in SPELLINGS})
    found = verdict(a, b)
    assert found.passed
    assert len(found.changes) == len(found.a.rows) > 0
    worse = verdict(a, listed("v3", by=-0.1))
    assert {(c.system, c.metric, c.status) for c in worse.failing if c.split == "unseen"} >= {
        ("adain_cvc", "spksim@resemblyzer", "worse")
    }


def test_a_system_more_is_new_and_the_others_are_compared(listed: Listed) -> None:
    few = {name: SPELLINGS[name] for name in ("ground_truth", "adain_cvc")}
    a, b = listed("v1", few), listed("v2", by=-0.1)
    found = verdict(a, b)
    assert [f.text for f in found.findings if f.status == "new"] == ["system copy_source: all rows of it"]
    assert not any(f.check == "trials" for f in found.findings)
    assert any(c.status == "worse" for c in found.changes)


def test_a_system_less_is_missing_and_the_others_are_compared(listed: Listed) -> None:
    few = {name: SPELLINGS[name] for name in ("ground_truth", "adain_cvc")}
    found = verdict(listed("v1"), listed("v2", few))
    assert [f.text for f in found.findings if f.status == "missing"] == ["system copy_source: all rows of it"]
    assert found.changes
    assert not found.passed
