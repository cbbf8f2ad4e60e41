"""The front end of CAE and of Wen et al. 2019: 64 log-mel bands of the voiced part of a recording, normalised per band.

Facts from cmu-mlsp/reconstructing_faces_from_voices@469e249:mfcc.py, vad.py, utils.py, gan_test.py. The official code
carries state along; here every recording is for itself:
- the voice detector, which adapts to what it hears, is a fresh one for every recording (there: one for all files); it
  is asked about every frame twice, as there, since once would give other stretches;
- the whole voice is pre-emphasised before it is cut into frames, from 0 on (there: frame by frame, each from the last
  sample of the frame before it, or of the file before it, so that the first of 400 samples is off);
- only whole frames count (there: a partial one is filled up by repeating it, and an empty one can follow).
"""

from __future__ import annotations

from collections import deque
from functools import cache

import numpy as np
import webrtcvad

from benchmark.media.audio import RATE, WAVE24K, resample, rows_to_wave, to_int16
from benchmark.media.features import Feature
from benchmark.media.mel import frames_to_batch

BASE = 16000
BANDS = 64
N_FFT, WINDOW, HOP = 1024, 400, 160
LOWEST, HIGHEST = 20.0, 7200.0
PREEMPHASIS = 0.97
FLOOR = 1e-5
VAD_FRAME = 320  # 20 ms
VAD_MODE = 2
VAD_RUN = 2  # 50 ms in whole frames


@cache
def bank() -> np.ndarray:
    """(513, 64) float64: Sphinx's triangles of area 1 in Hz, corners moved to the nearest frequency of the DFT."""
    low, high = (2595.0 * np.log10(1.0 + f / 700.0) for f in (LOWEST, HIGHEST))
    mel = np.linspace(low, high, BANDS + 2)
    step = BASE / N_FFT
    corners = np.rint(700.0 * (10.0 ** (mel / 2595.0) - 1.0) / step)
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    point = np.arange(N_FFT // 2 + 1)[:, None]
    rising, falling = (point - left) / (centre - left), (right - point) / (right - centre)
    triangles: np.ndarray = np.minimum(rising, falling).clip(0.0) * 2.0 / ((right - left) * step)
    return triangles


def voiced(samples: np.ndarray) -> np.ndarray:
    """(N,) int16 at 16 kHz -> (M,) int16: the voiced stretches one after the other; M is 0 where no voice is heard.

    A stretch begins with two voiced frames of 20 ms in a row and ends with two unvoiced ones, which belong to it.
    """
    frames = samples[: len(samples) // VAD_FRAME * VAD_FRAME].reshape(-1, VAD_FRAME)
    spoken = [frame.astype("<i2").tobytes() for frame in frames]
    detector = webrtcvad.Vad(VAD_MODE)
    kept = np.zeros(len(frames), bool)
    inside = False
    recent: deque[int] = deque(maxlen=VAD_RUN)
    for i in range(len(frames)):
        recent.append(i)
        heard = [detector.is_speech(spoken[j], BASE) for j in recent]
        kept[i] = inside
        if heard == [not inside] * VAD_RUN:
            kept[recent[0] : i + 1] = True
            inside = not inside
            recent.clear()
    return frames[kept].reshape(-1)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """(N,) samples at 16 kHz on the scale of int16 -> (T, 64) float64, T = 1 + (N - 400) // 160 (0 for N < 400).

    Pre-emphasis 0.97, Hamming window of 25 ms every 10 ms, power of 1024 points, `bank`, ln with a floor of 1e-5:
    -11.5 for digital silence, about 12 for speech.
    """
    if len(samples) < WINDOW:
        return np.zeros((0, BANDS))
    wave = samples.astype(np.float64)
    wave[1:] -= PREEMPHASIS * wave[:-1].copy()
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    power = np.square(np.abs(np.fft.rfft(frames * np.hamming(WINDOW), N_FFT)))
    mel: np.ndarray = np.log(np.maximum(power @ bank(), FLOOR))
    return mel


def mel64(samples: np.ndarray) -> np.ndarray:
    """(N,) int16 at 16 kHz -> (T, 64) float64 of mean 0 and deviation 1 over the T frames of its voiced part.

    T is 0 where no voice is heard, else at least 2. A band that does not vary is 0.
    """
    mel = log_mel(voiced(samples))
    if not len(mel):
        return mel
    centred = mel - mel.mean(0)
    return np.asarray(centred / (centred.std(0) + np.finfo(np.float32).eps))


def _compute(rows: np.ndarray) -> np.ndarray:
    return mel64(to_int16(resample(rows_to_wave(rows).numpy(), RATE, BASE))).astype(np.float32)


MEL64 = Feature(
    name="mel64",
    modality="audio",
    dtype="float16",
    tail=(BANDS,),
    rate=BASE / HOP,
    source="wave24k",
    compute=_compute,
    batch=frames_to_batch,
    short="repeat",
    spec={
        "mel": "wen2019",
        "source": WAVE24K.hash,
        "rate": BASE,
        "scale": "int16",
        "vad": {"mode": VAD_MODE, "frame": VAD_FRAME, "run": VAD_RUN},
        "preemphasis": PREEMPHASIS,
        "n_fft": N_FFT,
        "window": WINDOW,
        "hop": HOP,
        "bank": {"scale": "htk", "corners": "rounded", "area": 1, "lowest": LOWEST, "highest": HIGHEST},
        "power": 2,
        "floor": FLOOR,
        "normalised": "band",
    },
)
"""Systems see (B, 1, 64, T) float32. Its hash stands in the record of every network trained on it.

Unvoiced parts are left out, so a record has fewer rows here than in `mel80` and row i of the two are not the same
moment. A recording in which no voice is heard has no row: training leaves it out, and says so; a network that is asked
about it refuses. One that is shorter than a crop is repeated, as Wen et al. repeat every recording below 1,000 frames
(at test, where here a recording is taken as long as it is): silence would be no row of a normalised recording.
"""
