"""SGSIM's own front end: 128 mels of 44.1 kHz in decibels below the loudest point of the recording.

kuai-lab/sound-guided-semantic-image-manipulation@dfba091:optimization/run_optimization.py, soundclip/curate.py: the
defaults of `librosa.feature.melspectrogram` and `librosa.power_to_db(ref=np.max) / 80 + 1`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torchaudio
from torch import Tensor

from benchmark.media.audio import RATE, WAVE24K, resample, rows_to_wave
from benchmark.media.features import Feature
from benchmark.media.mel import frames_to_batch

BASE = 44100
N_FFT, HOP, BANDS = 2048, 512, 128
FLOOR, RANGE_DB = 1e-10, 80.0


@cache
def bank(device: torch.device) -> Tensor:
    """(1025, 128) float32: Slaney's scale and area normalisation, to 22.05 kHz (`librosa.filters.mel`, transposed)."""
    triangles: Tensor = torchaudio.functional.melscale_fbanks(
        N_FFT // 2 + 1, 0.0, BASE / 2, BANDS, BASE, norm="slaney", mel_scale="slaney"
    )
    return triangles.to(device)


def mel128(wave: Tensor) -> Tensor:
    """Waveform (N,) at 44.1 kHz, N >= 1 -> (128, 1 + N // 512) float32 in [0, 1].

    Power of 2048 points under a Hann window, zeros at the edges; 1 is the loudest point, 0 what is 80 dB and more
    below it. Digital silence, whose loudest point is none, is 0 everywhere, as the official training has it of files
    that it cannot read (soundclip/datasets.py); its translation would have 1 everywhere.
    """
    if not bool(wave.any()):
        return torch.zeros(BANDS, 1 + len(wave) // HOP, device=wave.device)
    window = torch.hann_window(N_FFT, device=wave.device)
    spectrum = torch.stft(wave, N_FFT, HOP, N_FFT, window, pad_mode="constant", return_complex=True)
    power = bank(wave.device).T @ spectrum.abs().square()
    decibel = 10.0 * torch.log10(power.clamp_min(FLOOR) / power.max().clamp_min(FLOOR))
    return (decibel.clamp_min(-RANGE_DB) / RANGE_DB) + 1.0


def _compute(rows: np.ndarray) -> np.ndarray:
    wave = torch.from_numpy(resample(rows_to_wave(rows).numpy(), RATE, BASE))
    return mel128(wave).T.contiguous().numpy()


MEL128 = Feature(
    name="mel128",
    modality="audio",
    dtype="float16",
    tail=(BANDS,),
    rate=BASE / HOP,
    source="wave24k",
    compute=_compute,
    batch=frames_to_batch,
    spec={
        "mel": "sgsim",
        "source": WAVE24K.hash,
        "rate": BASE,
        "n_fft": N_FFT,
        "window": N_FFT,
        "hop": HOP,
        "edges": "zeros",
        "bank": {"scale": "slaney", "norm": "slaney"},
        "power": 2,
        "floor": FLOOR,
        "range_db": RANGE_DB,
        "silence": 0,
    },
)
"""Systems see (B, 1, 128, T) float32. The suite's recordings have 24 kHz, so that next to nothing is above 12 kHz."""
