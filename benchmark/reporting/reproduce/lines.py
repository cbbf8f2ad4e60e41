"""A paper's table with what our runs have: one line a cell, corpus and split, and the commands of what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from benchmark.errors import BenchmarkError
from benchmark.registry import find, parse_system
from benchmark.reporting.reproduce.claims import Claim, claims
from benchmark.reporting.reproduce.papers import Cell, PaperTable
from benchmark.reporting.reproduce.runs import SPLITS, Found, Runs
from benchmark.reporting.reproduce.verdicts import Verdict, verdict
from benchmark.tasks import TASKS

FULL = "paper"
"""The profile whose rows may stand beside a paper's numbers; at any other, the embedded corpora stand in."""


@dataclass(frozen=True)
class Line:
    """Ours of one cell on one split. values: seed -> value. networks: how many trainings they are of. paper: the
    paper's number in our unit where ours may stand beside it, else None. unlike: why it may not. command: number of the
    command that makes what is missing, 0 where nothing is."""

    cell: Cell
    corpus: str | None
    metric: str
    split: str
    values: Mapping[int, float]
    networks: int
    paper: float | None
    unlike: str
    note: str
    command: int = 0

    @property
    def mean(self) -> float | None:
        return fmean(self.values.values()) if self.values else None

    @property
    def sd(self) -> float | None:
        return stdev(self.values.values()) if len(self.values) > 1 else None

    @property
    def difference(self) -> float | None:
        """Ours less the paper's, where they may be compared."""
        return None if self.mean is None or self.paper is None else self.mean - self.paper


@dataclass(frozen=True)
class Command:
    """A run that is missing. lacks: systems of it that this version does not have; such a command cannot be run yet."""

    task: str
    profile: str
    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    corpora: tuple[str, ...]
    seed: int
    lacks: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.kind} --seed {self.seed}"

    @property
    def kind(self) -> str:
        """All of it but the seed."""
        words = ["python", "-m", "benchmark", "run", "--task", self.task, "--profile", self.profile]
        words += ["--systems", *self.systems]
        words += ["--metrics", *self.metrics] if self.metrics else []
        for corpus in self.corpora:
            words += ["--corpus", corpus]
        return shlex.join(words)


@dataclass(frozen=True)
class Judged:
    """A claim on one split."""

    claim: Claim
    split: str
    verdict: Verdict


@dataclass(frozen=True)
class Reproduction:
    """Everything that is said of one table at one profile."""

    table: PaperTable
    profile: str
    lines: Sequence[Line]
    judged: Sequence[Judged]
    commands: Sequence[Command]
    runs: Runs


def reproduction(table: PaperTable, runs: Runs, seeds: Sequence[int], folders: Mapping[str, str]) -> Reproduction:
    """Lay the runs beside the table.

    Args:
        table: the paper's.
        runs: those of one profile.
        seeds: that there should be runs of; the missing ones are the commands. Runs of other seeds count all the same.
        folders: corpus -> where it lies, for the commands.
    """
    missing = _Missing(runs.profile, seeds, folders)
    lines = [_line(cell, split, runs, missing) for cell in table.cells for split in SPLITS]
    judged = []
    for claim in claims(table):
        for split in SPLITS:
            first, second = (_found(cell, split, runs) for cell in (claim.first, claim.second))
            for cell, there in ((claim.first, first), (claim.second, second)):
                if cell not in table.cells and (corpus := corpus_of(cell, runs.profile)) is not None:
                    missing.number(cell, corpus, {*there, *_barren(cell, split, runs)})
            judged.append(Judged(claim, split, verdict(claim, first, second, _unable(claim, runs.profile))))
    return Reproduction(table, runs.profile, lines, judged, missing.commands, runs)


def corpus_of(cell: Cell, profile: str) -> str | None:
    """The corpus that stands for a cell's; None where the embedded corpus has nothing like it."""
    return cell.corpus if profile == FULL else cell.embedded


def metric_of(cell: Cell, profile: str) -> str:
    return cell.measure.paper if profile == FULL else cell.measure.embedded


def _found(cell: Cell, split: str, runs: Runs) -> dict[int, Found]:
    corpus = corpus_of(cell, runs.profile)
    return {} if corpus is None else runs.look_up(cell.task, corpus, cell.system, metric_of(cell, runs.profile), split)


def _barren(cell: Cell, split: str, runs: Runs) -> set[int]:
    corpus, metric = corpus_of(cell, runs.profile), metric_of(cell, runs.profile)
    return set() if corpus is None else runs.without_trials(cell.task, corpus, cell.system, metric, split)


def _line(cell: Cell, split: str, runs: Runs, missing: _Missing) -> Line:
    found, corpus, metric = _found(cell, split, runs), corpus_of(cell, runs.profile), metric_of(cell, runs.profile)
    values = {seed: f.row.value for seed, f in found.items() if f.row.value is not None}
    networks = {f.network for seed, f in found.items() if seed in values}
    notes = dict.fromkeys(f.row.note for f in found.values() if f.row.value is None and f.row.note)
    partial = any(f.row.partial for f in found.values())
    unlike = cell.measure.unlike or _shrunken(runs.profile) or ("fewer trials than asked for" if partial else "")
    if corpus is None:
        notes["nothing in the embedded corpus stands for it"] = None
    elif cell.value == "NA":
        notes["not defined in the paper"] = None
    number, barren = 0, set[int]()
    if corpus is not None and cell.value != "NA":
        barren = _barren(cell, split, runs) - found.keys()
        number = missing.number(cell, corpus, {*found, *barren})
    if barren:
        notes[f"no such trial could be drawn (seed {', '.join(map(str, sorted(barren)))})"] = None
    return Line(
        cell=cell,
        corpus=corpus,
        metric=next((f.cell.metric for f in found.values()), metric),
        split=split,
        values=values,
        networks=len(values) if None in networks else len(networks),
        paper=None if unlike else cell.number,
        unlike=unlike,
        note="; ".join(notes),
        command=number,
    )


def _shrunken(profile: str) -> str:
    return "" if profile == FULL else f"profile {profile}"


def _unable(claim: Claim, profile: str) -> str:
    if profile != FULL and claim.first.metric == "NISQA":
        return "NISQA cannot judge espeak voices"
    if profile != FULL and claim.first.corpus != claim.second.corpus:
        return "a claim about the papers' own corpora"
    if None in (corpus_of(claim.first, profile), corpus_of(claim.second, profile)):
        return "nothing in the embedded corpus stands for it"
    return ""


class _Missing:
    """Collects the commands, one a task, set of corpora and seed, in the order in which the table needs them."""

    def __init__(self, profile: str, seeds: Sequence[int], folders: Mapping[str, str]) -> None:
        self.profile, self.seeds, self.folders = profile, seeds, folders
        self._asked: dict[tuple[str, tuple[str, ...], int, bool], list[Cell]] = {}

    def number(self, cell: Cell, corpus: str, there: Collection[int]) -> int:
        """Of the first command that a cell needs, counted from 1; 0 where every seed is `there`."""
        train = cell.train if self.profile == FULL else (corpus,)
        keys = [(cell.task, train, seed, _known(cell)) for seed in self.seeds if seed not in there]
        for key in keys:
            self._asked.setdefault(key, []).append(cell)
        return list(self._asked).index(keys[0]) + 1 if keys else 0

    @property
    def commands(self) -> list[Command]:
        return [
            Command(
                task=task,
                profile=self.profile,
                systems=tuple(dict.fromkeys(cell.system for cell in cells)),
                metrics=tuple(self._metrics(task, cells)),
                corpora=tuple(self._named(corpus) for corpus in corpora),
                seed=seed,
                lacks=() if known else tuple(dict.fromkeys(cell.system for cell in cells)),
            )
            for (task, corpora, seed, known), cells in self._asked.items()
        ]

    def _metrics(self, task: str, cells: Sequence[Cell]) -> Iterator[str]:
        """None where the task's own are enough."""
        wanted = list(dict.fromkeys(cell.measure.ask or metric_of(cell, FULL) for cell in cells))
        if self.profile != FULL:
            wanted = list(dict.fromkeys(metric_of(cell, self.profile) for cell in cells))
        usual = TASKS[task].metrics + (TASKS[task].published if self.profile == FULL else ())
        if not set(wanted) <= set(usual):
            yield from wanted

    def _named(self, corpus: str) -> str:
        return corpus if corpus.startswith("pocket") else f"{corpus}={self.folders.get(corpus, 'FOLDER')}"


def _known(cell: Cell) -> bool:
    """Whether this version has the system of a cell, for its task."""
    try:
        entry = find("systems", parse_system(cell.system).base)
    except BenchmarkError:
        return False
    return not entry.tasks or cell.task in entry.tasks
