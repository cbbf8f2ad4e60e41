"""Means and paired differences over trials that share speakers, with honest intervals (DESIGN.md section 6a).

Trials are not independent: an easy source voice or an odd target face moves all of its trials. Variance is therefore
clustered two ways, source speaker x target speaker (Cameron, Gelbach & Miller 2011, J. Bus. Econ. Stat. 29:238), and a
speaker who plays both parts is one cluster (Aronow, Samii & Assenova 2015, Political Analysis 23:564). The quantiles
are Student's with Satterthwaite's degrees of freedom. Chosen by simulation against a studentised cluster bootstrap and
a cluster sign-flip: docs/statistics.md has the false-alarm rates.

Where trials do not count alike (words of a sentence, for the WER of a corpus) the mean is a ratio, sum(w v) / sum(w),
and its variance that of the linearised residuals w (v - mean) / sum(w) (Cochran 1977, Sampling Techniques, ch. 6).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

MIN_CLUSTERS = 8
"""Below so many speakers on either side there is no interval: no estimator keeps its level there."""


@dataclass(frozen=True)
class Interval:
    """A mean over `n` trials. `low` and `high` are None below MIN_CLUSTERS; clusters = (sources, targets)."""

    mean: float
    low: float | None
    high: float | None
    n: int
    clusters: tuple[int, int]


@dataclass(frozen=True)
class Difference:
    """A mean paired difference over `n` trials; `p` is two-sided and below 1 - level exactly when 0 lies outside.

    error, freedom: the standard error of the mean and its degrees of freedom; None where there is no interval.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    n: int
    clusters: tuple[int, int]
    error: float | None = None
    freedom: float | None = None


def mean_interval(
    values: ArrayLike,
    sources: Sequence[Hashable],
    targets: Sequence[Hashable],
    level: float = 0.95,
    weights: ArrayLike | None = None,
) -> Interval:
    """The mean of `values` (n,) and its two-way clustered interval. Deterministic: nothing is resampled.

    Args:
        values: one score a trial, finite.
        sources: the source speaker of each trial, (n,) names; one name is one speaker on both sides.
        targets: the target speaker of each trial.
        level: of the interval, in (0, 1).
        weights: the share of each trial in the mean, (n,) positive; None where all count alike.

    Raises:
        ValueError: n = 0, lengths that differ, a value that is not finite, a missing id (None or ""), a bad level, a
            weight that is not positive and finite.
    """
    mean, low, high, _, n, clusters, _, _ = _estimate(values, sources, targets, level, weights)
    return Interval(mean, low, high, n, clusters)


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    sources: Sequence[Hashable],
    targets: Sequence[Hashable],
    level: float = 0.95,
    weights: ArrayLike | None = None,
) -> Difference:
    """The mean of a - b over the same trials, its interval and the two-sided p of "no difference".

    `weights` (n,) are of the trials: both scores of a trial share one.

    Raises:
        ValueError: as `mean_interval`, and when `a` and `b` differ in length.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.shape != second.shape:
        raise ValueError(f"paired scores of shapes {first.shape} and {second.shape}")
    return Difference(*_estimate(first - second, sources, targets, level, weights))


def standard_error(
    values: np.ndarray, sources: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Standard error of the mean and its degrees of freedom, of R data sets at once.

    Args:
        values: (R, n) float64.
        sources: (R, n) int >= 0, numbers of the source speakers.
        targets: the same, in the same numbering.
        weights: (R, n) positive; None for equal ones.

    Returns:
        (standard error (R,), degrees of freedom (R,)); the error is 0 only where all values of a row are equal.
    """
    n = values.shape[1]
    if weights is None:
        residuals = (values - values.mean(axis=1, keepdims=True)) / n
    else:
        share = weights / weights.sum(axis=1, keepdims=True)
        residuals = share * (values - (share * values).sum(axis=1, keepdims=True))
    span = int(max(sources.max(), targets.max())) + 1
    source, source_groups = _clustered(residuals, sources)
    target, target_groups = _clustered(residuals, targets)
    both, speakers = _clustered(np.tile(residuals, 2), np.concatenate([sources, targets], axis=1))
    cell, _ = _clustered(residuals, sources * span + targets)
    pair, _ = _clustered(residuals, np.minimum(sources, targets) * span + np.maximum(sources, targets))

    single = n / max(n - 1, 1)
    source, target = source * _corrected(source_groups), target * _corrected(target_groups)
    cell = cell * single
    # A difference of variances can fall below its parts, even below zero; a one-way variance is always a fair floor.
    two_way = np.maximum(source + target - cell, np.maximum(source, target))
    variance = np.maximum(two_way, both * _corrected(speakers) - pair * single)
    variance = np.where(variance > 1e-12 * cell, variance, cell)

    spread = source**2 / np.maximum(source_groups - 1, 1) + target**2 / np.maximum(target_groups - 1, 1)
    spread = spread + cell**2 / max(n - 1, 1)
    least = np.maximum(np.minimum(source_groups, target_groups) - 1, 1)
    freedom = np.divide(two_way**2, spread, out=np.ones_like(spread), where=spread > 0)
    return np.sqrt(variance), np.maximum(freedom, least)


def _clustered(residuals: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(sum over clusters of squared cluster sums (R,), number of clusters (R,))."""
    rows, span = len(codes), int(codes.max()) + 1
    keys, inverse = np.unique(codes + span * np.arange(rows)[:, None], return_inverse=True)
    sums = np.bincount(inverse.ravel(), residuals.ravel(), len(keys))
    return np.bincount(keys // span, sums**2, rows), np.bincount(keys // span, minlength=rows)


def _corrected(groups: np.ndarray) -> np.ndarray:
    return np.asarray(groups / np.maximum(groups - 1, 1))


def _estimate(
    values: ArrayLike,
    sources: Sequence[Hashable],
    targets: Sequence[Hashable],
    level: float,
    weights: ArrayLike | None,
) -> tuple[float, float | None, float | None, float | None, int, tuple[int, int], float | None, float | None]:
    """Mean, low, high, p against 0, n, clusters, standard error, degrees of freedom."""
    array = np.asarray(values, np.float64)
    if not 0 < level < 1:
        raise ValueError(f"level {level}: expected a share between 0 and 1")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"scores of shape {array.shape}: expected (n,) with n > 0")
    if not np.isfinite(array).all():
        raise ValueError(f"{int((~np.isfinite(array)).sum())} of {array.size} scores are not finite")
    source, target = _codes(sources, targets, array.size)
    weight = None if weights is None else _checked(weights, array.size)
    n, clusters = array.size, (len(np.unique(source)), len(np.unique(target)))
    mean = float(array[0] if np.ptp(array) == 0 else np.average(array, weights=weight))
    if min(clusters) < MIN_CLUSTERS:
        return mean, None, None, None, n, clusters, None, None
    if np.ptp(array) == 0:
        return mean, mean, mean, float(mean == 0), n, clusters, 0.0, float(min(clusters) - 1)
    error, freedom = standard_error(array[None], source[None], target[None], None if weight is None else weight[None])
    half = float(stdtrit(freedom, (1 + level) / 2)[0] * error[0])
    p = float(2 * stdtr(freedom, -abs(mean) / error)[0])
    return mean, mean - half, mean + half, p, n, clusters, float(error[0]), float(freedom[0])


def _checked(weights: ArrayLike, n: int) -> np.ndarray:
    array = np.asarray(weights, np.float64)
    if array.shape != (n,):
        raise ValueError(f"{n} scores with weights of shape {array.shape}")
    if not (np.isfinite(array) & (array > 0)).all():
        raise ValueError("a weight that is not positive and finite: a trial that does not count is left out instead")
    return array


def _codes(sources: Sequence[Hashable], targets: Sequence[Hashable], n: int) -> tuple[np.ndarray, np.ndarray]:
    if len(sources) != n or len(targets) != n:
        raise ValueError(f"{n} scores with {len(sources)} source ids and {len(targets)} target ids")
    numbers: dict[Hashable, int] = {}
    codes = []
    for side, ids in (("source", sources), ("target", targets)):
        if any(i is None or i == "" or i != i for i in ids):
            raise ValueError(f"a {side} id is missing: every trial needs the speakers of both sides")
        codes.append(np.fromiter((numbers.setdefault(i, len(numbers)) for i in ids), np.int64, n))
    return codes[0], codes[1]
