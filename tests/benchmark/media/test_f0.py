"""F0 by WORLD at the frames of the mel: right for tones, nothing for silence, whole for scraps."""

from __future__ import annotations

import numpy as np
import pytest
import pyworld
import torch
from torch import Tensor

from benchmark.media import f0
from benchmark.media.catalogue import FEATURES
from benchmark.media.f0 import F0, world_f0
from benchmark.media.mel import log_mel
from benchmark.training.feed import silence


def tone(hertz: np.ndarray) -> np.ndarray:
    """(N,) float32 at 24 kHz: twenty harmonics of a pitch (N,)."""
    phase = 2 * np.pi * np.cumsum(hertz) / 24000
    return (0.05 * sum(np.sin(k * phase) / k for k in range(1, 21))).astype(np.float32)


@pytest.mark.parametrize("hertz", [85.0, 120.0, 233.0, 400.0])
def test_a_steady_tone(hertz: float) -> None:
    found = world_f0(tone(np.full(24000, hertz)))
    assert found.shape == (81,)
    assert found.dtype == np.float32
    assert (found[8:-8] > 0).all()
    np.testing.assert_allclose(found[8:-8], hertz, rtol=2e-3)


def test_frame_t_is_about_sample_300_t() -> None:
    """A glide tells moments apart: 10 Hz a frame."""
    hertz = 120.0 + 150.0 * np.arange(24000) / 24000
    found = world_f0(tone(hertz))
    np.testing.assert_allclose(found[10:-10], hertz[3000:-2700:300], rtol=3e-3)


def test_voice_stops_where_the_sound_does() -> None:
    wave = np.concatenate([tone(np.full(12000, 150.0)), np.zeros(12000, np.float32)])
    found = world_f0(wave)
    assert (found[5:38] > 0).all()
    assert not found[44:].any()


@pytest.mark.parametrize("samples", [1, 2, 299, 300, 1000, 24000, 24299])
def test_silence_and_scraps_are_unvoiced_and_as_long_as_their_mel(samples: int) -> None:
    for wave in (np.zeros(samples, np.float32), np.full(samples, 0.1, np.float32)):
        found = world_f0(wave)
        assert len(found) == log_mel(torch.from_numpy(wave)).shape[-1] == 1 + samples // 300
        assert not found.any()


def test_dio_steps_in_where_harvest_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = tone(np.full(24000, 150.0))

    def failing(x: np.ndarray, rate: int, **bounds: float) -> tuple[np.ndarray, np.ndarray]:
        found, times = harvest(x, rate, **bounds)
        found[f0.FEWEST - 1 :] = 0.0
        return found, times

    harvest = pyworld.harvest
    monkeypatch.setattr(pyworld, "harvest", failing)
    found = world_f0(wave)
    np.testing.assert_allclose(found[5:-5], 150.0, rtol=5e-3)


def test_bounds_of_the_search() -> None:
    """Every second pulse a little weaker is an octave lower, to who looks there."""
    pulses = np.zeros(24000)
    pulses[::120], pulses[120::240] = 1.0, 0.7
    wave = np.convolve(pulses, np.hanning(40), "same").astype(np.float32)
    assert np.median(world_f0(wave)) == pytest.approx(100.0, rel=0.01)
    assert np.median(world_f0(wave, floor=130.0, ceiling=350.0)) == pytest.approx(200.0, rel=0.01)


def test_the_feature() -> None:
    rows = F0.compute((tone(np.full(9000, 200.0)) * 32767).astype(np.int16))  # type: ignore[misc]
    assert rows.shape == (31,)
    assert np.median(rows) == pytest.approx(200.0, rel=5e-3)
    batch = F0.batch(torch.from_numpy(rows)[None])
    assert isinstance(batch, Tensor)
    assert (batch.shape, batch.dtype) == ((1, 31), torch.float32)
    assert F0.rate == FEATURES["mel80"].rate
    assert FEATURES["f0"] is F0
    assert silence(F0, FEATURES) == 0.0  # what shorter records are padded with
