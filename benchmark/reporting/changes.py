"""How far the values of two runs lie apart, row by row, paired on the trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.reporting.findings import mean_of
from benchmark.reporting.measured import Key, Measured
from benchmark.reporting.statistics import MIN_CLUSTERS, Difference, paired_difference
from benchmark.reporting.tolerances import Tolerances
from protocols.trial import Trial

LEVEL = 0.95
HIGHER = ("spksim", "nisqa", "retrieval", "mapping", "cpr", "cos_target", "lpips", "gender_flip", "f0_corr")
LOWER = ("wer", "fid", "kid", "pose_error", "f0_target")
"""Families of metrics with a good end; in any other a difference in either direction counts."""


NATURAL = frozenset({"ground_truth", "copy_source", "copy_reference", "random_reference"})
"""Controls that emit recordings as they are: no system moves their scores, only a judge or a corpus does."""
Status = Literal["same", "better", "worse", "differs"]


@dataclass(frozen=True)
class Change:
    """One row of both tables, on the `n` trials that both sides have a value for.

    a, b: their means. low, high: of b - a; None below MIN_CLUSTERS speakers, and where `sets` is set: a metric that
    judges whole sets of outputs (FID) has `sets` values, n outputs and no test. significant: the interval leaves 0 out;
    where there is none, whether this is the row of all trials, which then decides by its tolerance alone. exact: B must
    reproduce A here, in either direction. status: same, better, worse; differs where the family has no good end.
    """

    task: str
    corpus: str
    metric: str
    system: str
    split: str
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    n: int
    tolerance: float
    significant: bool
    exact: bool
    status: Status
    sets: int | None = None

    @property
    def fails(self) -> bool:
        return self.status not in (("same",) if self.exact else ("same", "better"))

    @property
    def beyond(self) -> bool:
        return abs(self.difference) > self.tolerance


def row_changes(a: Measured, b: Measured, allowed: Tolerances, reproduce: bool) -> tuple[int, list[Change]]:
    """What became of every row that both tables have and that has pairs.

    Args:
        a: one side.
        b: the other, of the same trials.
        allowed: tolerances.
        reproduce: whether any difference beyond the tolerance counts, or only one that chance does not explain; in
            NATURAL controls it always does.

    Returns:
        (rows tested together, the changes in the order of A's table). Unless `reproduce`, the intervals hold together
        at LEVEL (Bonferroni) over the rows in which any score moved by more than its tolerance: the others raise no
        alarm.
    """
    groups = a.groups()
    shared = [key for key in a.rows if key in b.rows]
    rows = [(key, row) for key in shared if (row := _Pairs.of(a, b, key, groups)) is not None]
    tested = sum(
        row.testable and row.moved(allowed(key[2], key[3])) and not (reproduce or key[3] in NATURAL)
        for key, row in rows
    )
    level = LEVEL if reproduce else 1 - (1 - LEVEL) / max(tested, 1)
    changes = []
    for key, row in rows:
        estimate = row.estimate(level)
        _, _, metric, system, split = key
        if estimate.low is None or estimate.high is None:
            significant = split == "all"  # a stratum too small for an interval is left to the whole
        else:
            significant = not estimate.low <= 0 <= estimate.high
        tolerance = allowed(metric, system)
        exact = reproduce or system in NATURAL
        moved = abs(estimate.mean) > tolerance and (exact or significant)
        gain = estimate.mean * direction(metric)
        status: Status = "same" if not moved else "differs" if gain == 0 else "better" if gain > 0 else "worse"
        a_mean, b_mean = (float(np.average(v, weights=row.weights)) for v in (row.a, row.b))
        changes.append(
            Change(
                *key,
                a=a_mean,
                b=b_mean,
                difference=estimate.mean,
                low=estimate.low,
                high=estimate.high,
                n=estimate.n,
                tolerance=tolerance,
                significant=significant,
                exact=exact,
                status=status,
                sets=row.sets,
            )
        )
    return tested, changes


@dataclass(frozen=True)
class _Pairs:
    """The scores of one row that both sides have; without speakers' names, and of sets, ids are empty.

    n: rows judged. sets: of how many sets the scores are, where they are of sets.
    """

    a: np.ndarray
    b: np.ndarray
    weights: Sequence[float] | None
    sources: list[str]
    targets: list[str]
    n: int
    sets: int | None

    @classmethod
    def of(
        cls, a: Measured, b: Measured, key: Key, groups: Mapping[tuple[str, str, str], Sequence[Trial]]
    ) -> _Pairs | None:
        task, corpus, metric, system, split = key
        ours, theirs = (side.scores.get((metric, system), {}) for side in (a, b))
        trials = [
            t
            for t in groups.get((task, corpus, split), ())
            if t.system in ("", system)
            and (x := ours.get(t.trial)) is not None
            and (y := theirs.get(t.trial)) is not None
            and _number(x.value)
            and _number(y.value)
        ]
        if not trials:
            return None
        first, weights, sources, targets = mean_of((t, ours[t.trial]) for t in trials)
        second, *_ = mean_of((t, theirs[t.trial]) for t in trials)
        rows = [count for t in trials if (count := ours[t.trial].rows) is not None]
        if rows:  # a set has no speakers of its own
            nobody = [""] * len(trials)
            return cls(np.asarray(first), np.asarray(second), None, nobody, nobody, sum(rows), len(rows))
        return cls(np.asarray(first), np.asarray(second), weights, sources, targets, len(trials), None)

    def moved(self, tolerance: float) -> bool:
        """Whether any score moved by more than the tolerance; else their mean cannot."""
        return bool((np.abs(self.b - self.a) > tolerance).any())

    @property
    def testable(self) -> bool:
        known = all(self.sources) and all(self.targets)
        return known and min(len(set(self.sources)), len(set(self.targets))) >= MIN_CLUSTERS

    def estimate(self, level: float) -> Difference:
        """The mean of b - a; without an interval where a speaker is not named, and of sets."""
        if all(self.sources) and all(self.targets):
            return paired_difference(self.b, self.a, self.sources, self.targets, level, self.weights)
        return Difference(float(np.average(self.b - self.a, weights=self.weights)), None, None, None, self.n, (0, 0))


def _number(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def direction(metric: str) -> Literal[-1, 0, 1]:
    """1 where higher is better, -1 where lower is, 0 where neither is known."""
    return 1 if metric.startswith(HIGHER) else -1 if metric.startswith(LOWER) else 0
