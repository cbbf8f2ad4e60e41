"""Which trials and scores belong to a cell of a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmark.errors import BenchmarkError
from benchmark.reporting.schema import RunRecord
from benchmark.tasks import TASKS
from protocols.trial import Score, Trial

SPLITS = ("all", "seen", "unseen", "seen/same", "seen/cross", "unseen/same", "unseen/cross")
"""The strata of a run, in the order of its rows. A given list has those of its own splits, or `same` and `cross`."""

Scores = Mapping[tuple[str, str], Mapping[str, Score]]
"""(system, metric) -> trial -> score."""


@dataclass(frozen=True)
class Cell:
    """Where a number stands: one system (its key, not its name) under one metric on one stratum."""

    task: str
    corpus: str
    metric: str
    system: str
    split: str


def cells(record: RunRecord, trials: Sequence[Trial]) -> Iterator[tuple[Cell, list[Trial]]]:
    """Every cell that has trials, with them, in the order of the rows. A gender pairing that all rows of a split have
    is no cell of its own: it would say the same twice.

    Raises:
        BenchmarkError: a trial that belongs to no corpus.
    """
    groups: dict[tuple[str, str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        task, corpus = trial.task if record.given else record.task, _corpus(record, trial)
        for split in _strata(trial):
            groups[task, corpus, split].append(trial)
    shown = {place: own for place, own in groups.items() if not _repeats(place, groups)}
    found = {split for _, _, split in shown}
    splits = [s for s in SPLITS if s in found] + sorted(found - set(SPLITS), key=_order)
    tasks = record.given.tasks if record.given else {record.task: record.metrics}
    for task, metrics in tasks.items():
        for corpus in record.corpora:
            for metric in metrics:
                for system in record.systems:
                    for split in splits:
                        own = [t for t in shown.get((task, corpus, split), ()) if t.system in ("", system)]
                        if own:
                            yield Cell(task, corpus, metric, system, split), own


def by_key(record: RunRecord, trials: Sequence[Trial], scores: Sequence[Score]) -> Scores:
    """Scores under the key they are looked up by.

    Raises:
        BenchmarkError: a score that belongs to no row, two trials of one name.
    """
    rows = {(trial.system, trial.trial) for trial in trials}
    if len(rows) < len(trials):
        raise BenchmarkError("The trial list names two of its rows alike; every row needs a `trial` of its own.")
    found: dict[tuple[str, str], dict[str, Score]] = defaultdict(dict)
    for score in scores:
        named = rows & {(score.system, score.trial), ("", score.trial)}
        if score.system not in record.systems or score.metric not in record.metrics or not named:
            raise BenchmarkError(
                f"A score of system {score.system!r}, metric {score.metric!r}, trial {score.trial!r} belongs to no row "
                f"of this run. Is scores.jsonl from another one?"
            )
        found[score.system, score.metric][score.trial] = score
    return found


def target(trial: Trial) -> str:
    """Who the target of a row is when intervals are clustered; empty where the list does not say.

    A latent is drawn for one row alone (clovaai/stargan-v2@875b70a:metrics/eval.py does so too): no row shares it, and
    what is left is the clustering by source.
    """
    task = TASKS.get(trial.task)
    latent = task is not None and task.reference is None
    return trial.target_id or (f"latent of {trial.trial}" if latent else "")


def _strata(trial: Trial) -> set[str]:
    """All rows; the row's split; its gender pairing, within the split where it has one."""
    paired = "/".join(filter(None, (trial.split, trial.pairing))) if trial.pairing else ""
    return {"all", trial.split, paired} - {""}


def _repeats(place: tuple[str, str, str], groups: Mapping[tuple[str, str, str], Sequence[Trial]]) -> bool:
    task, corpus, split = place
    whole, _, last = split.rpartition("/")
    return last in ("same", "cross") and len(groups[task, corpus, whole or "all"]) == len(groups[place])


def _order(split: str) -> tuple[str, bool, str]:
    """Splits by name, then their pairings, `same` before `cross` as in a run."""
    part, _, last = split.rpartition("/")
    return part, last == "cross", last


def _corpus(record: RunRecord, trial: Trial) -> str:
    """Trials of several corpora are named `<corpus>-...`."""
    if len(record.corpora) == 1:
        return record.corpora[0]
    fitting = [c for c in record.corpora if trial.trial.startswith(f"{c}-")]
    if not fitting:
        raise BenchmarkError(
            f"Trial {trial.trial!r} begins with none of the run's corpora {', '.join(record.corpora)}."
        )
    return max(fitting, key=len)
