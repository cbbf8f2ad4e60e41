"""When a lower mean is a regression: one-sided tests of the rows of a family together (Holm), and what they can see.

All of it works on arrays, so that the simulation of false alarms (`benchmark.reporting.simulation`) runs the very code
that `compare` decides by.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv, ndtr, ndtri, stdtr, stdtrit

ALPHA = 0.05
"""Of 100 pairs of runs of equal quality so many may be called worse (and, apart from that, so many better)."""
POWER = 0.8
"""The share of comparisons in which a loss as large as `detectable` is called worse."""
_QUANTILES = (np.arange(32) + 0.5) / 32
"""Of the distribution of an estimated standard error: the mean over them stands for the integral."""
_HALVINGS = 20
"""Of the interval that holds the loss: to 1e-4 of a standard error."""


def p_of_loss(gain: np.ndarray, error: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """One-sided p of "B is no worse than A".

    Args:
        gain: mean difference, positive where B is better, of any shape.
        error: its standard error, >= 0, of that shape.
        freedom: its degrees of freedom, of that shape.

    Returns:
        p of that shape; where the error is 0 every pair agrees, and p is 0 for a loss, else 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stdtr(freedom, gain / error)
    return np.where(error > 0, p, np.where(gain < 0, 0.0, 1.0))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p (Holm 1979, Scand. J. Stat. 6:65): those <= alpha are rejected, and with any dependence between
    the tests a true hypothesis is rejected in at most alpha of the families.

    Args:
        p: (..., m), one family along the last axis.

    Returns:
        (..., m), at most 1.
    """
    order = np.argsort(p, axis=-1)
    count = p.shape[-1]
    stepped = np.take_along_axis(p, order, -1) * np.arange(count, 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(stepped, axis=-1), 1.0)
    out = np.empty_like(adjusted)
    np.put_along_axis(out, order, adjusted, -1)
    return out


def detectable(error: np.ndarray, freedom: np.ndarray, tested: int, tolerance: float) -> np.ndarray:
    """The true loss that one of `tested` rows is called worse for in POWER of comparisons like this one.

    As if it were the only row that is worse: then Holm asks alpha / tested of it. The loss seen must also pass the
    tolerance. The loss seen is normal around the true one, and an estimated standard error is the true one times a chi
    with its degrees of freedom: that of the comparison to come (which makes the test a noncentral t) and that of this
    one. Power is the mean over both, because of the loss that is printed nobody knows whether its standard error was
    estimated too small.

    Args:
        error: standard error of the mean difference, >= 0.
        freedom: its degrees of freedom.
        tested: rows of the family.
        tolerance: absolute, of the metric.

    Returns:
        A loss > 0 in the unit of the metric, of the shape of `error`.
    """
    error, freedom = np.broadcast_arrays(np.asarray(error, np.float64), np.asarray(freedom, np.float64))
    estimated = np.sqrt(2 * gammaincinv(freedom[..., None] / 2, _QUANTILES) / freedom[..., None])
    ours, theirs = estimated[..., :, None], estimated[..., None, :]  # of this comparison, of the one to come
    with np.errstate(divide="ignore", invalid="ignore"):
        allowed = np.where(error > 0, tolerance / error, 0.0)[..., None, None] * ours
    needed = np.maximum(stdtrit(freedom, 1 - ALPHA / tested)[..., None, None] * theirs, allowed)
    low = np.zeros(error.shape)
    high = (needed.max(axis=(-2, -1)) + ndtri(POWER)) / estimated[..., 0]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = ndtr(middle[..., None, None] * ours - needed).mean(axis=(-2, -1)) >= POWER
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(error > 0, high * error, tolerance)
