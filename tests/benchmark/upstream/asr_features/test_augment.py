"""Mels changed as other voices and generators change them: the words stay, and each change is what it says."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from benchmark.media.mel import log_mel
from benchmark.upstream.asr_features.augment import amplified, masked, random_gain, smoothed, stretched
from benchmark.upstream.noise import noisy


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def waves(rows: int = 3) -> Tensor:
    time = torch.arange(24000) / 24000
    pitch = 150.0 + 50.0 * torch.arange(rows)[:, None]
    tones = sum(torch.sin(2 * math.pi * k * pitch * time) / k for k in range(1, 30))
    return 0.05 * tones + 1e-4 * torch.randn(rows, 24000, generator=generator())


def test_a_gain_is_the_mel_of_the_louder_sound() -> None:
    """The floor of the logarithm included: silence stays silent."""
    wave, decibels = waves(), torch.tensor([-20.0, 0.0, 12.0])
    louder = log_mel(wave * 10.0 ** (decibels[:, None] / 20.0))
    found = amplified(log_mel(wave), decibels[:, None, None, None])
    assert (louder - log_mel(wave)).abs().max() > 0.5
    torch.testing.assert_close(found, louder, atol=2e-3, rtol=0)
    silence = log_mel(torch.zeros(1, 3000))
    torch.testing.assert_close(amplified(silence, torch.full((1, 1, 1, 1), 30.0)), silence, atol=1e-3, rtol=0)


def test_random_gains_have_the_deviation_asked_for_and_are_smooth() -> None:
    flat = random_gain(4000, 5.0, 0.0, generator())
    assert flat.shape == (4000, 1, 80, 1)
    assert flat.std(dim=0).mean() == pytest.approx(5.0, rel=0.05)
    assert (flat - flat[:, :, :1]).abs().max() == 0.0
    curve = random_gain(4000, 0.0, 4.0, generator())
    assert curve[:, 0, [0, -1]].std() == pytest.approx(4.0, rel=0.05)
    assert curve.diff(dim=2).abs().max() < 2.0


def test_a_stretched_mel_has_its_peaks_where_the_frequencies_went() -> None:
    """A tone of 1000 Hz, stretched by 1.2, is one of 1200 Hz; a factor of 1 changes nothing."""
    time = torch.arange(24000) / 24000
    mels = log_mel(0.1 * torch.sin(2 * math.pi * torch.tensor([[1000.0], [1200.0], [2500.0], [3000.0]]) * time))
    found = stretched(mels, torch.tensor([1.2, 1.0, 1.2, 1.0]))
    peaks, wanted = found.mean(3).argmax(2).flatten(), mels.mean(3).argmax(2).flatten()
    assert (peaks[0] - wanted[1]).abs() <= 1
    assert (peaks[2] - wanted[3]).abs() <= 1
    assert wanted[0] != wanted[1]
    torch.testing.assert_close(found[1], mels[1], atol=1e-4, rtol=0)


def test_only_the_share_of_rows_is_smoothed_or_noisy() -> None:
    mel = torch.randn(400, 1, 80, 20, generator=generator(1))
    for change in (lambda share: smoothed(mel, share, generator()), lambda share: noisy(mel, share, 0.5, generator())):
        assert torch.equal(change(0.0), mel)
        touched = ((change(0.3) - mel).abs().amax((1, 2, 3)) > 0).float().mean()
        assert 0.2 < touched < 0.4
    assert smoothed(mel, 1.0, generator()).diff(dim=3).square().mean() < 0.7 * mel.diff(dim=3).square().mean()
    level = (noisy(mel, 1.0, 0.5, generator()) - mel).std(dim=(1, 2, 3))
    assert level.max() < 0.52
    assert level.mean() == pytest.approx(0.25, rel=0.15)


def test_masks_are_stripes_no_wider_than_asked_for() -> None:
    mel = torch.randn(64, 1, 80, 100, generator=generator(1))
    found = masked(mel, 1, 12, 8, generator())
    hidden = found != mel
    bands, frames = hidden.all(dim=3).sum(2), hidden.all(dim=2).sum(2)
    assert 1 <= bands.max() <= 13
    assert 1 <= frames.max() <= 9
    assert torch.equal(hidden, hidden.all(dim=3, keepdim=True) | hidden.all(dim=2, keepdim=True))
    filled = torch.where(hidden, found, mel.mean((2, 3), keepdim=True))
    torch.testing.assert_close(filled, mel.mean((2, 3), keepdim=True).expand_as(mel))
    assert len({tuple(row.flatten().tolist()) for row in hidden}) > 60
