"""AlexNet's five feature maps and the trained heads of LPIPS 0.1 (package lpips 0.1.4, lpips/lpips.py).

clovaai/stargan-v2@875b70a:metrics/lpips.py is the same network with the same heads. Pictures are judged at their own
size, so values at 128 and at 256 pixels are not comparable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision import models

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.upstream.pictures import stacked
from benchmark.weights.reading import read_weights

WEIGHTS = "alexnet-owt-7be5be79.pth"
HEADS = "lpips/alex.pth"
SMALLEST = 32
"""Pixels a side, below which the last map has none."""

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_LAST = 12  # layers of the trunk up to the fifth ReLU


class AlexNet(nn.Module):
    """The convolutions of torchvision's AlexNet behind LPIPS's scaling of the input; random weights until loaded."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = models.alexnet(weights=None).features[:_LAST]
        self.register_buffer("shift", torch.tensor(_SHIFT).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, H, W) in [-1, 1] -> five maps (N, C, h, w) after their ReLU: 64, 192, 384, 256 and 256 channels."""
        x = (images - self.shift) / self.scale
        maps = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                maps.append(x)
        return tuple(maps)


def network_alex(state: Mapping[str, Any] | None = None) -> AlexNet:
    """With the weights of such a file, or random ones; in eval mode, without gradients.

    Raises:
        BenchmarkError: the weights of another network.
    """
    network = AlexNet()
    if state is not None:
        try:
            network.load_state_dict({key: value for key, value in state.items() if key.startswith("features.")})
        except (RuntimeError, AttributeError, TypeError) as error:
            raise BenchmarkError(f"These are not the weights of a whole AlexNet: {error}") from error
    fast: AlexNet = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return fast


@lru_cache(maxsize=1)
def alexnet() -> AlexNet:
    """The published network, on the CPU; one object for all callers.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get` and `network_alex`.
    """
    return network_alex(read_weights(weights.get(WEIGHTS)))


@lru_cache(maxsize=1)
def lpips_heads() -> tuple[Tensor, ...]:
    """The trained weights (C,) of the five maps' channels, none of them negative.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`.
    """
    state = read_weights(weights.get(HEADS))
    return tuple(state[f"lin{layer}.model.1.weight"].flatten() for layer in range(5))


@torch.inference_mode()
def alexnet_maps(pictures: Sequence[np.ndarray], network: AlexNet) -> tuple[Tensor, ...]:
    """Pictures (H, W, 3) uint8 RGB of one size -> the five maps of all, in one pass.

    Raises:
        BenchmarkError: none, sizes that differ, or less than `SMALLEST` pixels a side.
    """
    batch = stacked(pictures)
    if min(batch.shape[2:]) < SMALLEST:
        raise BenchmarkError(f"LPIPS of {batch.shape[3]}x{batch.shape[2]} pixels; {SMALLEST} a side are the least.")
    maps: tuple[Tensor, ...] = network(batch.float().div_(127.5).sub_(1))
    return maps
