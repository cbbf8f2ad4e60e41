"""Mels as other speakers, microphones and generators might give them: what is said stays the same.

Rows are changed independently; all noise comes from the step's generator. Mels (B, 1, 80, T) of `benchmark.media.mel`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.media.mel import BANDS, FLOOR, SCALE, SHIFT

_KNOTS = 6  # of a random gain over frequency: a bump is about as wide as a formant
_NOMINAL = 2595.0 * math.log10(1.0 + 8000.0 / 700.0)  # HTK's mel at the bank's upper end
_DECIBEL = math.log(10.0) / 10.0


def amplified(mel: Tensor, decibels: Tensor) -> Tensor:
    """The mel of the same sound `decibels` (B, 1, 80 or 1, 1) louder: exact, the floor of the logarithm included."""
    power = torch.exp(SCALE * mel - SHIFT) - FLOOR
    return (torch.log(FLOOR + power.clamp_min(0.0) * torch.exp(_DECIBEL * decibels)) + SHIFT) / SCALE


def random_gain(rows: int, level: float, curve: float, generator: torch.Generator) -> Tensor:
    """(B, 1, 80, 1) dB: a level of that standard deviation, and a smooth curve over the bands of that one."""
    flat = level * torch.randn(rows, 1, 1, generator=generator)
    knots = curve * torch.randn(rows, 1, _KNOTS, generator=generator)
    smooth = functional.interpolate(knots, size=BANDS, mode="linear", align_corners=True)
    return (flat + smooth)[..., None]


def stretched(mel: Tensor, factor: Tensor) -> Tensor:
    """Rows whose frequencies are `factor` (B,) times as high, as a shorter throat makes them: bands are read from where
    they were, linearly between two; what lies beyond the bank repeats its last band."""
    centre = torch.arange(1, BANDS + 1, device=mel.device) * (_NOMINAL / (BANDS + 1))
    hertz = 700.0 * (10.0 ** (centre / 2595.0) - 1.0) / factor.to(mel.device)[:, None]
    place = 2595.0 * torch.log10(1.0 + hertz / 700.0) * ((BANDS + 1) / _NOMINAL) - 1.0
    place = place.clamp(0.0, BANDS - 1.0)
    low = place.floor().clamp_max(BANDS - 2.0)
    share = (place - low)[:, None, :, None]
    index = low.long()[:, None, :, None].expand_as(mel)
    return torch.lerp(mel.gather(2, index), mel.gather(2, index + 1), share)


def smooth(mel: Tensor) -> Tensor:
    """The mean over 5 bands and 3 frames; the border is repeated."""
    return functional.avg_pool2d(functional.pad(mel, (1, 1, 2, 2), mode="replicate"), (5, 3), stride=1)


def smoothed(mel: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """That share of the rows mixed with their `smooth` mel, from not at all to entirely."""
    strength = (torch.rand(len(mel), generator=generator) < share) * torch.rand(len(mel), generator=generator)
    return torch.lerp(mel, smooth(mel), strength.to(mel.device)[:, None, None, None])


def masked(mel: Tensor, count: int, bands: int, frames: int, generator: torch.Generator) -> Tensor:
    """`count` stripes of up to `bands` bands and as many of up to `frames` frames, as SpecAugment hides them (Park et
    al. 2019, arXiv:1904.08779, section 2), at the row's mean."""
    hidden = torch.zeros(len(mel), 1, *mel.shape[2:], dtype=torch.bool)
    for axis, most in ((2, bands), (3, frames)):
        size = mel.shape[axis]
        for _ in range(count):
            width, where = torch.rand(2, len(mel), 1, generator=generator)
            width = width * min(most, size)
            first = where * (size - width)
            place = torch.arange(size)
            stripe = (place >= first) & (place < first + width)
            hidden |= stripe[:, None, :, None] if axis == 2 else stripe[:, None, None, :]
    return torch.where(hidden.to(mel.device), mel.mean((2, 3), keepdim=True), mel)
