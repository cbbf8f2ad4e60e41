"""What Resemblyzer does to a recording before its network sees it.

Facts from resemble-ai/Resemblyzer@15d828e:resemblyzer/{hparams,audio,voice_encoder}.py. The resampler is soxr at its
high quality (librosa's default), not the suite's own, and the mel is a power mel without logarithm.
"""

from __future__ import annotations

import math

import numpy as np
import soxr  # type: ignore[import-untyped]
import webrtcvad

from benchmark.errors import BenchmarkError
from benchmark.upstream import slaney_mel

RATE = 16000
BANDS = 40
FRAMES = 160  # of one partial window: 1.6 s
_N_FFT, _HOP = 400, 160
_LEVEL = -30.0  # dBFS
_FULL_SCALE = 32767
_VAD_WINDOW = 480  # 30 ms
_VAD_STRICTNESS = 3
_SMOOTHING, _DILATION = 8, 7  # windows
_STEP = round(RATE / 1.3 / _HOP)  # frames from one partial window to the next, at 1.3 a second
_COVERAGE = 0.75  # of the last partial window


def resample(wave: np.ndarray, rate: int) -> np.ndarray:
    """(N,) float32 at `rate` -> (ceil(N * 16000 / rate),) float32 at 16 kHz, as `librosa.resample` does by default."""
    if rate == RATE:
        return wave
    resampled = soxr.resample(wave, rate, RATE, quality="soxr_hq")
    size = math.ceil(len(wave) * (RATE / rate))
    return np.pad(resampled[:size], (0, max(0, size - len(resampled))))


def preprocess(wave: np.ndarray) -> np.ndarray:
    """(N,) float32 at 16 kHz -> its voiced part (M,) float32, M <= N; RMS raised to -30 dBFS where it is below.

    Where the voice detector hears no voice M is 0, and the embedding is that of silence, as in the package.

    Raises:
        BenchmarkError: shorter than 30 ms, digital silence (its level cannot be raised), NaN or infinity.
    """
    if len(wave) < _VAD_WINDOW:
        raise BenchmarkError(f"{len(wave) / RATE:.3f} s of sound: a speaker embedding needs at least 0.03 s.")
    if not np.isfinite(wave).all():
        raise BenchmarkError("A sample is NaN or infinite: there is no speaker embedding of it.")
    rms = np.sqrt(np.mean((wave * _FULL_SCALE) ** 2))
    if rms == 0:
        raise BenchmarkError("Digital silence has no speaker embedding.")
    gain = 10.0 ** ((_LEVEL - 20.0 * np.log10(rms / _FULL_SCALE)) / 20.0)
    return _voiced((wave * max(1.0, gain)).astype(np.float32))


def _voiced(wave: np.ndarray) -> np.ndarray:
    count = len(wave) // _VAD_WINDOW
    windows = wave[: count * _VAD_WINDOW].reshape(count, _VAD_WINDOW)
    # Beyond full scale the 16-bit sample wraps round, as it does in the package.
    samples = np.round(windows * np.float32(_FULL_SCALE)).astype(np.int32).astype("<i2")
    detector = webrtcvad.Vad(_VAD_STRICTNESS)
    voiced = np.array([detector.is_speech(row.tobytes(), RATE) for row in samples], np.int64)
    # Both filters are centred; the even one looks one window further ahead than back. Half of it voiced is not enough.
    around = np.convolve(voiced, np.ones(_SMOOTHING, np.int64))[_SMOOTHING // 2 :][:count]
    kept = np.convolve(2 * around > _SMOOTHING, np.ones(_DILATION, np.int64))[_DILATION // 2 :][:count] > 0
    return windows[kept].reshape(-1)


def partial_starts(samples: int) -> list[int]:
    """First frames of the partial windows of a voiced signal of that many samples; at least one."""
    frames = math.ceil((samples + 1) / _HOP)
    starts = list(range(0, max(1, frames - FRAMES + _STEP + 1), _STEP))
    if len(starts) > 1 and (samples - starts[-1] * _HOP) / (FRAMES * _HOP) < _COVERAGE:
        starts.pop()
    return starts


def partial_mels(voiced: np.ndarray) -> np.ndarray:
    """(M,) float32 at 16 kHz from `preprocess` -> (P, 160, 40) float32 power mels, zero-padded to whole windows."""
    starts = partial_starts(len(voiced))
    padded = np.pad(voiced, (0, max(0, (starts[-1] + FRAMES) * _HOP - len(voiced))))
    bank = slaney_mel.bank(RATE, _N_FFT, BANDS, RATE / 2)
    mel = slaney_mel.spectrogram(padded, bank, _N_FFT, _N_FFT, _HOP, "constant", 2)
    return np.stack([mel[start : start + FRAMES] for start in starts])
