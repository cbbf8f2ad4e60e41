"""The one mel and its inverse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.media.mel import FLOOR, MEL80, N_FFT, bank, log_mel, to_magnitude


def voice(seconds: float = 1.0, pitch: float = 120.0, seed: int = 0) -> torch.Tensor:
    """A gliding harmonic tone with two formants and breath, by formula; (N,) at 24 kHz."""
    time = torch.arange(int(seconds * 24000), dtype=torch.float64) / 24000
    phase = 2 * torch.pi * pitch * (time + 0.1 * time.square())
    wave = torch.zeros_like(time)
    for harmonic in range(1, 60):
        hertz = harmonic * pitch
        gain = np.exp(-(((hertz - 600) / 300) ** 2)) + 0.5 * np.exp(-(((hertz - 1800) / 500) ** 2)) + 0.01
        wave += gain * torch.sin(harmonic * phase)
    noise = torch.rand(len(time), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.5
    return (0.1 * wave + 0.002 * noise).float()


def formula() -> torch.Tensor:
    n = torch.arange(24000, dtype=torch.float64)
    return (0.3 * torch.sin(2 * torch.pi * 440 * n / 24000) + 0.1 * torch.sin(0.00002 * n.square())).float()


FROZEN = [2.48482, 3.39829, 0.17434, -1.75031, -1.87627, -1.87823, -1.07584]
FROZEN_MEAN = -1.10033


def test_frozen_values() -> None:
    mel = log_mel(formula())
    assert mel.shape == (1, 1, 80, 81)
    got = [float(mel[0, 0, b, t]) for b, t in ((0, 0), (10, 3), (13, 40), (20, 40), (40, 40), (60, 70), (79, 80))]
    assert got == pytest.approx(FROZEN, abs=2e-4)
    assert float(mel.mean()) == pytest.approx(FROZEN_MEAN, abs=1e-4)
    assert MEL80.hash == "a3ca08a763806c73"


def test_parity_with_torchaudio() -> None:
    wave = torch.stack([voice(), voice(pitch=210.0, seed=1)])
    oracle = torchaudio.transforms.MelSpectrogram(n_mels=80, n_fft=2048, win_length=1200, hop_length=300)
    expected = (torch.log(1e-5 + oracle(wave)) + 4) / 4
    torch.testing.assert_close(log_mel(wave)[:, 0], expected, atol=1e-6, rtol=0)


def test_silence_and_the_floor() -> None:
    assert float(log_mel(torch.zeros(3000)).unique()) == pytest.approx((np.log(FLOOR) + 4) / 4, abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(length=st.integers(1, 9000))
def test_number_of_frames(length: int) -> None:
    mel = log_mel(voice()[:length])
    assert mel.shape == (1, 1, 80, 1 + length // 300)
    assert mel.isfinite().all()


@settings(deadline=None, max_examples=15)
@given(gain=st.floats(0.3, 30.0))
def test_a_gain_shifts_what_lies_above_the_floor(gain: float) -> None:
    quiet, loud = log_mel(voice()), log_mel(gain * voice())
    above = (torch.exp(4 * quiet - 4) > 1e4 * FLOOR) & (torch.exp(4 * loud - 4) > 1e4 * FLOOR)
    assert above.float().mean() > 0.3
    torch.testing.assert_close(
        (loud - quiet)[above], torch.full_like(quiet[above], np.log(gain**2) / 4), atol=1e-4, rtol=0
    )


def test_a_batch_is_its_rows() -> None:
    waves = torch.stack([voice(pitch=p) for p in (90.0, 140.0, 230.0, 300.0)])
    torch.testing.assert_close(log_mel(waves), torch.cat([log_mel(w) for w in waves]), atol=1e-5, rtol=0)


def test_float32_under_autocast_and_a_gradient() -> None:
    wave = voice().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mel = log_mel(wave)
    assert mel.dtype == torch.float32
    torch.testing.assert_close(mel, log_mel(wave), atol=0, rtol=0)
    mel.mean().backward()
    assert wave.grad is not None
    assert wave.grad.isfinite().all()


def test_the_feature_is_the_mel_of_the_stored_samples() -> None:
    rows = (voice() * 32768).round().to(torch.int16).numpy()
    assert MEL80.compute is not None
    stored = MEL80.compute(rows)
    assert stored.shape == (81, 80)
    assert stored.dtype == np.float32
    seen = MEL80.batch(torch.from_numpy(stored.astype(MEL80.dtype))[None])
    assert seen.dtype == torch.float32
    torch.testing.assert_close(seen, log_mel(torch.from_numpy(rows).float() / 32768), atol=2e-3, rtol=0)


@pytest.mark.parametrize(("n_fft", "bound"), [(2048, 0.0125), (1200, 0.02)])
def test_the_inverse_has_the_mel_it_was_given(n_fft: int, bound: float) -> None:
    """0.0125 is a fifth of a decibel."""
    mel = log_mel(torch.stack([voice(), voice(pitch=210.0, seed=1)]))
    magnitude = to_magnitude(mel, n_fft)
    assert magnitude.shape == (2, 81, n_fft // 2 + 1)
    assert (magnitude >= 0).all()
    power = magnitude.square() @ bank(n_fft, torch.device("cpu")) * (N_FFT / n_fft)
    again = (torch.log(FLOOR + power) + 4) / 4
    assert (again.transpose(1, 2) - mel[:, 0]).abs().mean() < bound


def test_more_updates_come_nearer() -> None:
    mel = log_mel(voice())
    spectrum = torch.stft(voice(), 1200, 300, 1200, torch.hann_window(1200), return_complex=True).abs().T
    errors = [float((to_magnitude(mel, 1200, k)[0] - spectrum).square().mean()) for k in (1, 8, 32)]
    assert errors[0] > errors[1] > errors[2]
