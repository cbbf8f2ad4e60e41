"""The suite's one mel, `mel@starganv2vc`: analysis, its feature, and its least-structured inverse.

The bank is the one that StarGANv2-VC really uses on its 24 kHz audio: torchaudio's default lays it out for 16 kHz, so
every centre lies 1.5 times higher than its name says and the bands reach 12 kHz
(yl4579/StarGANv2-VC@985df55:meldataset.py).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
import torchaudio
from torch import Tensor
from torch.nn import functional

from benchmark.media.audio import RATE, WAVE24K, rows_to_wave
from benchmark.media.features import Feature

N_FFT, WINDOW, HOP, BANDS = 2048, 1200, 300, 80
BANK_RATE = 16000
FLOOR, SHIFT, SCALE = 1e-5, 4.0, 4.0


@cache
def bank(n_fft: int, device: torch.device) -> Tensor:
    """(n_fft // 2 + 1, 80) float32: HTK triangles of height 1 from 0 to the Nyquist frequency."""
    triangles: Tensor = torchaudio.functional.melscale_fbanks(
        n_fft // 2 + 1, 0.0, BANK_RATE / 2, BANDS, BANK_RATE, norm=None, mel_scale="htk"
    )
    return triangles.to(device)


@cache
def hann(device: torch.device) -> Tensor:
    """(1200,) float32, periodic."""
    return torch.hann_window(WINDOW, device=device)


def spectrum(wave: Tensor) -> Tensor:
    """Waveform (B, N) -> complex (B, 1025, 1 + N // 300): n_fft 2048, Hann window of 1200, hop 300, centred, reflected.

    A wave too short to be reflected (fewer than 1025 samples) is followed by silence.
    """
    frames = 1 + wave.shape[-1] // HOP
    wave = functional.pad(wave, (0, max(0, N_FFT // 2 + 1 - wave.shape[-1])))
    full = torch.stft(wave, N_FFT, HOP, WINDOW, hann(wave.device), center=True, pad_mode="reflect", return_complex=True)
    return full[..., :frames]


def log_mel(wave: Tensor) -> Tensor:
    """Waveform (B, N) or (N,) in [-1, 1] at 24 kHz -> (B, 1, 80, T) float32, T = 1 + N // 300.

    80 bands of the power `spectrum`, then (ln(1e-5 + mel) + 4) / 4: silence is -1.878 and loud speech about 3.5.
    Differentiable. Always float32, under autocast too.
    """
    wave = wave.float() if wave.dim() == 2 else wave.float().unsqueeze(0)
    with torch.autocast(wave.device.type, enabled=False):
        power = spectrum(wave).abs().square()
        mel = (power.transpose(1, 2) @ bank(N_FFT, wave.device)).transpose(1, 2)
        return ((torch.log(FLOOR + mel) + SHIFT) / SCALE).unsqueeze(1)


def turned_down(mel: Tensor, gain: Tensor) -> Tensor:
    """The mel of `gain` times the waves whose mel is given: mel (B, 1, 80, T), gain (B, 1, 1, 1) in (0, 1]; exact."""
    power = gain.square()
    return ((power * torch.exp(SCALE * mel - SHIFT) + (1 - power) * FLOOR).log() + SHIFT) / SCALE


def followed_by_silence(mel: Tensor, frames: int) -> Tensor:
    """Mel (B, 1, 80, T) -> (B, 1, 80, T + frames)."""
    return functional.pad(mel, (0, frames), value=(math.log(FLOOR) + SHIFT) / SCALE)


def to_magnitude(mel: Tensor, n_fft: int = WINDOW, updates: int = 32) -> Tensor:
    """Mel (B, 1, 80, T) -> magnitudes (B, T, n_fft // 2 + 1) >= 0 whose own mel is that mel.

    Multiplicative updates of the Kullback-Leibler divergence between powers (Lee and Seung, 2001), from a flat start.
    The first is the smooth interpolation between bands; the later ones put the peaks back, without which a voice
    sounds dull: see the table in `benchmark.media.vocoder`. Any `n_fft` >= 1200 samples the same spectrum.
    """
    power = (torch.exp(SCALE * mel.float().squeeze(1) - SHIFT) - FLOOR).clamp_min(1e-10).transpose(1, 2)
    return spread(power, bank(n_fft, mel.device) * (N_FFT / n_fft), updates).sqrt()


def spread(bands: Tensor, triangles: Tensor, updates: int) -> Tensor:
    """Bands (B, T, bands) > 0 -> (B, T, F) >= 0 whose product with the `triangles` (F, bands) they are."""
    share = (triangles / triangles.sum(1, keepdim=True).clamp_min(1e-8)).T
    linear = bands.new_ones(*bands.shape[:2], len(triangles))
    for _ in range(updates):
        linear = linear * ((bands / (linear @ triangles).clamp_min(1e-12)) @ share)
    return linear


def _compute(rows: np.ndarray) -> np.ndarray:
    return log_mel(rows_to_wave(rows))[0, 0].T.contiguous().numpy()


def frames_to_batch(rows: Tensor) -> Tensor:
    """Rows of a mel (B, T, bands), of any type -> (B, 1, bands, T) float32."""
    return rows.float().transpose(1, 2).unsqueeze(1)


MEL80 = Feature(
    name="mel80",
    modality="audio",
    dtype="float16",
    tail=(BANDS,),
    rate=RATE / HOP,
    source="wave24k",
    compute=_compute,
    batch=frames_to_batch,
    spec={
        "mel": "starganv2vc",
        "source": WAVE24K.hash,
        "n_fft": N_FFT,
        "window": WINDOW,
        "hop": HOP,
        "bank": {"rate": BANK_RATE, "scale": "htk", "norm": None},
        "power": 2,
        "floor": FLOOR,
        "shift": SHIFT,
        "scale": SCALE,
    },
)
"""Its hash stands in the record of every network trained on this mel; a loader refuses a network of another one."""
