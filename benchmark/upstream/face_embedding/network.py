"""The convolutions under discriminator and classifier of CAE (its Table 1); with other kernels Wen et al. 2019."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from benchmark.errors import BenchmarkError

SIZE = 64
"""Pixels of a side of the pictures."""


@dataclass(frozen=True)
class FaceTrunkSettings:
    """The defaults are CAE's Table 1. Wen et al.: kernel 4, last_activation False.

    widths: channels of the 1x1 convolution and of the four convolutions of stride 2 (cmu-mlsp/
        reconstructing_faces_from_voices@469e249:config.py has the same).
    slope: of the leaky ReLU; the paper does not say, Wen's code has 0.2.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256, 512)
    kernel: int = 3
    embedding: int = 64
    slope: float = 0.2
    last_activation: bool = True

    def __post_init__(self) -> None:
        if len(self.widths) != 5 or self.kernel not in (3, 4):
            raise BenchmarkError(f"A face trunk has five widths and kernel 3 or 4; got {self.widths}, {self.kernel}.")


class FaceTrunk(nn.Module):
    """Pictures (B, 3, 64, 64) in [-1, 1] -> embeddings (B, embedding); 2,092,160 parameters (Wen et al.: 3,310,720)."""

    def __init__(self, settings: FaceTrunkSettings = FaceTrunkSettings()) -> None:
        super().__init__()
        self.settings = settings
        first, last = settings.widths[0], settings.widths[-1]
        halving = [nn.Conv2d(a, b, settings.kernel, 2, 1) for a, b in pairwise(settings.widths)]
        convolutions = [nn.Conv2d(3, first, 1), *halving, nn.Conv2d(last, settings.embedding, SIZE // 16)]
        layers: list[nn.Module] = []
        for convolution in convolutions:
            layers += [convolution, nn.LeakyReLU(settings.slope)]
        self.layers = nn.Sequential(*(layers if settings.last_activation else layers[:-1]))

    def forward(self, pictures: Tensor) -> Tensor:
        embedding: Tensor = self.layers(pictures).flatten(1)
        return embedding
