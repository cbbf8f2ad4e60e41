"""Speech through the suite's mel and back: what a judge of the words must not stumble over.

Every converted voice reaches the judges through a mel, which a network has smoothed more or less, and a vocoder. A
recogniser that has heard clean recordings alone would measure that journey and not the words, so it trains on
recordings of its own pool that made the journey too.
"""

from __future__ import annotations

import zlib

import numpy as np
from torchvision.transforms.v2.functional import gaussian_blur

from benchmark.media.audio import RATE, WAVE24K, resample, rows_to_wave, to_float, to_int16
from benchmark.media.features import Feature
from benchmark.media.mel import MEL80, log_mel
from benchmark.media.vocoder import GriffinLim

SPREAD = 1.5
"""Largest standard deviation of the smoothing, in frames and in bands."""
_KERNEL = 9


def _resynthesised(rows: np.ndarray) -> np.ndarray:
    """How much a recording is smoothed, between nothing and SPREAD, its own bytes decide."""
    frames, bands = np.random.default_rng(zlib.crc32(rows.tobytes())).uniform(0.05, SPREAD, 2).tolist()
    mel = gaussian_blur(log_mel(rows_to_wave(rows)), [_KERNEL, _KERNEL], [frames, bands])
    wave = GriffinLim()(mel)[0, : len(rows)].numpy()
    # Rounded as a file would be, so that neither kind of row is known by its last bits.
    rounded: np.ndarray = to_int16(resample(wave, RATE, 16000)).astype(np.float32) / 32768.0
    return rounded


RESYNTH16K = Feature(
    name="resynth16k",
    modality="audio",
    dtype="float32",
    tail=(),
    rate=16000.0,
    source="wave24k",
    compute=_resynthesised,
    batch=to_float,
    spec={"source": WAVE24K.hash, "mel": MEL80.hash, "vocoder": GriffinLim.name, "spread": SPREAD, "kernel": _KERNEL},
)
"""A recording through a smoothed mel and Griffin-Lim, 16 kHz; systems see (B, N) float32."""
