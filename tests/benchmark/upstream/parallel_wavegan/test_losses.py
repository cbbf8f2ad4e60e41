"""The losses beside a transcription of kan-bayashi's, in numpy and float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.upstream.parallel_wavegan.losses import (
    FULL_BAND,
    SUB_BAND,
    Resolution,
    magnitudes,
    stft_loss,
    to_fake,
    to_real,
)


def transcribed(wave: np.ndarray, resolution: Resolution) -> np.ndarray:
    """(N,) -> (bins, frames): reflected, periodic Hann in the middle of n_fft, clamped at 1e-7 before the root."""
    n_fft, hop, length = resolution
    window = np.zeros(n_fft)
    begin = (n_fft - length) // 2
    window[begin : begin + length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    padded = np.pad(wave, n_fft // 2, mode="reflect")
    frames = [padded[i : i + n_fft] * window for i in range(0, len(padded) - n_fft + 1, hop)]
    power = np.abs(np.fft.rfft(frames, n_fft)) ** 2
    clamped: np.ndarray = np.sqrt(np.maximum(power, 1e-7)).T
    return clamped


def waves(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    time = np.arange(3000)
    true = 0.2 * np.sin(0.1 * time) * np.cos(0.001 * time)
    return true + 0.01 * rng.standard_normal(3000), true


@pytest.mark.parametrize("resolutions", [FULL_BAND, SUB_BAND])
def test_the_loss_is_the_transcription(resolutions: tuple[Resolution, ...]) -> None:
    found, true = waves()
    expected = np.zeros(2)
    for resolution in resolutions:
        a, b = transcribed(found, resolution), transcribed(true, resolution)
        expected += [np.linalg.norm(b - a) / np.linalg.norm(b), np.abs(np.log(b) - np.log(a)).mean()]
    got = stft_loss(*(torch.from_numpy(w)[None].float() for w in (found, true)), resolutions)
    assert [float(x) for x in got] == pytest.approx((expected / 3).tolist(), rel=2e-4)


def test_equal_waves_have_no_distance_and_silence_is_finite() -> None:
    wave = torch.from_numpy(waves()[1])[None].float()
    assert [float(x) for x in stft_loss(wave, wave)] == [0.0, 0.0]
    silence = torch.zeros_like(wave, requires_grad=True)
    sum(stft_loss(silence, wave)).backward()
    assert torch.isfinite(silence.grad).all()
    assert magnitudes(torch.zeros(1, 3000), FULL_BAND[0]).unique().tolist() == pytest.approx([1e-7**0.5])


def test_sub_bands_are_rows() -> None:
    found, true = (torch.from_numpy(np.stack([waves(i)[k] for i in range(6)])).float() for k in (0, 1))
    rows = stft_loss(found, true, SUB_BAND)
    bands = stft_loss(found.reshape(2, 3, -1), true.reshape(2, 3, -1), SUB_BAND)
    assert torch.equal(torch.stack(rows), torch.stack(bands))


def test_spectra_are_float32_under_autocast() -> None:
    found, true = (torch.from_numpy(w)[None].float() for w in waves())
    outside = stft_loss(found, true)
    with torch.autocast("cpu", torch.bfloat16):
        inside = stft_loss(found, true)
    assert torch.equal(torch.stack(inside), torch.stack(outside))


def test_least_squares() -> None:
    scores = torch.tensor([[0.0, 1.0, 3.0]])
    assert float(to_real(scores)) == pytest.approx((1 + 0 + 4) / 3)
    assert float(to_fake(scores)) == pytest.approx(10 / 3)


@pytest.mark.parametrize(
    ("resolutions", "expected"),
    [(FULL_BAND, (0.873294576746, 0.381729569467)), (SUB_BAND, (0.563675316488, 0.648712085225))],
)
def test_numbers_of_the_official_loss(resolutions: tuple[Resolution, ...], expected: tuple[float, float]) -> None:
    """Made by kan-bayashi/ParallelWaveGAN@86740373 in float64; ours is float32 always."""
    time = torch.arange(6000, dtype=torch.float64)
    true = (0.2 * torch.sin(0.1 * time) * torch.cos(0.001 * time))[None]
    found = (0.15 * torch.sin(0.11 * time) + 0.01 * torch.cos(0.9 * time))[None]
    assert [float(x) for x in stft_loss(found, true, resolutions)] == pytest.approx(expected, rel=2e-6)
