"""What is done to mels in training: loudness exactly, softness and noise on a share of the rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmark.media.mel import log_mel, turned_down
from benchmark.upstream.jdc.augment import blurred, softened
from benchmark.upstream.noise import noisy


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_mel_turned_down_is_the_mel_of_the_wave_turned_down() -> None:
    draw = np.random.default_rng(0)
    wave = torch.from_numpy(0.05 * draw.standard_normal((2, 9000))).float()
    wave[:, 4000:6000] *= 1e-3  # where the floor of the logarithm shows
    gain = torch.tensor([0.5, 0.83])
    found, expected = turned_down(log_mel(wave), gain[:, None, None, None]), log_mel(gain[:, None] * wave)
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)
    shifted = log_mel(wave) + 0.5 * gain.log()[:, None, None, None]
    assert (shifted - expected).abs().max() > 0.1  # a plain shift is not it


def test_a_blur_keeps_flat_and_sloping_mels_and_flattens_peaks() -> None:
    slope = torch.arange(80.0)[:, None] + 2.0 * torch.arange(12.0)
    torch.testing.assert_close(blurred(slope[None, None])[..., 1:-1, 1:-1], slope[None, None, 1:-1, 1:-1])
    peak = torch.zeros(1, 1, 80, 12)
    peak[0, 0, 40, 6] = 16.0
    assert blurred(peak)[0, 0, 39:42, 5:8].tolist() == [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    assert blurred(peak).sum() == 16.0


def test_shares_of_the_rows_are_changed(make_mels: Callable[[int, int], Tensor]) -> None:
    mel = make_mels(1, 10).expand(400, -1, -1, -1)
    for changed in (softened(mel, 0.4, seeded()), noisy(mel, 0.4, 0.1, seeded())):
        rows = (changed != mel).flatten(1).any(1)
        assert 0.32 < rows.float().mean() < 0.48
    assert torch.equal(softened(mel, 0.0, seeded()), mel)
    assert torch.equal(noisy(mel, 0.0, 0.1, seeded()), mel)


def test_noise_is_of_at_most_the_asked_deviation(make_mels: Callable[[int, int], Tensor]) -> None:
    mel = make_mels(1, 50).expand(60, -1, -1, -1)
    deviation = (noisy(mel, 1.0, 0.1, seeded()) - mel).flatten(1).std(1)
    assert deviation.max() < 0.105
    assert 0.03 < deviation.mean() < 0.07


def test_the_generator_decides(make_mels: Callable[[int, int], Tensor]) -> None:
    mel = make_mels(4, 10)
    for change in (lambda g: softened(mel, 1.0, g), lambda g: noisy(mel, 1.0, 0.1, g)):
        assert torch.equal(change(seeded(3)), change(seeded(3)))
        assert not torch.equal(change(seeded(3)), change(seeded(4)))
