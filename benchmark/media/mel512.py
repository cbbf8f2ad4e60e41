"""AdaIN-VC's own front end: 512 Slaney mels of trimmed, pre-emphasised speech in a 100 dB range, and its inverse.

Facts from jjery2243542/adaptive_voice_conversion@d1cad9f:preprocess/tacotron/{hyperparams,utils}.py. The z-score that
the official code applies afterwards belongs to the system (its `mel512_mean` and `mel512_std` buffers).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torchaudio
from torch import Tensor
from torch.nn import functional

from benchmark.media.audio import RATE, WAVE24K, rows_to_wave
from benchmark.media.features import Feature
from benchmark.media.mel import HOP, N_FFT, WINDOW, frames_to_batch, spectrum

BANDS = 512
TOP_DB = 15.0
PREEMPHASIS = 0.97
REFERENCE_DB, RANGE_DB = 20.0, 100.0
TRIM_FRAME, TRIM_HOP = 2048, 512


@cache
def bank(device: torch.device) -> Tensor:
    """(1025, 512) float32: Slaney's scale and area normalisation, 0 to 12 kHz (`librosa.filters.mel`, transposed)."""
    triangles: Tensor = torchaudio.functional.melscale_fbanks(
        N_FFT // 2 + 1, 0.0, RATE / 2, BANDS, RATE, norm="slaney", mel_scale="slaney"
    )
    return triangles.to(device)


def trim(wave: Tensor, top_db: float = TOP_DB) -> Tensor:
    """(N,) without what lies before the first and after the last frame within `top_db` of the loudest one.

    Frames of 2048 every 512 samples, padded with zeros at both ends, as `librosa.effects.trim`.
    """
    power = functional.pad(wave, (TRIM_FRAME // 2, TRIM_FRAME // 2)).unfold(0, TRIM_FRAME, TRIM_HOP).square().mean(-1)
    power = power.clamp_min(1e-10)
    loud = (power > power.max() * 10.0 ** (-top_db / 10.0)).nonzero()
    return wave[int(loud[0]) * TRIM_HOP : (int(loud[-1]) + 1) * TRIM_HOP]


def mel512(wave: Tensor) -> Tensor:
    """Waveform (N,) at 24 kHz -> (512, T) float32 in [1e-8, 1], T = 1 + M // 300 for the M samples left by `trim`.

    Trimming, pre-emphasis 0.97, magnitudes of `benchmark.media.mel.spectrum` (the code is of a time when librosa
    reflected at the edges), 512 bands, 20 log10(max(1e-5, .)), then (dB - 20 + 100) / 100 clipped.
    """
    wave = trim(wave)
    wave = torch.cat([wave[:1], wave[1:] - PREEMPHASIS * wave[:-1]])
    magnitude = spectrum(wave.unsqueeze(0))[0].abs()
    decibel = 20.0 * torch.log10((bank(wave.device).T @ magnitude).clamp_min(1e-5))
    return ((decibel - REFERENCE_DB + RANGE_DB) / RANGE_DB).clamp(1e-8, 1.0)


def to_magnitude(mel: Tensor) -> Tensor:
    """(B, 1, 512, T) -> linear magnitudes (B, T, 1025) of the pre-emphasised signal.

    Values are first clipped to [0, 1]. The inverse of the bank is its transpose, each band weighted by one over what
    the bank and its transpose make of it: non-negative by construction, and what the official code uses.
    """
    decibel = mel.float().clamp(0.0, 1.0) * RANGE_DB - RANGE_DB + REFERENCE_DB
    triangles = bank(mel.device)
    weight = (triangles.T @ triangles).sum(0)
    return (torch.pow(10.0, decibel / 20.0).squeeze(1).transpose(1, 2) / weight) @ triangles.T


def deemphasise(wave: Tensor) -> Tensor:
    """(N,): the inverse of the pre-emphasis, as a convolution with its decay down to 1e-13."""
    decay = PREEMPHASIS ** torch.arange(1000.0, device=wave.device)
    plain: Tensor = torchaudio.functional.fftconvolve(wave, decay)
    return plain[: len(wave)]


def _compute(rows: np.ndarray) -> np.ndarray:
    return mel512(rows_to_wave(rows)).T.contiguous().numpy()


MEL512 = Feature(
    name="mel512",
    modality="audio",
    dtype="float16",
    tail=(BANDS,),
    rate=RATE / HOP,
    source="wave24k",
    compute=_compute,
    batch=frames_to_batch,
    spec={
        "mel": "adain_vc",
        "source": WAVE24K.hash,
        "trim_db": TOP_DB,
        "preemphasis": PREEMPHASIS,
        "n_fft": N_FFT,
        "window": WINDOW,
        "hop": HOP,
        "bank": {"rate": RATE, "scale": "slaney", "norm": "slaney"},
        "power": 1,
        "reference_db": REFERENCE_DB,
        "range_db": RANGE_DB,
    },
)
"""Trimming is part of this front end, so a record has fewer rows here than in `mel80`, and row i of the two are not the
same moment. Systems see (B, 1, 512, T) float32."""
