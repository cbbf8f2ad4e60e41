"""The network of StarGANv2's FID: torchvision's Inception as it comes, fed the way the official evaluation feeds it.

clovaai/stargan-v2@875b70a:metrics/fid.py and core/data_loader.py:get_eval_loader. Every picture, real ones too, is
stretched to the size that is judged and then to 299 x 299, both by Pillow's antialiased filter and kept in 8 bits. It
is normalised by ImageNet's mean and spread, which is not what these weights expect (torchvision would undo it, the
official code takes the way around that): kept, for this protocol alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.models.inception import Inception3

from benchmark import weights
from benchmark.upstream.inception import BATCH, SIDE, ready, trunk, unit_range
from benchmark.upstream.pictures import stacked, through
from benchmark.weights.reading import read_weights

WEIGHTS = "inception_v3_google-0cc3c7bd.pth"

_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
_SPREAD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def network_v3(state: Mapping[str, Any] | None = None) -> Inception3:
    """With the weights of such a file, or random ones; (N, 3, 299, 299) float32 -> (N, 2048).

    Raises:
        BenchmarkError: the weights of another network.
    """
    return ready(trunk(), state)


@lru_cache(maxsize=1)
def inception_v3() -> Inception3:
    """The published network, on the CPU; one object for all callers.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get` and `network_v3`.
    """
    return network_v3(read_weights(weights.get(WEIGHTS)))


def features_v3(pictures: Sequence[np.ndarray], network: Inception3, pixels: int) -> np.ndarray:
    """Pictures (H, W, 3) uint8 RGB of one size -> (n, 2048) float32, row i of picture i alone.

    pixels: side that systems are judged at; pictures of another size are stretched to it first.

    Raises:
        BenchmarkError: none, or sizes that differ.
    """
    return through(network, lambda some: _prepared(some, pixels), pictures, BATCH)


def _prepared(pictures: Sequence[np.ndarray], pixels: int) -> Tensor:
    batch = unit_range(stacked([_stretched(_stretched(picture, pixels), SIDE) for picture in pictures]))
    return batch.sub_(_MEAN).div_(_SPREAD)


def _stretched(picture: np.ndarray, pixels: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((pixels, pixels), Image.Resampling.BILINEAR))
