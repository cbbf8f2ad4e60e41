"""A paper's table with what our runs have: one line a cell, corpus and split, and the commands of what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from benchmark.errors import BenchmarkError
from benchmark.registry import find, parse_system
from benchmark.reporting.reproduce.claims import Claim, claims
from benchmark.reporting.reproduce.papers import Cell, PaperTable
from benchmark.reporting.reproduce.runs import SPLITS, Asked, Found, Runs
from benchmark.reporting.reproduce.times import Paces, Time, together
from benchmark.reporting.reproduce.verdicts import Verdict, verdict
from benchmark.tasks import TASKS

FULL = "paper"
"""The profile whose rows may stand beside a paper's numbers; at any other, the embedded corpora stand in."""
SHIPPED = "pocket"
"""The profile of the shipped networks."""
STRANGERS = "trained on other people; seen and unseen say nothing of it"
"""Of a network away from home: everybody in the corpus is a stranger to it, in either split."""


@dataclass(frozen=True)
class Line:
    """Ours of one cell on one split. values: seed -> value. networks: how many trainings they are of. paper: the
    paper's number in our unit where ours may stand beside it, else None. unlike: why it may not. note: why there is no
    value, or what is to be known of it. tried: whether a run has it, or could draw no such trial. commands: numbers,
    counted from 1, of the commands that make what is missing."""

    cell: Cell
    corpus: str | None
    metric: str
    split: str
    values: Mapping[int, float]
    networks: int
    paper: float | None
    unlike: str
    note: str
    tried: bool
    commands: tuple[int, ...] = ()

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
    """A run that is missing. lacks: systems of it that this version does not have; such a command cannot be run yet.
    time: what it takes by itself. run: its number for a reader; commands that differ in the seed alone share one."""

    task: str
    profile: str
    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    corpora: tuple[str, ...]
    seed: int
    lacks: tuple[str, ...]
    time: Time
    run: int = 0

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
    """Everything that is said of one table at one profile. needed: number -> command that it asks for, of the commands
    of all tables that were laid out together. how: where their times come from."""

    table: PaperTable
    profile: str
    lines: Sequence[Line]
    judged: Sequence[Judged]
    needed: Mapping[int, Command]
    runs: Runs
    how: str


def reproductions(
    tables: Sequence[PaperTable], runs: Runs, seeds: Sequence[int], folders: Mapping[str, str], paces: Paces
) -> list[Reproduction]:
    """Lay the runs beside each table; a run that two tables lack is one command.

    Args:
        tables: the papers'.
        runs: those of one profile.
        seeds: that there should be runs of; the missing ones are the commands. Runs of other seeds count all the same.
        folders: corpus -> where it lies, for the commands.
        paces: what was measured, for the times of the commands.
    """
    missing = _Missing(runs.profile, seeds, folders, paces)
    made = [_reproduction(table, runs.fresh(), missing) for table in tables]
    every = dict(enumerate(missing.commands, start=1))  # later tables add systems to the commands of earlier ones
    return [replace(found, needed={number: every[number] for number in asked}) for found, asked in made]


def commands_of(found: Sequence[Reproduction]) -> list[Command]:
    """Of several tables, each once, in the order in which the tables need them."""
    needed = {number: command for one in found for number, command in one.needed.items()}
    return [needed[number] for number in sorted(needed)]


def time_of_all(commands: Sequence[Command]) -> Time:
    """Of commands that can be run, one after another, as --make does."""
    return together([(c.time, (c.seed, c.corpora)) for c in commands if not c.lacks])


def _reproduction(table: PaperTable, runs: Runs, missing: _Missing) -> tuple[Reproduction, list[int]]:
    """(all but the commands, their numbers)."""
    lines = [_line(cell, split, runs, missing) for cell in table.cells for split in SPLITS]
    asked = {number for line in lines for number in line.commands}
    judged = []
    for claim in claims(table):
        for split in SPLITS:
            first, second = (_found(cell, split, runs) for cell in (claim.first, claim.second))
            for cell, there in ((claim.first, first), (claim.second, second)):
                if cell not in table.cells and (corpus := corpus_of(cell, runs.profile)) is not None:
                    asked |= {*missing.numbers(cell, corpus, {*there, *_barren(cell, split, runs)})}
            unable = "; ".join(dict.fromkeys(_unable(claim, runs.profile)))
            judged.append(Judged(claim, split, verdict(claim, first, second, unable)))
    return Reproduction(table, runs.profile, lines, judged, {}, runs, missing.paces.how), sorted(asked)


def corpus_of(cell: Cell, profile: str) -> str | None:
    """The corpus that stands for a cell's; None where none does, or nothing could be tried on it (`_nothing`)."""
    if profile == FULL:
        return None if cell.crosses else cell.corpus
    return None if cell.guest and profile != SHIPPED else cell.embedded


def system_of(cell: Cell, profile: str) -> str:
    """The system that stands for a cell's, where a corpus does."""
    return cell.system if profile == FULL else cell.guest or cell.system


def metric_of(cell: Cell, profile: str) -> str:
    return cell.measure.paper if profile == FULL else cell.measure.embedded


def _found(cell: Cell, split: str, runs: Runs) -> dict[int, Found]:
    asked = _asked(cell, split, runs.profile)
    return {} if asked is None else runs.look_up(asked)


def _barren(cell: Cell, split: str, runs: Runs) -> set[int]:
    asked = _asked(cell, split, runs.profile)
    return set() if asked is None else runs.without_trials(asked)


def _passed_over(cell: Cell, split: str, runs: Runs) -> list[str]:
    asked = _asked(cell, split, runs.profile)
    return [] if asked is None else runs.passed_over(asked)


def _asked(cell: Cell, split: str, profile: str) -> Asked | None:
    """What answers a cell; None where nothing can."""
    corpus = corpus_of(cell, profile)
    if corpus is None:
        return None
    train = _train(cell, corpus, profile)
    return Asked(cell.task, corpus, system_of(cell, profile), metric_of(cell, profile), split, train)


def _train(cell: Cell, corpus: str, profile: str) -> tuple[str, ...]:
    """The corpora of the run that a cell asks for, which its networks are trained on."""
    return cell.train if profile == FULL else (corpus,)


def _nothing(profile: str) -> str:
    """Why no corpus stands for a cell."""
    if profile == FULL:
        return "source and reference are of two corpora, and trials are drawn within one"
    return "nothing in the embedded corpus stands for it"


def _among_strangers(cell: Cell, profile: str) -> bool:
    """Whether a network away from home stands for a cell."""
    return corpus_of(cell, profile) is not None and "@" in system_of(cell, profile)


def _line(cell: Cell, split: str, runs: Runs, missing: _Missing) -> Line:
    found, corpus, metric = _found(cell, split, runs), corpus_of(cell, runs.profile), metric_of(cell, runs.profile)
    values = {seed: f.row.value for seed, f in found.items() if f.row.value is not None}
    networks = {f.network for seed, f in found.items() if seed in values}
    notes = dict.fromkeys(f.row.note for f in found.values() if f.row.value is None and f.row.note)
    partial = any(f.row.partial for f in found.values())
    unlike = cell.measure.unlike or _shrunken(runs.profile) or ("fewer trials than asked for" if partial else "")
    notes |= dict.fromkeys(_passed_over(cell, split, runs))
    if cell.value == "NA":
        notes["not defined in the paper"] = None
    elif corpus is None:
        notes[_nothing(runs.profile)] = None
    elif _among_strangers(cell, runs.profile):
        notes[STRANGERS] = None
    numbers: tuple[int, ...] = ()
    barren: set[int] = set()
    if corpus is not None and cell.value != "NA":
        barren = _barren(cell, split, runs) - found.keys()
        numbers = missing.numbers(cell, corpus, {*found, *barren})
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
        tried=bool(found or barren),
        commands=numbers,
    )


def _shrunken(profile: str) -> str:
    return "" if profile == FULL else f"profile {profile}"


def _unable(claim: Claim, profile: str) -> Iterator[str]:
    """Every reason why nothing that is measured here can decide a claim."""
    if profile != FULL and claim.first.metric == "NISQA":
        yield "NISQA cannot judge espeak voices"
    if profile != FULL and claim.first.corpus != claim.second.corpus:
        yield "a claim about the papers' own corpora"
    for cell in (claim.first, claim.second):
        if corpus_of(cell, profile) is None:
            yield _nothing(profile)
        elif _among_strangers(cell, profile):
            yield f"{cell.model} was {STRANGERS}"


class _Missing:
    """Collects the commands, one a task, set of corpora and seed, in the order in which the table needs them."""

    def __init__(self, profile: str, seeds: Sequence[int], folders: Mapping[str, str], paces: Paces) -> None:
        self.profile, self.seeds, self.folders, self.paces = profile, seeds, folders, paces
        self._asked: dict[tuple[str, tuple[str, ...], int, bool], list[Cell]] = {}

    def numbers(self, cell: Cell, corpus: str, there: Collection[int]) -> tuple[int, ...]:
        """Of the commands that a cell needs, counted from 1, a seed that is not `there` each."""
        train = _train(cell, corpus, self.profile)
        keys = [(cell.task, train, seed, _known(cell)) for seed in self.seeds if seed not in there]
        for key in keys:
            self._asked.setdefault(key, []).append(cell)
        order = list(self._asked)
        return tuple(order.index(key) + 1 for key in keys)

    @property
    def commands(self) -> list[Command]:
        made = [self._command(*key, cells) for key, cells in self._asked.items()]
        kinds = list(dict.fromkeys(command.kind for command in made))
        return [replace(command, run=kinds.index(command.kind) + 1) for command in made]

    def _command(self, task: str, corpora: tuple[str, ...], seed: int, known: bool, cells: Sequence[Cell]) -> Command:
        systems = tuple(dict.fromkeys(system_of(cell, self.profile) for cell in cells))
        return Command(
            task=task,
            profile=self.profile,
            systems=systems,
            metrics=tuple(self._metrics(task, cells)),
            corpora=tuple(self._named(corpus) for corpus in corpora),
            seed=seed,
            lacks=() if known else systems,
            time=self.paces.time(task, systems, corpora, seed),
        )

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
