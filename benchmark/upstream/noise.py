"""Noise on what a network is trained with, for pictures and mels alike."""

from __future__ import annotations

import torch
from torch import Tensor


def noisy(x: Tensor, share: float, most: float, generator: torch.Generator) -> Tensor:
    """(B, C, H, W), that share of the rows with white noise of a standard deviation of up to `most`.

    Rows are changed independently; the noise comes from `generator`, which is on the CPU.
    """
    level = (torch.rand(len(x), generator=generator) < share) * torch.rand(len(x), generator=generator)
    noise = torch.randn(x.shape, generator=generator)
    return x + (noise * (most * level)[:, None, None, None]).to(x.device)
