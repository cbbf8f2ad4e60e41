"""Mels as a generator might draw them: soft.

Rows are changed independently; all noise comes from the step's generator.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


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
