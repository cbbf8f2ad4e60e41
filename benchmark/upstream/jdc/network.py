"""Joint detection and classification of a voice's melody (Kum and Nam 2019, Applied Sciences 9:1324), as a regression.

The network of `yl4579/StarGANv2-VC@985df557:Utils/JDC/model.py`, whose F0 head gives one number a frame; the detector
stands in that file and is not called there, `yl4579/PitchExtractor@c4d518d6:model.py` shows how it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BANDS = 80
POOLED = 2
"""Bands that are left when the residual blocks have halved 80 three times and the last pooling has shrunk 10."""
SLOPE, DROPOUT = 0.01, 0.5


@dataclass(frozen=True)
class JDCSettings:
    """The published sizes (5,248,067 parameters).

    widths: channels of the stem and of the three residual blocks. hidden: of either direction of either LSTM.
    last_pool: bands that the last pooling takes at a time: 4 drops the highest two of ten, 5 drops none.
    unit: Hz that an F0 output of 1 stands for. The published network writes Hz; a larger unit brings outputs near 1,
        which is sooner learnt.
    """

    widths: tuple[int, int, int, int] = (64, 128, 192, 256)
    hidden: int = 256
    last_pool: int = 4
    unit: float = 1.0


POCKET = JDCSettings(widths=(8, 16, 24, 32), hidden=48, last_pool=5, unit=100.0)
"""The shipped network: small, because it works inside the training loss of every system of voices."""


class F0Reading(NamedTuple):
    """What the network says of B mels of T frames.

    f0: (B, T) Hz >= 0. features: (B, C, 10, T), frequency before time as in a mel. pooled: (B, C, 2, T), the maxima of
    `features` over `last_pool` bands. voiced: (B, T) logit, above 0 = voiced.
    """

    f0: Tensor
    features: Tensor
    pooled: Tensor
    voiced: Tensor


def activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


def pool_bands(x: Tensor, factor: int) -> Tensor:
    """(B, C, bands, T) -> (B, C, bands // factor, T): maxima; bands that are left over are dropped."""
    return F.max_pool2d(x, (factor, 1))


class Convolutions(nn.Module):
    """Two convolutions of 3 x 3 with a normalisation and a leaky ReLU between them."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.second = nn.Conv2d(out, out, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(activate(self.norm(self.first(x))))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Residual block, (B, channels, bands, T) -> (B, out, bands // 2, T): pooled first, for both of its ways."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.main = Convolutions(channels, out)
        self.shortcut = nn.Conv2d(channels, out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = pool_bands(activate(self.norm(x)), 2)
        return self.main(x) + self.shortcut(x)  # type: ignore[no-any-return]


class Head(nn.Module):
    """(B, C, 2, T) -> (B, T, outputs): a bidirectional LSTM over frames and a linear map."""

    def __init__(self, channels: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels * POOLED, hidden, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        frames, _ = self.lstm(x.permute(0, 3, 1, 2).flatten(2))
        return self.linear(frames)  # type: ignore[no-any-return]


class JDC(nn.Module):
    """A mel (B, 1, 80, T) of the suite, any B and T of at least 1 -> F0Reading. In eval mode row i is of mel i alone.

    The original asks for T = 192 and more than one row (quirk Q23), and works on transposed maps.
    """

    def __init__(self, settings: JDCSettings = JDCSettings()) -> None:
        super().__init__()
        self.settings, widths = settings, settings.widths
        self.channels = widths[-1]
        self.stem = Convolutions(1, widths[0])
        self.blocks = nn.ModuleList(Block(a, b) for a, b in pairwise(widths))
        self.norm = nn.BatchNorm2d(self.channels)
        self.dropout = nn.Dropout(DROPOUT)
        self.f0 = Head(self.channels, settings.hidden, 1)
        self.detector_mix = nn.Conv2d(sum(widths), self.channels, 1, bias=False)
        self.detector_norm = nn.BatchNorm2d(self.channels)
        self.detector = Head(self.channels, settings.hidden, 2)
        self.apply(_initialise)

    def train(self, mode: bool = True) -> JDC:
        """As ever, but the LSTMs stay in training mode: cuDNN gives no gradient otherwise, and one layer without
        dropout computes the same in both."""
        super().train(mode)
        for head in (self.f0, self.detector):
            head.lstm.train()
        return self

    def features(self, mel: Tensor) -> Tensor:
        """(B, 1, 80, T) -> (B, C, 10, T), as `F0Reading.features`: `get_feature_GAN` of the original."""
        return self._shown(self._maps(mel)[-1])

    def forward(self, mel: Tensor) -> F0Reading:
        maps = self._maps(mel)
        shown = self._shown(maps[-1])
        pooled = pool_bands(shown, self.settings.last_pool)
        kept = self.dropout(pooled)
        parts = [pool_bands(x, x.shape[2] // POOLED) for x in maps[:-1]]
        mixed = activate(self.detector_norm(self.detector_mix(torch.cat([*parts, kept], dim=1))))
        # Its two outputs are summed, and that sum is the logit of silence.
        silent = self.detector(self.dropout(mixed)).sum(2)
        return F0Reading(
            f0=self.f0(kept)[..., 0].abs() * self.settings.unit,
            features=shown,
            pooled=pooled,
            voiced=-silent,
        )

    def _maps(self, mel: Tensor) -> list[Tensor]:
        """Of the stem and of every block."""
        maps = [self.stem(mel)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return maps

    def _shown(self, last: Tensor) -> Tensor:
        return activate(self.norm(last))


def _initialise(module: nn.Module) -> None:
    """As the original."""
    if isinstance(module, nn.Linear):
        nn.init.kaiming_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        nn.init.xavier_normal_(module.weight)
    elif isinstance(module, nn.LSTM):
        for parameter in module.parameters():
            (nn.init.orthogonal_ if parameter.dim() > 1 else nn.init.normal_)(parameter)
