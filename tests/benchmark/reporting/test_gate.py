"""The gate's own arithmetic: Holm, one-sided p, the loss it prints, and how often all of it is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.reporting.gate import ALPHA, POWER, detectable, holm, p_of_loss
from benchmark.reporting.simulation import EFFECTS, Design, Effects, Gate

SPEAKERS = EFFECTS["speakers 60 %, pairs 10 %"]
FEWER = EFFECTS["speakers 20 %, pairs 10 %"]


def test_holm_is_holm() -> None:
    """Worked by hand: 4 * .01, 3 * .02, then never less than what stands before it, never more than 1."""
    assert holm(np.array([0.03, 0.01, 0.9, 0.02])).tolist() == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm(np.array([0.5, 0.6])).tolist() == [1.0, 1.0]


def test_holm_rejects_what_bonferroni_does_and_more() -> None:
    p = np.random.default_rng(0).uniform(0, 0.05, (500, 6))
    assert (holm(p) <= 6 * p).all()
    assert ((holm(p) <= ALPHA) & (6 * p > ALPHA)).any()
    assert (holm(p)[:, ::-1] == holm(p[:, ::-1])).all(), "the order of the rows does not matter"


def test_p_of_loss_is_the_one_sided_t_test() -> None:
    scores = np.random.default_rng(1).normal(-0.2, 1, 30)
    error = scores.std(ddof=1) / np.sqrt(30)
    wanted = stats.ttest_1samp(scores, 0, alternative="less").pvalue
    got = p_of_loss(np.array(scores.mean()), np.array(error), np.array(29.0))
    assert float(got) == pytest.approx(wanted, rel=1e-10)
    assert p_of_loss(np.array([-1.0, 0.0, 1.0]), np.zeros(3), np.full(3, 7.0)).tolist() == [0.0, 1.0, 1.0]


def test_the_printed_loss_has_the_printed_power() -> None:
    """Against the noncentral t distribution, over the standard errors that this estimate may be of."""
    for freedom, tested in ((7, 1), (7, 8), (7, 40), (15, 12), (31, 4), (63, 2)):
        loss = float(detectable(np.array(0.1), np.array(float(freedom)), tested, 0.0))
        needed = stats.t.ppf(1 - ALPHA / tested, freedom)
        true = 0.1 / np.sqrt(stats.chi2.ppf((np.arange(200) + 0.5) / 200, freedom) / freedom)
        assert stats.nct.sf(needed, freedom, loss / true).mean() == pytest.approx(POWER, abs=0.003)
    assert float(detectable(np.array(0.0), np.array(7.0), 3, 0.5)) == 0.5, (
        "without noise the tolerance is what it takes"
    )


def test_a_loss_must_also_pass_the_tolerance() -> None:
    """By made means and standard errors, where the tolerance takes about as much as the test does."""
    rng = np.random.default_rng(0)
    for tolerance in (1.0, 2.5, 5.0):
        loss = float(detectable(np.array(1.0), np.array(7.0), 2, tolerance))
        true = 1 / np.sqrt(rng.chisquare(7, 200_000) / 7)
        mean = loss + true * rng.standard_normal(200_000)
        estimated = true * np.sqrt(rng.chisquare(7, 200_000) / 7)
        seen = (mean / estimated >= stats.t.ppf(1 - ALPHA / 2, 7)) & (mean > tolerance)
        assert seen.mean() == pytest.approx(POWER, abs=0.005)


def test_losses_of_many_rows_are_those_of_each() -> None:
    error, freedom = np.array([[0.1, 0.2], [0.0, 0.3]]), np.array([[7.0, 9.5], [12.0, 63.0]])
    found = detectable(error, freedom, 3, 0.05)
    for i in np.ndindex(error.shape):
        assert found[i] == pytest.approx(float(detectable(error[i], freedom[i], 3, 0.05)))


def test_equal_runs_are_called_worse_in_five_percent() -> None:
    """2,000 comparisons, eight speakers on either side of each split."""
    assert Gate(Design(48, 8, 8), SPEAKERS, 1).false_alarms(2000, 0) == pytest.approx(ALPHA, abs=0.015)


def test_without_clusters_the_gate_would_cry_wolf() -> None:
    """Guards the test above: the same scores, every trial counted as independent."""
    rng, design = np.random.default_rng(0), Design(48, 8, 8)
    sources, targets = design.draw(500, rng)
    scores = SPEAKERS.draw(sources, targets, rng)
    error = scores.std(axis=1, ddof=1) / np.sqrt(48)
    p = p_of_loss(scores.mean(axis=1), error, np.full(500, 47.0))
    assert (p <= ALPHA).mean() > 0.15


@pytest.mark.slow
@pytest.mark.parametrize(("trials", "speakers"), [(48, 8), (96, 16), (192, 32), (384, 64)])
@pytest.mark.parametrize(
    ("effects", "cells", "least"),
    [(SPEAKERS, 1, 0.035), (SPEAKERS, 4, 0.035), (FEWER, 1, 0.035), (FEWER, 4, 0.028)],
    ids=["60 %, 2 rows", "60 %, 8 rows", "20 %, 2 rows", "20 %, 8 rows"],
)
def test_false_alarms_and_power_are_what_is_printed(
    effects: Effects, cells: int, least: float, trials: int, speakers: int
) -> None:
    """Issue 9: 2,000 null comparisons, 8 to 64 clusters, 5 % +- 1.5 at alpha .05; power as printed, +- 3.

    Eight rows of eight speakers with small effects are on the safe side: far out, t with 7 degrees of freedom is wide.
    """
    alarms, power = Gate(Design(trials, speakers, speakers), effects, cells).rates(2000, 0)
    assert least <= alarms <= ALPHA + 0.015
    assert power == pytest.approx(POWER, abs=0.03)
