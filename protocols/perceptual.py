"""LPIPS on feature maps: two pictures, and the mean over all pairs of a source's outputs from one pass for each.

R. Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018: maps are
normalised over channels, and LPIPS is their squared difference, weighted by channel (the trained heads), averaged over
positions and summed over layers (package lpips 0.1.4). Any network's maps will do: AlexNet's five, or a face network's.

Being squared distances, the K (K - 1) / 2 pairs need no loop: their sum is K sum |g_i|^2 - |sum g_i|^2, where g_i are
the maps less those of the first output, so that little is subtracted from little and equal outputs are exactly 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.errors import BenchmarkError

Maps = Sequence[Tensor]
"""Of one batch of pictures, a tensor (N, C, H, W) of each layer."""
Heads = Sequence[Tensor] | None
"""Weights (C,) of each layer's channels; None: 1 for all, as the lpips package with lpips=False."""

_EPSILON = 1e-10
_BATCH = 16  # pictures of a source in memory at once


def unit(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> the same, of norm 1 over the channels; where all channels are 0 they stay so."""
    norms: Tensor = torch.linalg.vector_norm(maps, dim=1, keepdim=True)
    return maps / (norms + _EPSILON)


@torch.no_grad()
def pairwise(a: Maps, b: Maps, heads: Heads = None) -> np.ndarray:
    """Maps of N pictures and of N others -> (N,) float64, LPIPS of each pair; 0 for equal pictures."""
    layers = [_energy(unit(x) - unit(y), head) for x, y, head in zip(a, b, _weights(a, heads), strict=True)]
    distances: np.ndarray = torch.stack(layers).sum(dim=0).numpy()
    return distances


@torch.no_grad()
def mean_pairwise(batches: Iterable[Maps], heads: Heads = None) -> float:
    """Maps of one source's K outputs, in one batch or several -> mean LPIPS over their K (K - 1) / 2 pairs.

    Raises:
        BenchmarkError: fewer than two outputs.
    """
    count, energy = 0, 0.0
    first: list[Tensor] = []
    total: list[Tensor] = []
    weights: Maps = ()
    for maps in batches:
        count += len(maps[0])
        units = [unit(layer) for layer in maps]
        if not first:
            first = [layer[:1].clone() for layer in units]
            total = [torch.zeros_like(layer) for layer in first]
            weights = _weights(maps, heads)
        for layer, start, running, weight in zip(units, first, total, weights, strict=True):
            layer -= start
            running += layer.sum(dim=0, keepdim=True)
            energy += float(_energy(layer, weight).sum())
    if count < 2:
        raise BenchmarkError(f"LPIPS over pairs of {count} outputs: a source needs two at least.")
    common = sum(float(_energy(running, weight)) for running, weight in zip(total, weights, strict=True))
    return max(0.0, (count * energy - common) / (count * (count - 1) / 2))


def diversity(
    pictures: Sequence[np.ndarray], network: Callable[[Sequence[np.ndarray]], Maps], heads: Heads = None
) -> float:
    """One source's outputs, (H, W, 3) uint8 of one size -> mean LPIPS over their pairs; one pass of `network` for each.

    Raises:
        BenchmarkError: as `mean_pairwise`, and what `network` raises.
    """
    starts = range(0, len(pictures), _BATCH)
    return mean_pairwise((network(pictures[start : start + _BATCH]) for start in starts), heads)


def _weights(maps: Maps, heads: Heads) -> Maps:
    return [torch.ones(layer.shape[1]) for layer in maps] if heads is None else heads


def _energy(maps: Tensor, weights: Tensor) -> Tensor:
    """(N, C, H, W), (C,) -> (N,) float64: weighted squares, summed over channels, averaged over positions."""
    squares = functional.conv2d(maps.square(), weights.to(maps).view(1, -1, 1, 1))
    return squares.sum(dim=(1, 2, 3), dtype=torch.float64).cpu() / squares[0].numel()
