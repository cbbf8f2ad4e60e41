"""Fréchet and kernel distance: closed forms, the packages, and what must not matter."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from protocols.frechet import Moments, frechet_distance, kernel_distance


def features(n: int, d: int, seed: int, scale: float = 1.0) -> np.ndarray:
    """Correlated and of very different spreads, as those of a network are."""
    draw = np.random.default_rng(seed)
    return scale * np.maximum(
        draw.standard_normal((n, d)) @ draw.standard_normal((d, d)) * draw.uniform(0, 1, d) ** 3, 0
    )


def by_covariances(x: np.ndarray, y: np.ndarray) -> float:
    """The textbook formula, the trace of the root by the eigenvalues of the product of the covariances."""
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    roots = np.sqrt(np.clip(np.linalg.eigvals(s @ t).real, 0, None)).sum()
    return float(np.square(x.mean(0) - y.mean(0)).sum() + np.trace(s) + np.trace(t) - 2 * roots)


def test_one_feature_has_a_closed_form() -> None:
    """(m1 - m2)^2 + (s1 - s2)^2."""
    x, y = np.array([[1.0], [3.0], [5.0]]), np.array([[0.0], [1.0]])
    assert frechet_distance(x, y) == pytest.approx((3 - 0.5) ** 2 + (2 - np.sqrt(0.5)) ** 2, rel=1e-12)


def test_independent_features_have_a_closed_form() -> None:
    """Axes that do not correlate add up; two sets that differ by a shift and a scale."""
    x = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 3], [0, 0, -3]])
    y = 2 * x + np.array([1.0, 1, 1])
    assert frechet_distance(x, y) == pytest.approx(3 + np.square(x).sum() / 5, rel=1e-12)


@pytest.mark.parametrize(("n", "m", "d"), [(300, 200, 16), (20, 300, 40), (300, 20, 40), (12, 9, 40), (40, 41, 40)])
def test_is_pytorch_fids(n: int, m: int, d: int) -> None:
    """Where there are fewer rows than features, the root of a singular product is good to about 1e-7."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    x, y = features(n, d, 1), features(m, d, 2, scale=1.3)
    expected = calculate_frechet_distance(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    few = min(n, m) <= d
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6 if few else 1e-10)
    assert frechet_distance(x, y) == pytest.approx(by_covariances(x, y), rel=1e-6 if few else 1e-10)


def test_tiny_spreads_keep_their_digits() -> None:
    """Spreads from 1 to 1e-12: by eigenvalues of a squared matrix this is good to 1e-8 only."""
    spread = 10.0 ** -np.arange(13)
    axes = np.random.default_rng(0).standard_normal((200, 13))
    axes = np.linalg.qr(axes - axes.mean(0))[0] * np.sqrt(199)
    assert frechet_distance(axes * spread, axes * spread * 2) == pytest.approx(np.square(spread).sum(), rel=1e-11)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 40),
    m=st.integers(2, 40),
    d=st.integers(1, 30),
    seed=st.integers(0, 999),
    scale=st.floats(0.01, 10),
)
def test_what_must_not_matter(n: int, m: int, d: int, seed: int, scale: float) -> None:
    x, y = features(n, d, seed, scale), features(m, d, seed + 1) + 0.5
    size = float(x.var() + y.var() + 1) * d
    distance = frechet_distance(x, y)
    assert distance > 0
    assert frechet_distance(x, x) < 1e-6
    assert frechet_distance(x, x[::-1]) < 1e-6
    assert frechet_distance(y, x) == pytest.approx(distance, abs=1e-10 * size)
    shuffled = np.random.default_rng(seed).permutation(x)
    assert frechet_distance(shuffled, y) == pytest.approx(distance, abs=1e-10 * size)
    assert frechet_distance(x - 7, y - 7) == pytest.approx(distance, abs=1e-9 * size)
    assert frechet_distance(Moments.of(x), y) == distance == frechet_distance(x, Moments.of(y))


def test_moments_hold_mean_and_covariance() -> None:
    for n, rows in ((50, 8), (5, 5)):
        x = features(n, 8, 3).astype(np.float32)
        found = Moments.of(x)
        assert found.n == n
        assert found.factor.shape == (rows, 8)
        assert found.factor.dtype == found.mean.dtype == np.float64
        np.testing.assert_allclose(found.mean, x.mean(0, dtype=np.float64), rtol=1e-12)
        np.testing.assert_allclose(found.factor.T @ found.factor, np.cov(x, rowvar=False), atol=1e-12)


def test_features_given_are_left_as_they_are() -> None:
    x = features(9, 4, 0)
    before = x.copy()
    frechet_distance(x, x + 1)
    kernel_distance(x, x + 1)
    np.testing.assert_array_equal(x, before)


def pairwise_kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """The definition, pair by pair."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    def within(rows: np.ndarray) -> float:
        return float(np.mean([kernel(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]))

    return within(x) + within(y) - 2 * float(np.mean([kernel(a, b) for a in x for b in y]))


def test_the_kernel_distance_is_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = features(11, 6, 0), features(8, 6, 1) + 0.3
    expected = pairwise_kernel_distance(x, y)
    assert kernel_distance(x, y) == pytest.approx(expected, rel=1e-12)
    assert kernel_distance(y, x) == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr("protocols.frechet._BLOCK", 3)
    assert kernel_distance(x, y) == pytest.approx(expected, rel=1e-12)


def test_the_kernel_distance_is_torchmetrics() -> None:
    import torch
    from torchmetrics.image.kid import poly_mmd

    x, y = features(40, 12, 0), features(40, 12, 1) + 0.1
    assert kernel_distance(x, y) == pytest.approx(float(poly_mmd(torch.tensor(x), torch.tensor(y))), rel=1e-10)


def test_subsets_of_the_usual_kid_average_to_it() -> None:
    x, y = features(60, 12, 0), features(60, 12, 1) + 0.3
    draw = np.random.default_rng(0)
    subsets = [kernel_distance(draw.permutation(x)[:20], draw.permutation(y)[:20]) for _ in range(400)]
    error = float(np.std(subsets)) / 400**0.5
    assert abs(np.mean(subsets) - kernel_distance(x, y)) < 4 * error
    assert error < 0.05 * kernel_distance(x, y)


def test_halves_of_one_set_are_at_kernel_distance_zero_on_average() -> None:
    """No bias: the mean over many splits lies about 0, and some values lie below it."""
    x = features(40, 8, 5)
    draw = np.random.default_rng(0)
    splits = [kernel_distance(*np.split(draw.permutation(x), 2)) for _ in range(300)]
    assert abs(np.mean(splits)) < 4 * np.std(splits) / 300**0.5
    assert min(splits) < 0 < max(splits)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.ones((1, 3)), np.ones((4, 3)), "shape (1, 3)"),
        (np.ones((4, 3)), np.ones(3), "shape (3,)"),
        (np.ones((4, 3)), np.ones((4, 0)), "shape (4, 0)"),
        (np.ones((4, 3)), np.ones((4, 2)), "of 3 and of 2 numbers"),
        (
            np.ones((4, 3)),
            np.array([[1.0], [np.nan], [np.inf]]),
            "2 of 3 feature vectors hold NaN or infinity, the fir",
        ),
    ],
)
def test_what_is_no_set_is_refused(distance: object, x: np.ndarray, y: np.ndarray, said: str) -> None:
    with pytest.raises(BenchmarkError, match=re.escape(said)):
        distance(x, y)  # type: ignore[operator]
