"""A fixed random convolutional network: features that no training has seen, for `fid@random`.

Random convolutions tell sets of pictures apart by colours, edges and textures and know nothing of faces. (Naeem et al.
2020, "Reliable fidelity and diversity metrics", take distances in random features where ImageNet's are of no use.) Its
weights are the numbers of one seed, so there is no file: `weights_sha256` says which they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.media.image import shrink_square

SIZE = 64
"""Pixels of a side: the centred square of a picture is judged at this size."""
WIDTH = 64
"""Numbers a picture."""
_SEED = 20200
_SCALE = 10.0
"""Makes distances numbers of a few digits: blurs and noises that can be seen are 1 to 20 apart."""
_CHANNELS = (3, 16, 16, 16, 16)


class RandomNetwork(nn.Module):
    """Four 3x3 convolutions with ReLU, all but the first at half the size before: 64, 32, 16, 8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, 1 if i == 0 else 2, 1, bias=False) for i, (a, b) in enumerate(pairwise(_CHANNELS))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 64, 64) float32 in [-1, 1] -> (B, 64): ten times the mean over space of every map."""
        means = []
        for layer in self.convolutions:
            x = layer(x).relu()
            means.append(x.mean(dim=(2, 3)))
        return _SCALE * torch.cat(means, dim=1)


def weights() -> list[np.ndarray]:
    """The kernels, (out, in, 3, 3) float32: normal, of variance 2 / fan-in (He et al. 2015), from numpy's PCG64."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    return [
        (rng.standard_normal((b, a, 3, 3)) * np.sqrt(2 / (9 * a))).astype(np.float32) for a, b in pairwise(_CHANNELS)
    ]


def weights_sha256() -> str:
    """Of the kernels' bytes, little-endian float32, one after the other."""
    return hashlib.sha256(b"".join(kernel.astype("<f4").tobytes() for kernel in weights())).hexdigest()


@lru_cache(maxsize=1)
def random_network() -> RandomNetwork:
    """The network, on the CPU, in eval mode, without gradients."""
    with torch.random.fork_rng(devices=[]):  # what it is built with is thrown away, the caller's numbers must not be
        network = RandomNetwork()
    for layer, kernel in zip(network.convolutions, weights(), strict=True):
        layer.load_state_dict({"weight": torch.from_numpy(kernel)})
    return network.eval().requires_grad_(False)


def random_features(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures, (H, W, 3) uint8 RGB of any sizes -> (n, 64) float32, row i of picture i alone."""
    if not pictures:
        return np.zeros((0, WIDTH), np.float32)
    batch = torch.from_numpy(np.stack([shrink_square(picture, SIZE) for picture in pictures]))
    with torch.no_grad():
        rows: np.ndarray = random_network()(batch.permute(0, 3, 1, 2).float() / 127.5 - 1.0).numpy()
    return rows
