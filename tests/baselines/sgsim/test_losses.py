"""Every term against a transcription of the official line."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from baselines.sgsim import losses


def test_contrast_is_both_cross_entropies() -> None:
    a, b = (F.normalize(torch.randn(5, 8)) for _ in range(2))
    total = 0.0
    for one, other in ((a, b), (b, a)):
        for i in range(5):
            logits = [float(one[i] @ other[j]) * math.exp(0.07) for j in range(5)]
            total -= math.log(math.exp(logits[i]) / sum(map(math.exp, logits))) / 5
    assert float(losses.contrast(a, b, 0.07)) == pytest.approx(total, rel=1e-5)


def test_contrast_falls_where_pairs_are_alike() -> None:
    a = torch.eye(6)
    assert losses.contrast(a, a, 3.0) < losses.contrast(a, a.roll(1, 0), 3.0)


def test_guidance_may_be_below_zero() -> None:
    """Quirk Q44: the temperature multiplies by exp(.07) = 1.0725."""
    image, audio = torch.eye(3)[[0, 0]], torch.eye(3)[[0, 1]]
    torch.testing.assert_close(losses.guidance(image, audio, 0.07), torch.tensor([1 - math.exp(0.07), 1.0]))


def test_drift_and_identity_of_every_row() -> None:
    a, b = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    expected = [sum(float((a[i] - b[i])[j, k] ** 2) for j in range(3) for k in range(4)) for i in range(2)]
    torch.testing.assert_close(losses.drift(a, b), torch.tensor(expected))
    x, y = F.normalize(torch.randn(2, 5)), F.normalize(torch.randn(2, 5))
    torch.testing.assert_close(losses.identity(x, y), torch.stack([1 - x[0].dot(y[0]), 1 - x[1].dot(y[1])]))


def test_the_rate_is_cyclic_lrs() -> None:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CyclicLR(optimiser, base_lr=0.001, max_lr=0.1, step_size_up=5)
    for step in range(25):
        assert losses.triangle(step, 5, 0.001, 0.1) == pytest.approx(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
