"""One side of a comparison: the frozen trials, the score of every trial, and the table that was made of them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.reporting.curves import Curves, read_curves
from benchmark.reporting.schema import Count, RunRecord, TableRow
from benchmark.reporting.store import RunFolder, read_scores
from benchmark.reporting.tables import read_rows
from protocols.trial import Score, Trial, read_trials

GIVEN = "given"
"""What the corpus of a given list is called here; tables call it by the list's file."""
Subject = tuple[str, str]
"""(metric, system as the table writes it; of a given list by its canonical name)."""
Key = tuple[str, str, str, str, str]
"""(task, corpus, metric, system, split): one row of a table."""
Facts = Mapping[str, Mapping[str, str]]
"""Group ("weights", "packages", ...) -> name -> value."""
FLAGS = ("tf32_matmul", "tf32_cudnn", "cudnn_benchmark")
"""Of a run's device: what lets a GPU round, or choose its algorithms, otherwise."""


@dataclass(frozen=True)
class Measured:
    """A finished run, or a golden file made of one.

    tasks: task -> the metrics that judge it. systems: as the table writes them. scores: of each subject, trial name ->
    score. tolerances: of a golden file; None for a run. list_sha256: of the bytes of trials.csv as it lies there; None
    for a golden file. curves: of the trainings in the run. allowed: how far each value of them may move; of golden
    files alone, and empty where no spread was measured. band: the seeds that it was measured with.
    """

    name: str
    command: str
    tasks: Mapping[str, Sequence[str]]
    corpora: tuple[str, ...]
    systems: tuple[str, ...]
    trials: Sequence[Trial]
    scores: Mapping[Subject, Mapping[str, Score]]
    rows: Mapping[Key, TableRow]
    counts: Mapping[str, Count]
    facts: Facts = field(default_factory=dict)
    tolerances: Mapping[str, float] | None = None
    list_sha256: str | None = None
    curves: Curves = field(default_factory=dict)
    allowed: Curves = field(default_factory=dict)
    band: tuple[str, ...] = ()

    def protocol_version(self, metric: str) -> str:
        """What wrote none down is of the first version."""
        return self.facts.get("protocols", {}).get(metric, "1")

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(metric for metrics in self.tasks.values() for metric in metrics))

    def subjects(self) -> list[Subject]:
        """Every metric with every system, in the order of the table."""
        return [(metric, system) for metric in self.metrics for system in self.systems]

    def planned(self, system: str) -> list[Trial]:
        """The trials that count for a system: those that name it, and those that name none."""
        return [t for t in self.trials if t.system in ("", system)]

    def groups(self, repeated: bool = False) -> dict[tuple[str, str, str], list[Trial]]:
        """(task, corpus, split) -> its trials: all, each split, and both gender pairings of a split that has both.

        `repeated`: with the one pairing of a split that has no other too, as tables had it once (tests/historic).
        """
        found: dict[tuple[str, str, str], list[Trial]] = defaultdict(list)
        for trial in self.trials:
            names = {"all", trial.split}
            if trial.pairing:
                names.add(f"{trial.split}/{trial.pairing}".lstrip("/"))
            for name in names - {""}:
                found[trial.task, self.corpus(trial), name].append(trial)
        paired = {(task, corpus, split): split.rpartition("/") for task, corpus, split in found}
        alone = [
            (task, corpus, split)
            for (task, corpus, split), (whole, _, last) in paired.items()
            if not repeated
            and last in ("same", "cross")
            and found[task, corpus, whole or "all"] == found[task, corpus, split]
        ]
        return {place: trials for place, trials in found.items() if place not in alone}

    def corpus(self, trial: Trial) -> str:
        """Trials of several corpora are named `<corpus>-...`; raises BenchmarkError for one that is not."""
        fitting = [c for c in self.corpora if len(self.corpora) == 1 or trial.trial.startswith(f"{c}-")]
        if not fitting:
            raise BenchmarkError(f"{self.name}: trial {trial.trial!r} belongs to none of {', '.join(self.corpora)}.")
        return max(fitting, key=len)


def scores_by_subject(scores: Sequence[Score], names: Mapping[str, str]) -> dict[Subject, dict[str, Score]]:
    """(metric, system) -> trial -> score; `names`: system of scores.jsonl -> system of the table."""
    found: dict[Subject, dict[str, Score]] = defaultdict(dict)
    for score in scores:
        found[score.metric, names.get(score.system, score.system)][score.trial] = score
    return dict(found)


def rows_by_key(rows: Sequence[TableRow], where: str) -> dict[Key, TableRow]:
    """Raises BenchmarkError: two rows of one task, corpus, metric, system and split."""
    found = {(r.task, r.corpus, r.metric, r.system, r.split): r for r in rows}
    if len(found) < len(rows):
        raise BenchmarkError(f"{where} has two rows of the same task, corpus, metric, system and split.")
    return found


def read_run(folder: Path) -> Measured:
    """What a run folder holds; nothing is computed, so that a table can be checked against its own scores.

    Raises:
        BenchmarkError: no run folder, no table in it yet, or a file of it is broken.
    """
    run = RunFolder(folder)
    record = run.read()
    corpora, names = tuple(record.corpora), record.systems
    rows = read_rows(folder / "table.json")
    if record.given:  # two lists of the same trials are compared whatever their files and spellings are
        corpora, names = (GIVEN,), {system: system for system in record.systems}
        keys = {name: system for system, name in record.systems.items()}
        place = dict.fromkeys(record.corpora, GIVEN)
        rows = [
            row.model_copy(
                update={"system": keys.get(row.system, row.system), "corpus": place.get(row.corpus, row.corpus)}
            )
            for row in rows
        ]
    return Measured(
        name=str(folder),
        command=record.command,
        tasks=record.given.tasks if record.given else {record.task: record.metrics},
        corpora=corpora,
        systems=tuple(names.values()),
        trials=[replace(t, system=names.get(t.system, t.system)) for t in read_trials(run.trials)],
        scores=scores_by_subject(read_scores(run.scores), names),
        rows=rows_by_key(rows, str(folder / "table.json")),
        counts=record.counts,
        facts=_facts(record),
        list_sha256=hashlib.sha256(run.trials.read_bytes()).hexdigest(),
        curves=read_curves(folder),
    )


def _facts(record: RunRecord) -> Facts:
    device = record.device
    return {
        "protocols": {metric: str(record.protocol_version(metric)) for metric in record.metrics},
        "weights": record.weights_sha256,
        "networks": {
            record.systems[name]: facts.checkpoint_sha256
            for name, facts in record.facts.items()
            if facts.checkpoint_sha256 and name in record.systems
        },
        "corpora": record.corpus_sha256,
        "trial list": {} if record.trials_sha256 is None else {"sha256": record.trials_sha256},
        "packages": record.packages,
        "numerics": {flag: "on" if getattr(device, flag) else "off" for flag in FLAGS},
        "setting": {
            "profile": record.profile,
            "seeds": ", ".join(map(str, record.seeds)),
            "vocoder": record.vocoders,
            "device": f"{device.count} {device.kind}, {device.threads} threads",
            "commit": f"{record.git.commit or 'unknown'}{' with changes' if record.git.dirty else ''}",
            "status": record.status,
        },
    }
