"""SGSIM's front end against librosa, and what becomes of short, long and silent recordings."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from benchmark.media.audio import to_int16
from benchmark.media.mel128 import BASE, MEL128, bank, mel128


def tone(samples: int, rate: int) -> np.ndarray:
    """(N,) float32: a harmonic tone that glides and fades, with a little noise."""
    time = np.arange(samples) / rate
    partials = [np.sin(2 * np.pi * 150 * h * (time + 0.2 * time**2)) / h for h in range(1, 20)]
    noise = 1e-4 * np.random.default_rng(0).standard_normal(samples)
    return (0.1 * sum(partials) * np.exp(-3 * time) + noise).astype(np.float32)


def official(wave: np.ndarray) -> np.ndarray:
    """optimization/run_optimization.py of kuai-lab/sound-guided-semantic-image-manipulation@dfba091, first lines."""
    mel = librosa.feature.melspectrogram(y=wave, sr=BASE, n_mels=128)
    found: np.ndarray = librosa.power_to_db(mel, ref=np.max) / 80.0 + 1
    return found


def test_the_bank_is_librosas() -> None:
    expected = librosa.filters.mel(sr=BASE, n_fft=2048, n_mels=128).T
    np.testing.assert_allclose(bank(torch.device("cpu")).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("gain", [1e-3, 1.0])
@pytest.mark.parametrize("samples", [20000, 1, 700])
def test_the_whole_chain_is_librosas(samples: int, gain: float) -> None:
    wave = (gain * tone(samples, BASE)).astype(np.float32)
    wave[-1] += 0.01 * gain
    found = mel128(torch.from_numpy(wave)).numpy()
    np.testing.assert_allclose(found, official(wave), atol=2e-3)
    assert found.max() == 1.0
    assert found.min() >= 0.0


def test_rows_are_of_the_recording_at_44_kilohertz() -> None:
    rows = MEL128.compute(to_int16(tone(24000, 24000)))  # type: ignore[misc]
    assert rows.shape == (1 + 44100 // 512, 128)
    assert rows.max() == 1.0
    assert rows[:, :100].mean() > 0.2
    assert rows[:, -20:].mean() < 0.03, "a recording of 24 kHz has next to nothing above 12"
    assert MEL128.batch(torch.from_numpy(rows)[None]).shape == (1, 1, 128, len(rows))


def test_digital_silence_is_zero_and_one_sample_is_not() -> None:
    silent = MEL128.compute(np.zeros(24000, np.int16))  # type: ignore[misc]
    assert silent.shape == (87, 128)
    assert (silent == 0).all()
    assert MEL128.compute(np.array([5], np.int16)).max() == 1.0  # type: ignore[misc]
