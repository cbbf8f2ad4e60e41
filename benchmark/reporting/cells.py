"""One cell of a table: mean or paired difference of the scores of its trials, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.reporting import whole_sets
from benchmark.reporting.paper import paper_value
from benchmark.reporting.schema import DifferenceRow, RunRecord, SystemFacts, TableRow
from benchmark.reporting.statistics import MIN_CLUSTERS, mean_interval, paired_difference
from benchmark.reporting.strata import Cell, Scores, target
from protocols.trial import Score, Trial

NAMED_FAILURES = 3
_SHRUNKEN = ("tiny", "pocket", "small")


def table_row(record: RunRecord, cell: Cell, trials: Sequence[Trial], scores: Scores) -> TableRow:
    """Mean, interval and failures of the scores of one cell; `trials` are its trials."""
    of = scores.get((cell.system, cell.metric), {})
    judged = [(t, s) for t in trials if (s := of.get(t.trial)) is not None]
    good = [(t, s) for t, s in judged if s.value is not None]
    failed = [s for _, s in judged if s.error is not None]
    found = _Summary()
    notes: list[str] = []
    if good:
        found = _summary(good, record.real_pictures.get(cell.corpus, {}))
        notes += found.notes
    elif not failed:
        why = "no row that this metric is defined for" if record.status == "finished" else "no scores"
        notes.append(record.metric_notes.get(cell.metric, why))
    if failed and cell.split == "all":
        named = "; ".join(f"{s.trial} ({s.error})" for s in failed[:NAMED_FAILURES])
        more = f"; {len(failed) - NAMED_FAILURES} more in scores.jsonl" if len(failed) > NAMED_FAILURES else ""
        notes.append(f"{len(failed)} failed: {named}{more}")
    name, paper = record.systems[cell.system], None
    whole = record.profile == "paper" and cell.split == "all" and cell.corpus not in record.partial
    if whole and not set(name.split(":")) & set(_SHRUNKEN):
        paper, note = paper_value(cell.task, cell.corpus, name, cell.metric)
        notes += [note] if note else []
    facts = record.facts.get(cell.system, SystemFacts())
    return TableRow(
        task=cell.task,
        corpus=cell.corpus,
        system=name,
        split=cell.split,
        metric=cell.metric,
        value=found.value,
        low=found.low,
        high=found.high,
        n=found.n,
        failed=len(failed),
        paper_value=paper,
        parameters=facts.parameters,
        train_seconds=facts.train_seconds,
        real_time_factor=facts.real_time_factor,
        vocoder=facts.vocoder,
        clusters=found.clusters,
        sets=found.sets,
        partial=cell.corpus in record.partial,
        note="; ".join(notes),
    )


@dataclass(frozen=True)
class _Summary:
    """clusters: where they are too few for an interval. sets: where the value is a mean over whole sets."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    clusters: int | None = None
    sets: int | None = None
    notes: tuple[str, ...] = ()


def _summary(pairs: Sequence[tuple[Trial, Score]], real: Mapping[str, int]) -> _Summary:
    """Of scores with values; `real`: gender -> pictures that sets are compared with."""
    trials, scores = [t for t, _ in pairs], [s for _, s in pairs]
    if whole_sets.judges_sets(scores):
        outputs = sum(s.rows or 0 for s in scores)
        said = tuple(whole_sets.notes(pairs, real))
        return _Summary(whole_sets.set_mean(scores), n=outputs, sets=len(scores), notes=said)
    values, weights, n = [_value(s) for s in scores], _weights(scores), len(scores)
    people = _people(trials)
    if people is None:
        mean = float(np.average(values, weights=weights))
        return _Summary(mean, n=n, notes=("no interval: a row has no source_id or target_id",))
    found = mean_interval(values, *people, weights=weights)
    few = min(found.clusters)
    if few < MIN_CLUSTERS:
        note = f"no interval: {found.clusters[0]} source and {found.clusters[1]} target speakers, 8 of each needed"
        return _Summary(found.mean, n=n, clusters=few, notes=(note,))
    return _Summary(found.mean, found.low, found.high, n)


def _value(score: Score) -> float:
    assert score.value is not None
    return score.value


def _people(trials: Sequence[Trial]) -> tuple[list[str], list[str]] | None:
    """The source and the target that each row is clustered by; None where a row does not name them."""
    sources, targets = [t.source_id for t in trials], [target(t) for t in trials]
    return (sources, targets) if all(sources) and all(targets) else None


def _weights(scores: Sequence[Score]) -> list[float] | None:
    """What each score counts; None where all count alike.

    Raises:
        BenchmarkError: some scores of one metric carry a weight and some none.
    """
    weights = [s.weight for s in scores if s.weight is not None]
    if weights and len(weights) < len(scores):
        bare = next(s for s in scores if s.weight is None)
        raise BenchmarkError(
            f"{bare.metric} of {bare.system}: trial {bare.trial} has no weight and others have. Is scores.jsonl of two "
            f"versions? Remove it and score again."
        )
    return weights or None


def difference_row(
    record: RunRecord,
    cell: Cell,
    against: str,
    trials: Sequence[Trial],
    scores: Scores,
    against_metric: str | None = None,
) -> DifferenceRow | None:
    """The paired difference of a cell's system to another, or to itself under another metric of rows; None where no
    trial (or set) has values of both."""
    first = scores.get((cell.system, cell.metric), {})
    second = scores.get((against, against_metric or cell.metric), {})
    if whole_sets.judges_sets([*first.values(), *second.values()]):
        return _set_difference(record, cell, against, *(_by_set(trials, of) for of in (first, second)))
    both = _pairs(cell.metric, trials, first, second)
    if not both:
        return None
    ours, theirs, weights = [_value(a) for _, a, _ in both], [_value(b) for _, _, b in both], _shared_weights(both)
    mean = float(np.average(np.subtract(ours, theirs), weights=weights))
    low = high = p = few = None
    if people := _people([t for t, _, _ in both]):
        found = paired_difference(ours, theirs, *people, weights=weights)
        mean, low, high, p = found.mean, found.low, found.high, found.p
        few = min(found.clusters) if low is None else None
    return DifferenceRow(
        task=cell.task,
        corpus=cell.corpus,
        system=record.systems[cell.system],
        against=record.systems[against],
        split=cell.split,
        metric=cell.metric,
        difference=mean,
        low=low,
        high=high,
        p=p,
        n=len(both),
        clusters=few,
        against_metric=against_metric,
    )


def _pairs(
    metric: str, trials: Sequence[Trial], first: Mapping[str, Score], second: Mapping[str, Score]
) -> list[tuple[Trial, Score, Score]]:
    """The items that both have values for. What LPIPS says of a source stands under its first output that could be
    read, which need not be the same row in both systems."""
    ours, theirs = (
        {
            (*whole_sets.set_name(t), t.source) if metric.startswith("lpips@") else t.trial: (t, s)
            for t in trials
            if (s := of.get(t.trial)) is not None and s.value is not None
        }
        for of in (first, second)
    )
    return [(*ours[item], theirs[item][1]) for item in ours if item in theirs]


def _by_set(trials: Sequence[Trial], scores: Mapping[str, Score]) -> dict[whole_sets.SetName, Score]:
    """Sets are paired by what they are: of two systems the first output of one set can be of different trials."""
    found = ((t, scores[t.trial]) for t in trials if t.trial in scores)
    return {whole_sets.set_name(t): s for t, s in found if s.value is not None}


def _set_difference(
    record: RunRecord,
    cell: Cell,
    against: str,
    ours: Mapping[whole_sets.SetName, Score],
    theirs: Mapping[whole_sets.SetName, Score],
) -> DifferenceRow | None:
    shared = [name for name in ours if name in theirs]
    if not shared:
        return None
    first, second = [ours[name] for name in shared], [theirs[name] for name in shared]
    return DifferenceRow(
        task=cell.task,
        corpus=cell.corpus,
        system=record.systems[cell.system],
        against=record.systems[against],
        split=cell.split,
        metric=cell.metric,
        difference=whole_sets.set_mean(first) - whole_sets.set_mean(second),
        low=None,
        high=None,
        p=None,
        n=sum(min(a.rows or 0, b.rows or 0) for a, b in zip(first, second, strict=True)),
        sets=len(shared),
    )


def _shared_weights(pairs: Sequence[tuple[Trial, Score, Score]]) -> list[float] | None:
    """Of the trials of a paired difference.

    Raises:
        BenchmarkError: two scores of one trial count differently, so that their difference means nothing.
    """
    weights = _weights([a for _, a, _ in pairs])
    if weights != _weights([b for _, _, b in pairs]):
        trial, a, b = next(pair for pair in pairs if pair[1].weight != pair[2].weight)
        raise BenchmarkError(
            f"{a.metric}, trial {trial.trial}: weight {a.weight} for {a.system}, {b.weight} for {b.system}. Do their "
            f"transcripts differ?"
        )
    return weights
