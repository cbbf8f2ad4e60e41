"""Distances between two sets of feature vectors: Fréchet (FID) and kernel (KID). Arrays alone, in float64.

Fréchet: |m1 - m2|^2 + tr S1 + tr S2 - 2 tr sqrt(S1 S2) of two Gaussians (Heusel et al. 2017). A covariance is kept as a
factor F with F^T F = S, and tr sqrt(S1 S2) is the sum of the singular values of F1 F2^T. So there is no matrix square
root, no imaginary part and no offset on a diagonal, and fewer rows than features are no special case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.threads import one_thread

_BLOCK = 1024  # rows whose kernels are in memory at once


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of a set, worked out once for every comparison with it.

    n: rows of the set. mean: (d,). factor: (min(n, d), d); factor.T @ factor is the covariance (divided by n - 1).
    Arrays are float64.
    """

    n: int
    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Moments:
        """Of feature vectors (n, d).

        Raises:
            BenchmarkError: fewer than two rows, no matrix, or a value that is not finite.
        """
        x = _checked(rows)
        mean = x.mean(dim=0)
        factor = (x - mean) / (len(x) - 1) ** 0.5
        if len(x) > x.shape[1]:
            factor = torch.linalg.qr(factor, mode="r").R
        return cls(len(x), mean.numpy(), factor.numpy())


def frechet_distance(x: np.ndarray | Moments, y: np.ndarray | Moments) -> float:
    """Feature vectors (n, d) and (m, d), or the moments of either -> squared Fréchet distance, 0 or more.

    Exact for any n and m from 2 on, but as an estimate biased upwards, the more so the smaller the sets: values of
    different n are not to be compared.

    Raises:
        BenchmarkError: as `Moments.of`, or widths that differ.
    """
    a, b = (s if isinstance(s, Moments) else Moments.of(s) for s in (x, y))
    _same_width(len(a.mean), len(b.mean))
    product = torch.from_numpy(a.factor) @ torch.from_numpy(b.factor).T
    with one_thread():
        overlap = float(torch.linalg.svdvals(product).sum())
    apart = np.square(a.mean - b.mean).sum() + np.square(a.factor).sum() + np.square(b.factor).sum()
    return max(0.0, float(apart) - 2 * overlap)  # equal sets are 0 but for rounding


def kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Feature vectors (n, d) and (m, d) -> squared maximum mean discrepancy, unbiased; below 0 by chance.

    Kernel (x.y / d + 1)^3 (Bińkowski et al. 2018), over all pairs. torch-fidelity and torchmetrics give the mean over
    100 random subsets of 1,000: an estimate of this number that needs a seed, and 1,000 rows of each.

    Raises:
        BenchmarkError: as `frechet_distance`.
    """
    a, b = _checked(x), _checked(y)
    _same_width(a.shape[1], b.shape[1])
    return _mean_within(a) + _mean_within(b) - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def _kernel_sum(x: Tensor, y: Tensor) -> float:
    return sum(_cubes(block @ y.T, x.shape[1]) for block in torch.split(x, _BLOCK))


def _mean_within(x: Tensor) -> float:
    """Mean kernel of two different rows."""
    with_itself = _cubes(x.square().sum(dim=1), x.shape[1])
    return (_kernel_sum(x, x) - with_itself) / (len(x) * (len(x) - 1))


def _cubes(products: Tensor, width: int) -> float:
    return float((products / width + 1.0).pow_(3).sum())


def _checked(rows: np.ndarray) -> Tensor:
    x = torch.from_numpy(np.array(rows, np.float64))
    if x.ndim != 2 or len(x) < 2 or x.shape[1] == 0:
        raise BenchmarkError(f"Features of shape {tuple(x.shape)}: a set is a matrix (n, d) of at least two rows.")
    wrong = (~x.isfinite().all(dim=1)).nonzero()
    if len(wrong):
        raise BenchmarkError(
            f"{len(wrong)} of {len(x)} feature vectors hold NaN or infinity, the first is number {int(wrong[0])}."
        )
    return x


def _same_width(a: int, b: int) -> None:
    if a != b:
        raise BenchmarkError(f"Features of {a} and of {b} numbers: two networks made them.")
