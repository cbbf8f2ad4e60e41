"""The network of pytorch-fid: TensorFlow's Inception of 2015, ported, which most published FIDs were taken with.

Torchvision's Inception but for the pools inside its blocks: averages leave the padding out, and the last block takes
the maximum (pytorch-fid 0.3.0: pytorch_fid/inception.py). Pictures of any size are interpolated to 299 x 299 without
antialiasing, so large ones are sampled, not averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.inception import Inception3

from benchmark import weights
from benchmark.upstream.inception import BATCH, SIDE, ready, trunk, unit_range
from benchmark.upstream.pictures import stacked, through
from benchmark.weights.reading import read_weights

WEIGHTS = "pt_inception-2015-12-05-6726825d.pth"

_AVERAGING = ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7b")
_TAKING_THE_MAXIMUM = ("Mixed_7c",)


class _Repooled(nn.Module):
    """A block of torchvision whose branch that begins with a pool begins with another one."""

    def __init__(self, block: nn.Module, pool: nn.Module) -> None:
        super().__init__()
        self.block, self.pool, self.branch_pool = block, pool, block.branch_pool
        block.branch_pool = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        *branches, _ = self.block._forward(x)  # type: ignore[operator]
        return torch.cat([*branches, self.branch_pool(self.pool(x))], dim=1)  # type: ignore[operator]


def network_2015(state: Mapping[str, Any] | None = None) -> Inception3:
    """With the weights of such a file, or random ones; (N, 3, 299, 299) float32 in [-1, 1] -> (N, 2048).

    Raises:
        BenchmarkError: the weights of another network.
    """
    network = ready(trunk(), state)
    for name in _AVERAGING:
        block = network.get_submodule(name)
        setattr(network, name, _Repooled(block, nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)))
    for name in _TAKING_THE_MAXIMUM:
        setattr(network, name, _Repooled(network.get_submodule(name), nn.MaxPool2d(3, stride=1, padding=1)))
    return network.eval()


@lru_cache(maxsize=1)
def inception_2015() -> Inception3:
    """The published network, on the CPU; one object for all callers.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get` and `network_2015`.
    """
    return network_2015(read_weights(weights.get(WEIGHTS)))


def features_2015(pictures: Sequence[np.ndarray], network: Inception3) -> np.ndarray:
    """Pictures (H, W, 3) uint8 RGB of one size -> (n, 2048) float32, row i of picture i alone.

    Raises:
        BenchmarkError: none, or sizes that differ.
    """
    return through(network, _prepared, pictures, BATCH)


def _prepared(pictures: Sequence[np.ndarray]) -> Tensor:
    batch = unit_range(stacked(pictures))
    return functional.interpolate(batch, (SIDE, SIDE), mode="bilinear", align_corners=False).mul_(2).sub_(1)
