"""Finding the runs that a paper's table can be answered from, and what each says of one system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.registry import protocol_version
from benchmark.reporting.cells import table_row
from benchmark.reporting.schema import RunRecord, TableRow
from benchmark.reporting.store import RunFolder, read_scores
from benchmark.reporting.strata import Cell, Scores, by_key, cells
from protocols.trial import Trial, read_trials

SPLITS = ("seen", "unseen")
"""The paper does not say on which speakers its numbers are: both stand apart."""


@dataclass(frozen=True)
class Run:
    """A finished run folder; trials and scores are read when they are first needed."""

    folder: Path
    record: RunRecord

    @property
    def seed(self) -> int:
        """Of training and of the trial list; a run of several repeats begins with it."""
        return self.record.seeds[0]

    @cached_property
    def trials(self) -> list[Trial]:
        return read_trials(RunFolder(self.folder).trials)

    @cached_property
    def scores(self) -> Scores:
        return by_key(self.record, self.trials, read_scores(RunFolder(self.folder).scores))

    @cached_property
    def strata(self) -> Mapping[Cell, list[Trial]]:
        return dict(cells(self.record, self.trials))


@dataclass(frozen=True)
class Found:
    """One system under one metric on one corpus and split, as one run has it. network: sha256 of the checkpoint, None
    for a system without weights."""

    run: Run
    cell: Cell
    row: TableRow

    @property
    def network(self) -> str | None:
        facts = self.run.record.facts.get(self.cell.system)
        return None if facts is None else facts.checkpoint_sha256

    @property
    def trials(self) -> list[Trial]:
        return self.run.strata[self.cell]


@dataclass
class Runs:
    """The finished runs of one profile. notes: what was passed over."""

    profile: str
    runs: list[Run] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    used: dict[Path, Run] = field(default_factory=dict)
    _known: dict[tuple[str, ...], dict[int, Found]] = field(default_factory=dict)

    def fresh(self) -> Runs:
        """The same, of which nothing was used yet."""
        return Runs(self.profile, self.runs, [*self.notes])

    def look_up(self, task: str, corpus: str, system: str, metric: str, split: str) -> dict[int, Found]:
        """Seed -> what the run of that seed that finished last has; empty where no run has it.

        `metric` may end in `*`: then the first key that fits and names no embedded network, of the run that finished
        last, is meant everywhere, because two networks are two metrics.
        """
        asked = (task, corpus, system, metric, split)
        if asked in self._known:
            return self._known[asked]
        able, key = self._able(task, corpus, system, metric)
        found: dict[int, Found] = {}
        for run in able:
            cell = Cell(task, corpus, key, system, split)
            if cell in run.strata and run.seed not in found:
                row = table_row(run.record, cell, run.strata[cell], run.scores)
                found[run.seed] = Found(run, cell, row)
                self.used[run.folder] = run
        self._known[asked] = dict(sorted(found.items()))
        return self._known[asked]

    def without_trials(self, task: str, corpus: str, system: str, metric: str, split: str) -> set[int]:
        """Seeds whose run judged by this metric and could draw no such trial: another run would have none either."""
        able, key = self._able(task, corpus, system, metric)
        return {run.seed for run in able if Cell(task, corpus, key, system, split) not in run.strata}

    def _able(self, task: str, corpus: str, system: str, metric: str) -> tuple[list[Run], str]:
        """(the runs that judged this system by this metric, its key)."""
        able = [
            run
            for run in self.runs
            if run.record.task == task and corpus in run.record.corpora and system in run.record.systems
        ]
        key = metric if not metric.endswith("*") else _key(able, metric.removesuffix("*"))
        judged = [run for run in able if key in run.record.metrics]
        now = [run for run in judged if run.record.protocol_version(key) == protocol_version(key)]
        note = f"Passed over, {key} of another version of its protocol: {len(judged) - len(now)}."
        if len(now) < len(judged) and note not in self.notes:
            self.notes.append(note)
        return now, key


def find_runs(profile: str, folders: Sequence[Path], results: Path = Path("results")) -> Runs:
    """The finished runs of a profile in `results` and in `folders` (run folders, or folders of them), the last first.

    A folder of `results` that cannot be read is passed over with a note; one that was named is an error.

    Raises:
        BenchmarkError: a folder that was named is not there or holds no run; a record that cannot be read.
    """
    found, unfinished, others = Runs(profile), 0, 0
    places = {path.resolve(): False for path in sorted(results.glob("*/run.json"))}
    for folder in folders:
        own = [folder / "run.json"] if (folder / "run.json").is_file() else sorted(folder.glob("*/run.json"))
        if not own:
            raise BenchmarkError(f"--runs {folder}: neither a run folder nor a folder of run folders.")
        places |= dict.fromkeys((path.resolve() for path in own), True)
    for path, named in places.items():
        try:
            record = RunFolder(path.parent).read()
        except BenchmarkError as error:
            if named:
                raise
            found.notes.append(f"Passed over: {error}")
            continue
        if record.kind != "run" or record.profile != profile:
            others += record.kind == "run" and record.profile != "human"
        elif record.status != "finished" or not record.seeds:
            unfinished += 1
        else:
            found.runs.append(Run(path.parent, record))
    found.runs.sort(key=lambda run: run.record.finished or "", reverse=True)
    if unfinished:
        found.notes.append(f"Passed over, not finished: {unfinished}.")
    if others:
        found.notes.append(f"Runs of other profiles (--profile names one): {others}.")
    return found


def _key(runs: Sequence[Run], prefix: str) -> str:
    fitting = [
        metric
        for run in runs
        for metric in run.record.metrics
        if metric.startswith(prefix) and "pocket" not in metric.split(":")
    ]
    return fitting[0] if fitting else prefix
