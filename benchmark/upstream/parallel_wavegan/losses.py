"""What Parallel WaveGAN is trained by: distances of spectra, and least squares on the discriminator's scores.

As kan-bayashi/ParallelWaveGAN@86740373:parallel_wavegan/losses/{stft_loss,adversarial_loss}.py.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

Resolution = tuple[int, int, int]
"""n_fft, hop and window, in samples."""

FULL_BAND: tuple[Resolution, ...] = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
SUB_BAND: tuple[Resolution, ...] = ((384, 30, 150), (683, 60, 300), (171, 10, 60))
"""For four bands, as the repository's multi_band_melgan.v2.yaml."""
FLOOR = 1e-7


def magnitudes(wave: Tensor, resolution: Resolution) -> Tensor:
    """(B, N) -> (B, n_fft // 2 + 1, frames) >= sqrt(1e-7), float32 under autocast too."""
    n_fft, hop, length = resolution
    with torch.autocast(wave.device.type, enabled=False):
        spectrum = torch.view_as_real(
            torch.stft(wave.float(), n_fft, hop, length, _hann(length, wave.device), return_complex=True)
        )
        power: Tensor = spectrum.square().sum(-1)
        return power.clamp_min(FLOOR).sqrt()


def spectral_convergence(found: Tensor, true: Tensor) -> Tensor:
    """Frobenius norm of the difference of two magnitudes over that of the true ones, of the whole batch at once."""
    ratio: Tensor = torch.linalg.vector_norm(true - found) / torch.linalg.vector_norm(true)
    return ratio


def log_distance(found: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference of natural logarithms."""
    return (true.log() - found.log()).abs().mean()


def stft_loss(found: Tensor, true: Tensor, resolutions: tuple[Resolution, ...] = FULL_BAND) -> tuple[Tensor, Tensor]:
    """Waves (B, N), or sub-bands (B, C, N), -> mean over resolutions of (spectral convergence, log distance)."""
    found, true = found.flatten(0, -2), true.flatten(0, -2)
    terms = []
    for resolution in resolutions:
        ours, theirs = magnitudes(found, resolution), magnitudes(true, resolution)
        terms.append(torch.stack([spectral_convergence(ours, theirs), log_distance(ours, theirs)]))
    convergence, logarithm = torch.stack(terms).mean(0)
    return convergence, logarithm


def to_real(scores: Tensor) -> Tensor:
    """Least squares of scores to 1: of recordings for the discriminator, of outputs for the generator."""
    return (scores - 1.0).square().mean()


def to_fake(scores: Tensor) -> Tensor:
    """Least squares of scores to 0."""
    return scores.square().mean()


@cache
def _hann(length: int, device: torch.device) -> Tensor:
    return torch.hann_window(length, device=device)
