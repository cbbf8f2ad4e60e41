"""AdaIN-VC's front end against librosa, step by step and as a whole."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.media.mel512 import MEL512, bank, deemphasise, mel512, to_magnitude, trim

CPU = torch.device("cpu")


def speech(lead: int = 9000, tail: int = 14000, seed: int = 0) -> np.ndarray:
    """Two bursts of noise with a pause, between two stretches of near silence; (N,) float32 at 24 kHz."""
    draw = np.random.default_rng(seed)
    burst = 0.2 * draw.standard_normal(8000) * np.hanning(8000)
    parts = (np.zeros(lead), burst, np.zeros(5000), 0.7 * burst, np.zeros(tail))
    wave = np.concatenate(parts) + 1e-4 * draw.standard_normal(sum(map(len, parts)))
    return wave.astype(np.float32)


def official(wave: np.ndarray) -> np.ndarray:
    """The steps of the official code through librosa's present functions, (512, T)."""
    wave, _ = librosa.effects.trim(wave, top_db=15)
    wave = np.append(wave[0], wave[1:] - 0.97 * wave[:-1])
    magnitude = np.abs(librosa.stft(wave, n_fft=2048, hop_length=300, win_length=1200, pad_mode="reflect"))
    mel = librosa.filters.mel(sr=24000, n_fft=2048, n_mels=512) @ magnitude
    return np.clip((20 * np.log10(np.maximum(1e-5, mel)) - 20 + 100) / 100, 1e-8, 1)


def test_the_bank_is_librosas() -> None:
    expected = librosa.filters.mel(sr=24000, n_fft=2048, n_mels=512).T
    # torchaudio lays the edges out in float32: 12 kHz to 1e-3 Hz, in bands of 20 Hz and heights up to 0.15.
    np.testing.assert_allclose(bank(CPU).numpy(), expected, atol=1e-3 / 20 * 0.15)
    assert (bank(CPU).sum(0) > 0).all()


@settings(deadline=None, max_examples=20)
@given(lead=st.integers(0, 20000), tail=st.integers(0, 20000), seed=st.integers(0, 99))
def test_trimming_is_librosas(lead: int, tail: int, seed: int) -> None:
    wave = speech(lead, tail, seed)
    expected, _ = librosa.effects.trim(wave, top_db=15)
    np.testing.assert_array_equal(trim(torch.from_numpy(wave)).numpy(), expected)


def test_silence_is_not_trimmed_away() -> None:
    assert len(trim(torch.zeros(5000))) == len(librosa.effects.trim(np.zeros(5000), top_db=15)[0]) == 5000


@pytest.mark.parametrize("gain", [1e-3, 1.0, 5.0])
def test_the_whole_chain(gain: float) -> None:
    wave = (gain * speech()).astype(np.float32)
    np.testing.assert_allclose(mel512(torch.from_numpy(wave)).numpy(), official(wave), atol=2e-5)


@pytest.mark.parametrize("length", [1, 300, 1024, 1025, 3000])
def test_short_waves(length: int) -> None:
    mel = mel512(torch.from_numpy(speech(0, 0)[2000 : 2000 + length]))
    assert mel.shape == (512, 1 + length // 300)
    assert mel.isfinite().all()


def test_the_feature() -> None:
    rows = (speech() * 32768).astype(np.int16)
    assert MEL512.compute is not None
    stored = MEL512.compute(rows)
    assert stored.shape[1:] == MEL512.tail
    assert stored.dtype == np.float32
    assert 0 <= stored.min() < stored.max() <= 1
    assert len(stored) < 1 + len(rows) // 300
    seen = MEL512.batch(torch.from_numpy(stored)[None])
    assert seen.shape == (1, 1, 512, len(stored))
    np.testing.assert_array_equal(seen[0, 0].T.numpy(), stored)


def test_deemphasis_undoes_preemphasis() -> None:
    wave = speech()
    emphasised = np.append(wave[0], wave[1:] - np.float32(0.97) * wave[:-1])
    got = deemphasise(torch.from_numpy(emphasised)).numpy()
    np.testing.assert_allclose(got, wave, atol=2e-5)
    np.testing.assert_allclose(got, scipy.signal.lfilter([1], [1, -0.97], emphasised), atol=2e-5)


def test_the_inverse_is_the_transposed_bank() -> None:
    mel = mel512(torch.from_numpy(speech()))
    got = to_magnitude(mel[None, None])[0].T.numpy()
    basis = librosa.filters.mel(sr=24000, n_fft=2048, n_mels=512)
    amplitude = 10 ** ((mel.numpy() * 100 - 80) * 0.05)
    expected = basis.T @ (amplitude / (basis @ basis.T).sum(0)[:, None])
    assert (got >= 0).all()
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-6)


def test_values_outside_the_range_are_clipped_before_inversion() -> None:
    wild = torch.tensor([-3.0, 0.0, 1.0, 7.0]).expand(512, 4)[None, None]
    magnitude = to_magnitude(wild)
    torch.testing.assert_close(magnitude[:, 0], magnitude[:, 1])
    torch.testing.assert_close(magnitude[:, 2], magnitude[:, 3])
