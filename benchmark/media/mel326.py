"""Fragment-VC's own front end: 80 Slaney mels of pre-emphasised speech at 16 kHz every 326 samples, and its inverse.

Facts from yistLin/FragmentVC@79cc2ce:data/utils.py, preprocess.py. The official code also cuts silence off both ends
(sox's voice activity detection); here records keep their length, as outputs must have it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torchaudio
from torch import Tensor
from torch.nn import functional

from benchmark.media.audio import WAVE24K, resample, rows_to_wave
from benchmark.media.features import Feature
from benchmark.media.mel import frames_to_batch, spread

BASE = 16000
N_FFT, HOP, BANDS = 1304, 326, 80
LOWEST = 80.0
PREEMPHASIS = 0.97
FLOOR = 1e-9


@cache
def bank(device: torch.device) -> Tensor:
    """(653, 80) float32: Slaney's scale and area normalisation, 80 to 8000 Hz (`librosa.filters.mel`, transposed)."""
    triangles: Tensor = torchaudio.functional.melscale_fbanks(
        N_FFT // 2 + 1, LOWEST, BASE / 2, BANDS, BASE, norm="slaney", mel_scale="slaney"
    )
    return triangles.to(device)


def mel326(wave: Tensor) -> Tensor:
    """Waveform (N,) at 16 kHz -> (80, T) float32, T = 1 + N // 326: ln(1e-9 + mel), -20.7 for silence.

    Peak 1, pre-emphasis 0.97, magnitudes under a Hann window of 1304, reflected at the edges; a wave too short to be
    reflected (fewer than 653 samples) is followed by silence.
    """
    frames = 1 + len(wave) // HOP
    wave = wave / (wave.abs().max() + 1e-6)
    wave = torch.cat([wave[:1], wave[1:] - PREEMPHASIS * wave[:-1]])
    wave = functional.pad(wave, (0, max(0, N_FFT // 2 + 1 - len(wave))))
    window = torch.hann_window(N_FFT, device=wave.device)
    magnitude = torch.stft(wave, N_FFT, HOP, N_FFT, window, pad_mode="reflect", return_complex=True).abs()
    return torch.log(FLOOR + bank(wave.device).T @ magnitude[:, :frames])


def to_magnitude(mel: Tensor, updates: int = 32) -> Tensor:
    """Mel (B, 1, 80, T) -> magnitudes (B, T, 653) >= 0 of the pre-emphasised signal, whose own mel is that mel.

    As `benchmark.media.mel.to_magnitude`. What lies below 80 Hz no band hears, and it stays at 0.
    """
    bands = (torch.exp(mel.float().squeeze(1)) - FLOOR).clamp_min(1e-10).transpose(1, 2)
    return spread(bands, bank(mel.device), updates)


def _compute(rows: np.ndarray) -> np.ndarray:
    wave = torch.from_numpy(resample(rows_to_wave(rows).numpy(), 24000, BASE))
    return mel326(wave).T.contiguous().numpy()


MEL326 = Feature(
    name="mel326",
    modality="audio",
    dtype="float16",
    tail=(BANDS,),
    rate=BASE / HOP,
    source="wave24k",
    compute=_compute,
    batch=frames_to_batch,
    spec={
        "mel": "fragment_vc",
        "source": WAVE24K.hash,
        "rate": BASE,
        "peak": 1,
        "preemphasis": PREEMPHASIS,
        "n_fft": N_FFT,
        "window": N_FFT,
        "hop": HOP,
        "bank": {"scale": "slaney", "norm": "slaney", "lowest": LOWEST},
        "power": 1,
        "floor": FLOOR,
    },
)
"""Systems see (B, 1, 80, T) float32."""
