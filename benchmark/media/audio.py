"""Sound files in and out, resampling, loudness, and the two waveform features.

Everywhere in the suite a waveform is float32 in [-1, 1], mono, with its sample rate beside it (24 kHz unless said).
"""

from __future__ import annotations

import io
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio
from torch import Tensor

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.features import Feature

RATE = 24000
MAX_SECONDS = 1800.0
MAX_SAMPLES = 1 << 29
"""Of all channels together, 2 GiB as float32; a sparse file of a few bytes on disk can claim any number."""
RATES = range(4000, 400_001)
"""Rates that sound is recorded at, in Hz; anything else is a damaged header."""
_LARGEST_STEP = 1000
_CUT_OFF = re.compile(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)")
_STREAMED = 2**31 - 1  # sizes from here on stand for "not known" in files that were written to a pipe
_KAISER = {  # resampy's "kaiser_best", as torchaudio's tutorial translates it
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}


def read_wave(path: Path, rate: int = RATE) -> np.ndarray:
    """A sound file as (N,) float32 at `rate`: channels averaged, resampled.

    Any format of libsndfile. A float file beyond full scale keeps its values, so the result may leave [-1, 1].

    Raises:
        UnreadableMedia: missing, empty, corrupt or cut off; longer than `MAX_SECONDS` (found in the header, before
            anything is decoded); holds no sample, or one that is NaN or infinite.
    """
    if not path.is_file():
        raise UnreadableMedia(f"{path}: there is no such sound file.")
    try:
        with soundfile.SoundFile(path) as file:
            native, promised = int(file.samplerate), int(file.frames)
            if native not in RATES:
                raise UnreadableMedia(f"{path}: {native} Hz by its header, {RATES[0]} to {RATES[-1]} are read.")
            if promised > MAX_SECONDS * native:
                raise UnreadableMedia(
                    f"{path}: {promised / native / 60:.0f} minutes by its header, at most {MAX_SECONDS / 60:.0f} are "
                    "read. Cut it into utterances."
                )
            if promised * file.channels > MAX_SAMPLES:
                raise UnreadableMedia(
                    f"{path}: {promised} samples in {file.channels} channels; at most {MAX_SAMPLES} in all are read."
                )
            # libsndfile shortens a WAV that lacks its end without a word, except in this log.
            for declared, present in _CUT_OFF.findall(file.extra_info):
                if int(present) < int(declared) < _STREAMED:
                    raise UnreadableMedia(f"{path}: cut off; {present} bytes of sound where {declared} are announced.")
            samples = file.read(dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise UnreadableMedia(f"{path}: not a readable sound file ({error}).") from error
    if len(samples) == 0 or len(samples) != promised:
        raise UnreadableMedia(f"{path}: {len(samples)} samples where the header promises {promised}; empty or cut off.")
    if not np.isfinite(samples).all():
        raise UnreadableMedia(f"{path}: holds a sample that is NaN or infinite.")
    return resample(samples.mean(axis=1), native, rate)


def resample(wave: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """(N,) float32 at `from_rate` -> (ceil(N * to_rate / from_rate),) float32; the array itself when the rates agree.

    Windowed-sinc interpolation (`torchaudio.functional.resample`, Kaiser window of 64 zero crossings). A ratio
    whose denominator passes 1000 is replaced by the nearest simpler one (24001 -> 24000 Hz: 1 : 1): nobody hears the
    difference, and the filter stays small.
    """
    ratio = Fraction(to_rate, from_rate).limit_denominator(_LARGEST_STEP)
    if ratio == 1:
        return wave
    signal = torch.from_numpy(np.ascontiguousarray(wave, np.float32))
    resampled: Tensor = torchaudio.functional.resample(signal, ratio.denominator, ratio.numerator, **_KAISER)
    return resampled.numpy()


def normalise_loudness(wave: np.ndarray, level: float = -23.0, peak: float = 0.99) -> np.ndarray:
    """(N,) float32 scaled so that its RMS is `level` dBFS, or less where the largest sample would pass `peak`.

    Silence stays silence. RMS is over the whole signal, in dB relative to a constant signal of 1.
    """
    rms = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
    if rms == 0.0:
        return wave
    gain = min(10.0 ** (level / 20.0) / rms, peak / float(np.abs(wave).max()))
    scaled: np.ndarray = (wave * gain).astype(np.float32)
    return scaled


def to_int16(wave: np.ndarray) -> np.ndarray:
    """(N,) float -> (N,) int16, 1.0 being 32768; a wave that passes 1 is scaled down to peak 1, never clipped."""
    peak = max(1.0, float(np.abs(wave).max(initial=0.0)))
    rows: np.ndarray = np.minimum(np.rint(wave * (32768.0 / peak)), 32767.0).astype(np.int16)
    return rows


def write_flac(path: Path, wave: np.ndarray, rate: int = RATE) -> bool:
    """Write (N,) float as 16-bit FLAC, atomically. True when the peak passed full scale and the wave was scaled down.

    Raises:
        BenchmarkError: not one-dimensional, empty, or not finite; nothing is written.
    """
    if wave.ndim != 1 or len(wave) == 0 or not np.isfinite(wave).all():
        bad = int((~np.isfinite(wave)).sum())
        raise BenchmarkError(
            f"{path}: not written; expected finite (N,), N > 0, got {wave.shape} with {bad} not finite."
        )
    data = io.BytesIO()
    soundfile.write(data, to_int16(wave), rate, format="FLAC", subtype="PCM_16")
    with atomic(path) as file:
        file.write(data.getvalue())
    return bool(np.abs(wave).max() > 1.0)


def to_float(rows: Tensor) -> Tensor:
    """Rows (..., N) as stored (int16) or already float -> (..., N) float32, 32768 being 1.0."""
    return rows.float() / 32768.0 if rows.dtype == torch.int16 else rows.float()


def rows_to_wave(rows: np.ndarray) -> Tensor:
    """Rows of a waveform feature of one record, (N,) int16 or float32 -> (N,) float32 tensor."""
    return to_float(torch.from_numpy(np.array(rows)))


def _wave16k(rows: np.ndarray) -> np.ndarray:
    return resample(rows_to_wave(rows).numpy(), RATE, 16000)


WAVE24K = Feature(
    name="wave24k",
    modality="audio",
    dtype="int16",
    tail=(),
    rate=float(RATE),
    source=None,
    compute=None,
    batch=to_float,
    spec={"rate": RATE, "scale": 32768},
)
"""What a corpus decodes, through `to_int16`; systems see (B, N) float32."""

WAVE16K = Feature(
    name="wave16k",
    modality="audio",
    dtype="float32",
    tail=(),
    rate=16000.0,
    source="wave24k",
    compute=_wave16k,
    batch=to_float,
    spec={"rate": 16000, "source": WAVE24K.hash, "resampler": "torchaudio sinc_interp_kaiser 64 0.9476 14.77"},
)
