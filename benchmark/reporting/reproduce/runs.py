"""Finding the runs that a paper's table can be answered from, and what each says of one system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.registry import find, parse_system, protocol_version
from benchmark.reporting.cells import table_row
from benchmark.reporting.schema import RunRecord, TableRow
from benchmark.reporting.store import RunFolder, read_scores
from benchmark.reporting.strata import Cell, Scores, by_key, cells
from protocols.trial import Trial, read_trials

SPLITS = ("seen", "unseen")
"""The paper does not say on which speakers its numbers are: both stand apart."""
_UNNAMED = "a vocoder that is not named"


@dataclass(frozen=True)
class Asked:
    """What a cell asks of runs. metric: may end in `*`; then the first key that fits and names no embedded network, of
    the run that finished last, is meant everywhere, because two networks are two metrics. train: the corpora that a
    network of the run must have been trained on, all of them and no other."""

    task: str
    corpus: str
    system: str
    metric: str
    split: str
    train: tuple[str, ...]


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

    def vocoder(self, system: str) -> str | None:
        """What made waveforms of a system's mels; None where the system has none or nobody named it."""
        facts = self.record.facts.get(system)
        return None if facts is None else facts.vocoder


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
    _known: dict[Asked, dict[int, Found]] = field(default_factory=dict)

    def fresh(self) -> Runs:
        """The same, of which nothing was used yet."""
        return Runs(self.profile, self.runs, [*self.notes])

    def look_up(self, asked: Asked) -> dict[int, Found]:
        """Seed -> what the run of that seed that finished last has; empty where no run has it."""
        if asked in self._known:
            return self._known[asked]
        able, key, _ = self._able(asked)
        found: dict[int, Found] = {}
        for run in able:
            cell = Cell(asked.task, asked.corpus, key, asked.system, asked.split)
            if cell in run.strata and run.seed not in found:
                row = table_row(run.record, cell, run.strata[cell], run.scores)
                found[run.seed] = Found(run, cell, row)
                self.used[run.folder] = run
        self._known[asked] = dict(sorted(found.items()))
        return self._known[asked]

    def without_trials(self, asked: Asked) -> set[int]:
        """Seeds whose run judged by this metric and could draw no such trial: another run would have none either."""
        able, key, _ = self._able(asked)
        cell = Cell(asked.task, asked.corpus, key, asked.system, asked.split)
        return {run.seed for run in able if cell not in run.strata}

    def passed_over(self, asked: Asked) -> list[str]:
        """Why runs that have this system by this metric do not count, a reason each with the folders."""
        passed = self._able(asked)[2]
        return [
            f"passed over, {why}: {', '.join(folder.name for folder in passed if passed[folder] == why)}"
            for why in dict.fromkeys(passed.values())
        ]

    def _able(self, asked: Asked) -> tuple[list[Run], str, dict[Path, str]]:
        """(the runs that count, the metric's key, folder -> why a run that judged the system by it does not)."""
        there = [
            run
            for run in self.runs
            if run.record.task == asked.task
            and asked.corpus in run.record.corpora
            and asked.system in run.record.systems
        ]
        key = asked.metric
        if key.endswith("*"):
            key = _key(sorted(there, key=lambda run: bool(_elsewhere(run, asked))), key.removesuffix("*"))
        judged = [run for run in there if key in run.record.metrics]
        now = [run for run in judged if run.record.protocol_version(key) == protocol_version(key)]
        note = f"Passed over, {key} of another version of its protocol: {len(judged) - len(now)}."
        if len(now) < len(judged) and note not in self.notes:
            self.notes.append(note)
        passed = {run.folder: why for run in now if (why := _elsewhere(run, asked))}
        trained = [run for run in now if run.folder not in passed]
        vocoder = _vocoder(trained, asked.system)
        for run in trained:
            if (other := run.vocoder(asked.system)) != vocoder:
                passed[run.folder] = f"made through {other or _UNNAMED} and not {vocoder or _UNNAMED}"
        return [run for run in trained if run.folder not in passed], key, passed


def trains(system: str) -> bool:
    """Whether a run trains the network behind a name on its own corpora: not of a control, which learns nothing, nor
    away from home, where the network is what its home made it. Of a name that this version does not know, it does."""
    try:
        name = parse_system(system)
    except BenchmarkError:
        return True
    return not name.home and find("systems", name.base).kind != "control"


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


def _elsewhere(run: Run, asked: Asked) -> str:
    """On which other corpora the network of a run was trained, in words; empty where on those asked for, or none."""
    if set(run.record.corpora) == set(asked.train) or not trains(asked.system):
        return ""
    return f"trained on {', '.join(run.record.corpora)} instead of {', '.join(asked.train)}"


def _vocoder(runs: Sequence[Run], system: str) -> str | None:
    """The one that stands for all: through which most seeds went; of equals, that of the run that finished last."""
    seeds: dict[str | None, set[int]] = {}
    for run in runs:
        seeds.setdefault(run.vocoder(system), set()).add(run.seed)
    return max(seeds, key=lambda name: len(seeds[name]), default=None)
