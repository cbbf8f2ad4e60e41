"""Fragment-VC's front end against librosa, step by step and as a whole."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.signal
import torch

from benchmark.media.audio import RATE, read_wave, resample
from benchmark.media.mel326 import FLOOR, MEL326, bank, mel326, to_magnitude

CPU = torch.device("cpu")
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def tone(seconds: float = 1.0, rate: int = 16000) -> np.ndarray:
    """A gliding harmonic tone by formula with a little noise, (N,) float32."""
    time = np.arange(int(seconds * rate)) / rate
    partials = [np.sin(2 * np.pi * 120 * h * (time + 0.1 * time**2)) / h for h in range(1, 30)]
    return (0.1 * sum(partials) + 1e-3 * np.random.default_rng(0).standard_normal(len(time))).astype(np.float32)


def official(wave: np.ndarray) -> np.ndarray:
    """The steps of yistLin/FragmentVC@79cc2ce:data/utils.py through librosa's present functions, (80, T)."""
    wave = wave / (np.abs(wave).max() + 1e-6)
    wave = scipy.signal.lfilter([1, -0.97], [1], wave)
    magnitude = np.abs(librosa.stft(wave, n_fft=1304, hop_length=326, win_length=1304, pad_mode="reflect"))
    mel: np.ndarray = np.log(librosa.filters.mel(sr=16000, n_fft=1304, n_mels=80, fmin=80) @ magnitude + 1e-9)
    return mel


def test_the_bank_is_librosas() -> None:
    expected = librosa.filters.mel(sr=16000, n_fft=1304, n_mels=80, fmin=80).T
    np.testing.assert_allclose(bank(CPU).numpy(), expected, atol=1e-6)
    assert (bank(CPU).sum(0) > 0).all()


@pytest.mark.parametrize("gain", [1e-3, 1.0, 5.0])
def test_the_whole_chain_whatever_the_level(gain: float) -> None:
    wave = (gain * tone()).astype(np.float32)
    np.testing.assert_allclose(mel326(torch.from_numpy(wave)).numpy(), official(wave), atol=5e-3)


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
def test_the_whole_chain_on_a_real_voice() -> None:
    wave = read_wave(min(SHARED.glob("vctk/**/*_023_mic1.flac")), 16000)
    np.testing.assert_allclose(mel326(torch.from_numpy(wave)).numpy(), official(wave), atol=5e-3)


@pytest.mark.parametrize("length", [1, 326, 652, 653, 3000])
def test_short_waves_and_silence(length: int) -> None:
    mel = mel326(torch.from_numpy(tone()[2000 : 2000 + length]))
    assert mel.shape == (80, 1 + length // 326)
    assert mel.isfinite().all()
    torch.testing.assert_close(mel326(torch.zeros(length)), torch.full_like(mel, float(np.log(FLOOR))))


def test_the_feature_is_the_mel_of_the_wave_at_16_khz() -> None:
    rows = (tone(rate=RATE) * 32768).astype(np.int16)
    assert MEL326.compute is not None
    stored = MEL326.compute(rows)
    assert stored.dtype == np.float32
    assert MEL326.rate == pytest.approx(49.0798, abs=1e-4)
    wave = resample(rows.astype(np.float32) / 32768, RATE, 16000)
    np.testing.assert_allclose(stored.T, official(wave), atol=5e-3)
    seen = MEL326.batch(torch.from_numpy(stored)[None])
    assert seen.shape == (1, 1, 80, len(stored))
    np.testing.assert_array_equal(seen[0, 0].T.numpy(), stored)


def test_the_inverse_has_the_mel_it_was_made_of() -> None:
    mel = mel326(torch.from_numpy(tone()))
    magnitude = to_magnitude(mel[None, None])[0]
    assert magnitude.shape == (mel.shape[1], 653)
    assert (magnitude >= 0).all()
    assert (magnitude[:, bank(CPU).sum(1) == 0] == 0).all(), "no band hears below 80 Hz"
    again = torch.log(FLOOR + magnitude @ bank(CPU)).T
    assert (again - mel).abs().mean() < 0.02
