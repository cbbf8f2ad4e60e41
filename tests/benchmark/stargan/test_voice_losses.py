"""Loss terms against direct transcriptions of their formulas."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from benchmark.stargan import voice_losses as losses


def test_logits_are_cut_at_ten() -> None:
    logits = torch.tensor([-30.0, 0.5, 2.0, 30.0], dtype=torch.float64, requires_grad=True)
    chance = 1 / (1 + torch.exp(-torch.tensor([-10.0, 0.5, 2.0, 10.0], dtype=torch.float64)))
    torch.testing.assert_close(losses.adversarial(logits, real=True), -chance.log().mean())
    loss = losses.adversarial(logits, real=False)
    torch.testing.assert_close(loss, -(1 - chance).log().mean())
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad != 0).tolist() == [False, True, True, False]


def test_the_classifier_is_judged_where_domains_differ() -> None:
    torch.manual_seed(0)
    logits, source, target = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0]), torch.tensor([0, 2, 2, 1, 3])
    differ = source != target
    expected = F.cross_entropy(logits[differ], source[differ])
    torch.testing.assert_close(losses.classification(logits, source, differ), expected)
    torch.testing.assert_close(
        losses.classification(logits, target, differ), F.cross_entropy(logits[differ], target[differ])
    )


def test_no_row_to_judge_is_no_loss_and_no_gradient() -> None:
    """The official code's mean over nothing is NaN (quirk Q27)."""
    logits, code = torch.randn(3, 4, requires_grad=True), torch.tensor([0, 1, 2])
    loss = losses.classification(logits, code, code != code)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_norm_is_a_squared_hinge_of_logarithms_of_norms() -> None:
    torch.manual_seed(0)
    fake, source = torch.randn(2, 1, 80, 7).double(), torch.randn(2, 1, 80, 7).double()
    fake[:, :, :, 3] = source[:, :, :, 3] + 0.1  # 0.4 louder: below the bias
    total = 0.0
    for row in range(2):
        for frame in range(7):
            a, b = (
                math.log(math.sqrt(sum(math.exp(4 * v - 4) ** 2 for v in x[row, 0, :, frame].tolist())))
                for x in (fake, source)
            )
            total += max(0.0, abs(a - b) - 0.5) ** 2
    assert losses.norm(fake, source, 0.5).item() == pytest.approx(total / 14, rel=1e-12)
    assert losses.loudness(source).shape == (2, 1, 7)
    assert losses.norm(fake[..., 3:4], source[..., 3:4], 0.5).item() == 0
    assert losses.norm(fake[..., 3:4], source[..., 3:4], 0.0).item() == pytest.approx(0.16, rel=1e-9)


def test_f0_is_compared_by_shape_and_by_level() -> None:
    a = torch.tensor([[100.0, 200.0, 300.0], [50.0, 50.0, 50.0]])
    b = torch.tensor([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]])
    assert losses.f0_shape(a, b).item() == pytest.approx((0.2 + 0.2) / 6, rel=1e-6)
    assert losses.f0_level(a, b).item() == pytest.approx((180 + 0) / 2)
