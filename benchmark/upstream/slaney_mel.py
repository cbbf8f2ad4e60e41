"""Framing and Slaney mel bands as librosa computes them, for networks that were trained on librosa's spectrograms.

Facts from librosa 0.11 (`stft`, `filters.mel`): periodic Hann window centred in the transform, centred frames,
float64 transforms, area-normalised triangles on Slaney's scale. A zero-padded transform needs only the samples under
its window, so a frame is `window` samples long here, and the signal is padded by half a window, not half a transform.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import torch

_BREAK_HZ, _BREAK_MEL = 1000.0, 15.0  # linear below (200 / 3 Hz a mel), logarithmic above
_LOG_STEP = np.log(6.4) / 27.0
_POINTS = 2**17  # transformed at a time, so that the spectra stay in the processor's cache


def _to_mel(hertz: float) -> float:
    if hertz < _BREAK_HZ:
        return hertz * 3.0 / 200.0
    return float(_BREAK_MEL + np.log(hertz / _BREAK_HZ) / _LOG_STEP)


def _to_hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < _BREAK_MEL, mel * 200.0 / 3.0, _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))


@lru_cache(maxsize=32)
def bank(rate: int, n_fft: int, bands: int, highest: float) -> np.ndarray:
    """(bins, bands) float32 triangles from 0 to `highest` Hz, each of area 1; bins above the last are left out.

    A triangle beyond the Nyquist frequency is cut there, and may be empty, as librosa leaves it.
    """
    frequencies = np.linspace(0.0, rate / 2.0, n_fft // 2 + 1)
    edges = _to_hertz(np.linspace(0.0, _to_mel(highest), bands + 2))
    rising = (frequencies[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies[:, None]) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))
    used = int(np.flatnonzero(triangles.any(axis=1))[-1]) + 1
    result: np.ndarray = triangles[:used].astype(np.float32)
    return result


@lru_cache(maxsize=32)
def _hann(size: int) -> torch.Tensor:
    return torch.from_numpy(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size))


def spectrogram(
    wave: np.ndarray,
    triangles: np.ndarray,
    n_fft: int,
    window: int,
    hop: int,
    edge: Literal["reflect", "constant"],
    exponent: Literal[1, 2],
) -> np.ndarray:
    """(N,) float32, N > window / 2 -> (T, bands) float32, T = 1 + N // hop.

    Magnitudes to the power of `exponent`, summed under the triangles. `triangles`: (bins, bands) from `bank`. `edge`:
    what stands before and after the signal, its reflection or zeros.
    """
    left = n_fft // 2 - (n_fft - window) // 2
    padded = torch.from_numpy(np.pad(wave, (left, window - left), mode=edge))
    frames = padded.unfold(0, window, hop)[: 1 + len(wave) // hop]
    weights = torch.from_numpy(triangles)
    rows = torch.empty(len(frames), triangles.shape[1])
    block = max(1, _POINTS // n_fft)
    for start in range(0, len(frames), block):
        # PyTorch transforms and multiplies faster than NumPy, NumPy takes magnitudes ten times as fast as PyTorch.
        spectrum = torch.fft.rfft(frames[start : start + block] * _hann(window), n_fft)[:, : len(triangles)]
        magnitude = torch.from_numpy(np.abs(spectrum.numpy().astype(np.complex64)))
        rows[start : start + block] = (magnitude.square_() if exponent == 2 else magnitude) @ weights
    result: np.ndarray = rows.numpy()
    return result
