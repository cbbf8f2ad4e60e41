"""Mels as they come to the F0 network: of other loudness, and as a generator might draw them, soft and noisy.

Rows are changed independently; all noise comes from the step's generator.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.media.mel import FLOOR, SCALE, SHIFT


def scaled(mel: Tensor, gain: Tensor) -> Tensor:
    """The mel (B, 1, 80, T) of waves that are `gain` (B,) > 0 times as large, exactly: powers grow by its square."""
    power = (torch.exp(SCALE * mel - SHIFT) - FLOOR).clamp_min(0.0) * gain.square()[:, None, None, None]
    return (torch.log(FLOOR + power) + SHIFT) / SCALE


def blurred(mel: Tensor) -> Tensor:
    """(B, 1, 80, T) weighted 1:2:1 over neighbouring bands and over neighbouring frames; the border is repeated."""
    weight = mel.new_tensor([0.25, 0.5, 0.25])
    padded = F.pad(mel, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, torch.outer(weight, weight)[None, None])


def softened(mel: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """That share of the rows mixed with their blurred mel, from not at all to entirely."""
    draws = torch.rand(2, len(mel), generator=generator)
    strength = ((draws[0] < share) * draws[1]).to(mel.device)
    return torch.lerp(mel, blurred(mel), strength[:, None, None, None])


def noisy(mel: Tensor, share: float, most: float, generator: torch.Generator) -> Tensor:
    """That share of the rows with white noise of a standard deviation of up to `most`."""
    draws = torch.rand(2, len(mel), generator=generator)
    level = most * (draws[0] < share) * draws[1]
    noise = torch.randn(mel.shape, generator=generator)
    return mel + (noise * level[:, None, None, None]).to(mel.device)
