"""The spectrum between the bands of a mel: harmonics that a band is too wide to show, as learnt from voices.

A mel of 80 bands shows the lowest harmonics of a voice alone, and its plain inverse is smooth where the others are.
They lie at multiples of what the lowest show, so a small network of frames puts them back.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.media.mel import BANDS, FLOOR, N_FFT, SCALE, SHIFT, WINDOW, bank

BINS = WINDOW // 2 + 1
"""Of the spectrum that `benchmark.media.griffin_lim` takes: n_fft 1200."""
_LEAST = 1e-12


@dataclass(frozen=True)
class MagnitudeSettings:
    """layers: residual convolutions over `kernel` frames. updates, updates_in_training: that make the result agree with
    the mel."""

    width: int = 256
    layers: int = 4
    kernel: int = 3
    updates: int = 16
    updates_in_training: int = 4


class Magnitudes(nn.Module):
    """Mel (B, 80, T) -> magnitudes (B, T, 601) >= 0 of frames of 1200 samples, whose own mel is nearly that mel."""

    def __init__(self, settings: MagnitudeSettings) -> None:
        super().__init__()
        self.settings = settings
        width, kernel = settings.width, settings.kernel
        self.entry = nn.Conv1d(BANDS, width, 5, padding=2)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, kernel, padding=kernel // 2) for _ in range(settings.layers)
        )
        self.exit = nn.Conv1d(width, BINS, 1)
        nn.init.zeros_(self.exit.weight)

    def forward(self, mel: Tensor, updates: int) -> Tensor:
        x = self.entry(mel)
        for layer in self.layers:
            x = x + layer(functional.gelu(x))
        shape = self.exit(functional.gelu(x)).transpose(1, 2)
        with torch.autocast(mel.device.type, enabled=False):
            return refined(shape.float(), mel.float(), updates).clamp_min(_LEAST).sqrt()


def refined(shape: Tensor, mel: Tensor, updates: int) -> Tensor:
    """Logarithms of powers (B, T, 601), up to a smooth factor, and mel (B, 80, T) -> powers (B, T, 601) of that mel.

    The updates of `benchmark.media.mel.to_magnitude`, which begin at 1 there and at `shape` here.
    """
    target = (torch.exp(SCALE * mel - SHIFT) - FLOOR).clamp_min(_LEAST).transpose(1, 2)
    triangles = bank(WINDOW, mel.device) * (N_FFT / WINDOW)
    share = (triangles / triangles.sum(1, keepdim=True).clamp_min(1e-8)).T
    power = shape.exp()
    for _ in range(updates):
        power = power * ((target / (power @ triangles).clamp_min(1e-12)) @ share)
    return power
