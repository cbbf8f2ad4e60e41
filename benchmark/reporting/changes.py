"""How far the values of two runs lie apart, row by row, paired on the trials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.reporting.findings import mean_of
from benchmark.reporting.gate import ALPHA, detectable, holm, p_of_loss
from benchmark.reporting.measured import Key, Measured
from benchmark.reporting.statistics import MIN_CLUSTERS, Difference, paired_difference
from benchmark.reporting.tolerances import Tolerances
from protocols.trial import Trial

HIGHER = ("spksim", "nisqa", "retrieval", "mapping", "cpr", "cos_target", "lpips", "gender_flip", "f0_corr")
LOWER = ("wer", "fid", "kid", "pose_error", "f0_target")
"""Families of metrics with a good end; in any other a difference in either direction counts."""


NATURAL = frozenset({"ground_truth", "copy_source", "copy_reference", "random_reference"})
"""Controls that emit recordings as they are: no system moves their scores, only a judge or a corpus does."""
Status = Literal["same", "better", "worse", "differs", "part"]


@dataclass(frozen=True)
class Change:
    """One row of both tables, on the `n` trials that both sides have a value for.

    a, b: their means. low, high: the 95 % interval of b - a, of this row alone; None below MIN_CLUSTERS speakers, and
    where `sets` is set: a metric that judges whole sets of outputs (FID) has `sets` values, n outputs and no test.
    p: one-sided, that B is no worse, adjusted (Holm) for all rows of the family; None for a row outside it.
    detectable: the loss that this row is called worse for in gate.POWER of comparisons; None likewise. exact: B must
    reproduce A here, in either direction. status: same, better, worse; differs where the metric has no good end; part:
    a row that decides nothing, because other rows of its system and metric do.
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
    exact: bool
    status: Status
    p: float | None = None
    detectable: float | None = None
    sets: int | None = None

    @property
    def fails(self) -> bool:
        return self.status not in (("same",) if self.exact else ("same", "better", "part"))

    @property
    def beyond(self) -> bool:
        return abs(self.difference) > self.tolerance


def row_changes(a: Measured, b: Measured, allowed: Tolerances, reproduce: bool) -> tuple[int, list[Change]]:
    """What became of every row that both tables have and that has pairs.

    The family: of every system and metric the splits of the list (seen, unseen), which share no speaker, or the row of
    all trials where there is one split or a split has too few speakers; and of these the rows in which any score moved
    by more than its tolerance, because no other can be called worse. Pairings of genders, and all trials beside their
    splits, are shown and decide nothing. NATURAL controls are no part of it: they must be the same.

    Args:
        a: one side.
        b: the other, of the same trials.
        allowed: tolerances.
        reproduce: whether any difference beyond the tolerance counts, or only one that chance does not explain; in
            NATURAL controls it always does.

    Returns:
        (rows of the family, the changes in the order of A's table).
    """
    groups = a.groups()
    shared = [key for key in a.rows if key in b.rows]
    rows = {key: row for key in shared if (row := _Pairs.of(a, b, key, groups)) is not None}
    deciding = set() if reproduce else _deciding(rows)
    family = [key for key in deciding if rows[key].testable and rows[key].moved(allowed(key[2], key[3]))]
    found = {key: row.estimate() for key, row in rows.items()}
    tests = _tested([found[key] for key in family], [(direction(k[2]), allowed(k[2], k[3])) for k in family])
    judged = dict(zip(family, tests, strict=True))
    changes = []
    for key, row in rows.items():
        estimate, test = found[key], judged.get(key)
        tolerance = allowed(key[2], key[3])
        exact = reproduce or key[3] in NATURAL
        status: Status = "same" if exact or key in deciding else "part"
        if abs(estimate.mean) > tolerance and (
            exact or (key in deciding and (not row.testable or (test and test.moved)))
        ):
            gain = estimate.mean * direction(key[2])
            status = "differs" if gain == 0 else "better" if gain > 0 else "worse"
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
                exact=exact,
                status=status,
                p=test.p if test else None,
                detectable=test.detectable if test else None,
                sets=row.sets,
            )
        )
    return len(family), changes


def _deciding(rows: Mapping[Key, _Pairs]) -> set[Key]:
    """The rows that say whether a system is worse under a metric; without an interval, that of all trials."""
    cells: dict[tuple[str, ...], dict[str, _Pairs]] = defaultdict(dict)
    for (*cell, split), row in rows.items():
        cells[tuple(cell)][split] = row
    found: set[Key] = set()
    for (task, corpus, metric, system), of in cells.items():
        if system in NATURAL:
            continue
        splits = [s for s in of if s != "all" and s.rpartition("/")[2] not in ("same", "cross")]
        apart = len(splits) > 1 and all(of[s].testable for s in splits)
        found |= {(task, corpus, metric, system, s) for s in (splits if apart or "all" not in of else ["all"])}
    return found


@dataclass(frozen=True)
class _Test:
    """Of one row of the family. moved: chance does not explain its difference, whichever way it goes."""

    p: float
    detectable: float
    moved: bool


def _tested(found: Sequence[Difference], ends: Sequence[tuple[int, float]]) -> list[_Test]:
    """Losses are tested together, and gains together; without a good end either counts as a loss, at twice its p.

    `ends`: of each row the direction of its metric, and its tolerance.
    """
    if not found:
        return []
    error, freedom = (np.array([getattr(d, name) for d in found]) for name in ("error", "freedom"))
    end = np.array([end for end, _ in ends])
    mean = np.array([d.mean for d in found]) * np.where(end == 0, 1, end)
    loss, gain = p_of_loss(mean, error, freedom), p_of_loss(-mean, error, freedom)
    either = np.minimum(2 * np.minimum(loss, gain), 1)
    worse = holm(np.where(end == 0, either, loss))
    better = holm(np.where(end == 0, either, gain))
    return [
        _Test(
            float(worse[i]),
            float(detectable(error[i], freedom[i], len(found), tolerance)),
            bool(min(worse[i], better[i]) <= ALPHA),
        )
        for i, (_, tolerance) in enumerate(ends)
    ]


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

    def estimate(self) -> Difference:
        """The mean of b - a; without an interval where a speaker is not named, and of sets."""
        if all(self.sources) and all(self.targets):
            return paired_difference(self.b, self.a, self.sources, self.targets, weights=self.weights)
        return Difference(float(np.average(self.b - self.a, weights=self.weights)), None, None, None, self.n, (0, 0))


def _number(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def direction(metric: str) -> Literal[-1, 0, 1]:
    """1 where higher is better, -1 where lower is, 0 where neither is known."""
    return 1 if metric.startswith(HIGHER) else -1 if metric.startswith(LOWER) else 0
