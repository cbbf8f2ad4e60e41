"""Our mel against librosa, the library that the published networks were trained with."""

from __future__ import annotations

import warnings
from typing import Literal

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.upstream import slaney_mel


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize(("n_fft", "bands", "highest"), [(4096, 48, 20000.0), (4096, 48, 8000.0), (400, 40, 8000.0)])
def test_bank_is_librosas(rate: int, n_fft: int, bands: int, highest: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of bands above the Nyquist frequency, which NISQA has at 16 kHz
        expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=bands, fmin=0.0, fmax=highest).T
    ours = slaney_mel.bank(rate, n_fft, bands, highest)
    np.testing.assert_allclose(ours, expected[: len(ours)], atol=1e-8)
    assert np.abs(expected[len(ours) :]).max(initial=0.0) < 1e-8
    assert ours[-1].any()


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 48000]),
    seconds=st.floats(0.14, 0.6),
    edge=st.sampled_from(["reflect", "constant"]),
    exponent=st.sampled_from([1, 2]),
    seed=st.integers(0, 9),
)
def test_spectrogram_is_librosas(
    rate: int, seconds: float, edge: Literal["reflect", "constant"], exponent: Literal[1, 2], seed: int
) -> None:
    wave = np.random.default_rng(seed).standard_normal(int(rate * seconds)).astype(np.float32) * 0.1
    window, hop = int(rate * 0.02), int(rate * 0.01)
    bank = slaney_mel.bank(rate, 2048, 30, rate / 2)
    ours = slaney_mel.spectrogram(wave, bank, 2048, window, hop, edge, exponent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the transform may be longer than the clip
        expected = librosa.feature.melspectrogram(
            y=wave, sr=rate, n_fft=2048, hop_length=hop, win_length=window, pad_mode=edge, power=exponent, n_mels=30
        ).T
    assert ours.shape == expected.shape == (1 + len(wave) // hop, 30)
    np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=1e-6 * expected.max())
