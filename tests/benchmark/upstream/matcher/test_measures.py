"""Measures of similarities against counting by hand, pair by pair."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.upstream.matcher.measures import auc, eer, mean_average_precision, two_way

SCORES = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=9)


@given(SCORES, SCORES)
def test_auc_counts_pairs_and_ties_half(same: list[float], other: list[float]) -> None:
    counted = [1.0 if s > o else 0.5 if s == o else 0.0 for s, o in product(same, other)]
    assert auc(np.array(same), np.array(other)) == pytest.approx(np.mean(counted))
    assert auc(np.array(same), np.array(other)) == pytest.approx(1.0 - auc(np.array(other), np.array(same)))


@given(SCORES, SCORES)
def test_eer_lies_where_the_two_errors_differ_least(same: list[float], other: list[float]) -> None:
    errors = [
        (np.mean([s < t for s in same]), np.mean([o >= t for o in other])) for t in sorted({*same, *other, np.inf})
    ]
    least = min(abs(a - b) for a, b in errors)
    best = [(a + b) / 2 for a, b in errors if abs(a - b) == pytest.approx(least)]
    assert any(eer(np.array(same), np.array(other)) == pytest.approx(b) for b in best)


def test_values_by_hand() -> None:
    assert auc(np.array([0.9, 0.4]), np.array([0.5, 0.1])) == 0.75
    assert eer(np.array([0.9, 0.8, 0.7, 0.2]), np.array([0.6, 0.3, 0.1, 0.0])) == 0.25
    assert eer(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 0.0
    with pytest.raises(ValueError, match="0 pairs of one person and 2 of two"):
        auc(np.zeros(0), np.zeros(2))
    with pytest.raises(ValueError, match="2 pairs of one person and 0 of two"):
        eer(np.zeros(2), np.zeros(0))


def test_two_way_is_all_triples_probe_by_probe() -> None:
    rng = np.random.default_rng(0)
    score = rng.integers(0, 4, (6, 9)).astype(float)
    match, rival = rng.random((6, 9)) < 0.3, rng.random((6, 9)) < 0.6
    rival &= ~match
    shares = []
    for i in range(6):
        triples = [(score[i, j], score[i, k]) for j in np.flatnonzero(match[i]) for k in np.flatnonzero(rival[i])]
        if triples:
            shares.append(np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in triples]))
    assert two_way(score, match, rival) == pytest.approx(np.mean(shares))
    with pytest.raises(ValueError, match="No probe has a match and a rival"):
        two_way(score, match, np.zeros_like(rival))


def test_average_precision_by_hand_and_ties() -> None:
    match = np.array([[True, False, True, False]])
    assert mean_average_precision(np.array([[0.9, 0.8, 0.7, 0.1]]), match) == pytest.approx((1 + 2 / 3) / 2)
    assert mean_average_precision(np.array([[0.1, 0.8, 0.2, 0.9]]), match) == pytest.approx((1 / 3 + 2 / 4) / 2)
    # All alike: the mean of the gallery's order forward (hits at 1, 3) and backward (hits at 2, 4).
    tied = ((1 + 2 / 3) / 2 + (1 / 2 + 2 / 4) / 2) / 2
    assert mean_average_precision(np.zeros((1, 4)), match) == pytest.approx(tied)
    nobody = np.vstack([match, np.zeros((1, 4), bool)])
    assert mean_average_precision(np.array([[0.9, 0.8, 0.7, 0.1]] * 2), nobody) == pytest.approx((1 + 2 / 3) / 2)
    with pytest.raises(ValueError, match="No probe has a match"):
        mean_average_precision(np.zeros((1, 4)), nobody[1:])


@given(st.integers(0, 2**32 - 1))
def test_average_precision_does_not_ask_for_the_order_of_the_gallery(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, match = rng.random((3, 7)), rng.random((3, 7)) < 0.5
    match[:, 0] = True
    order = rng.permutation(7)
    assert mean_average_precision(score, match) == pytest.approx(
        mean_average_precision(score[:, order], match[:, order])
    )
