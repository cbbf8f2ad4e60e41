"""Speech through a smoothed mel and back, as the judges of the words hear it in training."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.media.audio import WAVE16K, resample, rows_to_wave
from benchmark.media.mel import log_mel
from benchmark.media.resynthesis import RESYNTH16K


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """A second and a bit of a glide with overtones, int16 at 24 kHz."""
    time = np.arange(26001) / 24000
    wave = sum(np.sin(2 * np.pi * k * (120 * time + 30 * time**2)) / k for k in range(1, 20))
    return np.asarray(wave / np.abs(wave).max() * 12000, np.int16)


def test_as_long_as_the_recording_and_alike_but_not_equal(rows: np.ndarray) -> None:
    assert RESYNTH16K.compute is not None
    assert WAVE16K.compute is not None
    again, clean = RESYNTH16K.compute(rows), WAVE16K.compute(rows)
    assert np.array_equal(np.rint(again * 32768), again * 32768), "16 bits, as in a file"
    assert len(again) == len(clean), "the recogniser's training mixes both row by row"
    a, b = (log_mel(rows_to_wave(resample(w.astype(np.float32), 16000, 24000))) for w in (again, clean))
    apart = float((a - b)[..., 5:-5].abs().mean())
    assert 0.01 < apart < 0.5


def test_deterministic_and_smoothed_differently_by_content(rows: np.ndarray) -> None:
    assert RESYNTH16K.compute is not None
    assert np.array_equal(RESYNTH16K.compute(rows), RESYNTH16K.compute(rows.copy()))
    other = rows.copy()
    other[0] += 1
    assert not np.array_equal(RESYNTH16K.compute(rows)[2000:], RESYNTH16K.compute(other)[2000:])
