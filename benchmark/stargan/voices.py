"""The networks of StarGANv2-VC (Li et al. 2021, arXiv 2107.10394), besides the mapping network, which is StarGANv2's.

Layouts as `yl4579/StarGANv2-VC@985df55:models.py`, parameter counts alike. Mels are (B, 1, 80, T) of the suite's mel;
domains are codes (B,) int64; styles are (B, style). Channels begin with `width` and double from block to block up to
`max_width`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.blocks import SLOPE, AdainResidualBlock, ResidualBlock, Scale, StackedLinear, instance_norm
from benchmark.media.mel import followed_by_silence

STEP = 4
"""A generator's mels have a multiple of so many frames."""
LEAST = 80
"""Frames that a style encoder or a discriminator needs at least (quirk Q29): four halvings, then a 5x5 kernel."""
_BOTH: Scale = 2
_BANDS: Scale = (2, 1)
_POOLS = (_BOTH, _BANDS, _BOTH, _BANDS)


def widths(width: int, max_width: int) -> list[int]:
    """Channels before the first of four blocks and after each: 64, 128, 256, 512, 512."""
    return [min(width * 2**i, max(width, max_width)) for i in range(5)]


class Generator(nn.Module):
    """Mels, styles and F0 features -> mels, unbounded.

    layer        channels                   bands x frames of a crop of 192
    stem         1 -> 64                    80 x 192
    encode       64 -> 128 -> 256           40 x 96, 20 x 96
                 256 -> 512 -> 512          10 x 48, 5 x 48
                 512 -> 512 -> 512          5 x 48
    f0           256 -> 128, concatenated   5 x 48
    decode       640 -> 640 -> 640 -> 512   5 x 48
                 512 -> 512 -> 256          10 x 48, 20 x 96
                 256 -> 128 -> 64           40 x 96, 80 x 192
    head         64 -> 1                    80 x 192

    Without `extra_f0_block` the block 640 -> 512 that does not resample is left out, and the first that does narrows
    instead, as in table 7 of XFaVoT's paper. `f0_channels` are those of the F0 network's features.
    """

    def __init__(
        self,
        f0_channels: int = 256,
        style: int = 64,
        width: int = 64,
        max_width: int = 512,
        extra_f0_block: bool = True,
    ) -> None:
        super().__init__()
        w = widths(width, max_width)
        waist, wide = w[-1], w[-1] + f0_channels // 2
        self.stem = nn.Conv2d(1, w[0], 3, padding=1)
        self.encode = nn.ModuleList(
            [
                *(ResidualBlock(a, b, norm=True, pool=pool) for (a, b), pool in zip(pairwise(w), _POOLS, strict=True)),
                *(ResidualBlock(waist, waist, norm=True) for _ in range(2)),
            ]
        )
        self.f0 = ResidualBlock(f0_channels, f0_channels // 2, norm=True, pool=_BOTH)
        up = [*reversed(w)] if extra_f0_block else [wide, *reversed(w[:-1])]
        self.decode = nn.ModuleList(
            [
                *(AdainResidualBlock(wide, wide, style) for _ in range(2)),
                *([AdainResidualBlock(wide, waist, style)] if extra_f0_block else []),
                *(
                    AdainResidualBlock(a, b, style, scale)
                    for (a, b), scale in zip(pairwise(up), reversed(_POOLS), strict=True)
                ),
            ]
        )
        self.head = nn.Sequential(instance_norm(w[0]), nn.LeakyReLU(SLOPE), nn.Conv2d(w[0], 1, 1))

    def forward(self, mel: Tensor, style: Tensor, f0: Tensor) -> Tensor:
        """Mel (B, 1, 80, T), T a multiple of 4; style (B, style); f0 (B, f0_channels, 10, T): features of a mel."""
        x = self.stem(mel)
        for block in self.encode:
            x = block(x)
        # A frozen network may give channels last, of which torch 2.11 on a CPU crashes in the gradient of a
        # normalisation whose input needs none.
        f0 = self.f0(f0.contiguous())
        x = torch.cat([x, F.adaptive_avg_pool2d(f0, x.shape[2:])], 1)
        for block in self.decode:
            x = block(x, style)
        return self.head(x)  # type: ignore[no-any-return]


def trunk(width: int, max_width: int, end: Sequence[nn.Module]) -> tuple[nn.Sequential, int]:
    """Four halvings without normalisation, a valid 5x5 convolution, `end`: mels -> (B, C); and that C."""
    w = widths(width, max_width)
    layers: list[nn.Module] = [nn.Conv2d(1, w[0], 3, padding=1)]
    layers += [ResidualBlock(inner, outer, pool=2) for inner, outer in pairwise(w)]
    layers += [nn.LeakyReLU(SLOPE), nn.Conv2d(w[-1], w[-1], 5), *end, nn.Flatten()]
    return nn.Sequential(*layers), w[-1]


class StyleEncoder(nn.Module):
    """Mels and the domains they are heard as -> styles: pooled over time, then activated, then a layer per domain."""

    def __init__(self, domains: int, style: int = 64, width: int = 64, max_width: int = 512) -> None:
        super().__init__()
        self.shared, channels = trunk(width, max_width, [nn.AdaptiveAvgPool2d(1), nn.LeakyReLU(SLOPE)])
        self.own = StackedLinear(domains, channels, style)

    def forward(self, mel: Tensor, domain: Tensor) -> Tensor:
        return self.own(self.shared(mel), domain)  # type: ignore[no-any-return]


class Critic(nn.Module):
    """Mels -> logits (B, domains): activated, then pooled over time, then a layer."""

    def __init__(self, domains: int, width: int = 64, max_width: int = 512) -> None:
        super().__init__()
        self.shared, channels = trunk(width, max_width, [nn.LeakyReLU(SLOPE), nn.AdaptiveAvgPool2d(1)])
        self.own = nn.Linear(channels, domains)

    def forward(self, mel: Tensor) -> Tensor:
        return self.own(self.shared(mel))  # type: ignore[no-any-return]


class Discriminator(nn.Module):
    """Two twins that share nothing: one says whether a mel is a real one of its domain, the other which domain a
    converted mel was before."""

    def __init__(self, domains: int, width: int = 64, max_width: int = 512) -> None:
        super().__init__()
        self.real = Critic(domains, width, max_width)
        self.source = Critic(domains, width, max_width)

    def forward(self, mel: Tensor, domain: Tensor) -> Tensor:
        """Mels and domains -> logits (B,) of being a real mel of that domain."""
        logits: Tensor = self.real(mel)
        return logits.gather(1, domain[:, None])[:, 0]

    def classify(self, mel: Tensor) -> Tensor:
        """Converted mels -> logits (B, domains) of the domain of their source."""
        return self.source(mel)  # type: ignore[no-any-return]


def converted(generator: nn.Module, f0_network: nn.Module, mel: Tensor, style: Tensor) -> Tensor:
    """Mels (B, 1, 80, T) of any T in another style, as long as they were.

    Silence is put after a mel up to a multiple of 4 frames, and cut off the output again (the official code gives
    4 * (T // 4) frames).
    """
    frames = mel.shape[3]
    x = followed_by_silence(mel, -frames % STEP)
    out: Tensor = generator(x, style, f0_network.features(x))  # type: ignore[operator]
    return out[..., :frames]


def heard(encoder: nn.Module, mel: Tensor, domain: Tensor) -> Tensor:
    """Styles (B, style) of mels of any length; silence up to 80 frames is put after a shorter one, with which the
    official code fails (quirk Q29)."""
    return encoder(followed_by_silence(mel, max(0, LEAST - mel.shape[3])), domain)  # type: ignore[no-any-return]
