"""Loss terms against their definitions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.stargan import losses


def test_adversarial_terms_are_logarithms_of_the_sigmoid() -> None:
    logits = torch.tensor([-3.0, 0.5, 2.0], dtype=torch.float64)
    chance = 1 / (1 + torch.exp(-logits))
    torch.testing.assert_close(losses.adversarial(logits, real=True), -chance.log().mean())
    torch.testing.assert_close(losses.adversarial(logits, real=False), -(1 - chance).log().mean())
    assert torch.isfinite(losses.adversarial(torch.tensor([-1e4, 1e4]), real=True))


def test_r1_is_half_the_squared_gradient_of_each_row_averaged() -> None:
    torch.manual_seed(0)
    weight = torch.randn(3, 4, 4)
    x = torch.randn(5, 3, 4, 4, requires_grad=True)
    scale = torch.tensor([1.0, 2.0, 0.0, -1.0, 3.0])
    logits = scale * (weight * x).sum((1, 2, 3))
    torch.testing.assert_close(losses.r1(logits, x), 0.5 * weight.square().sum() * scale.square().mean())


def test_r1_can_be_differentiated_again() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(12, 1)).double()
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda w: losses.r1(nn.utils.stateless.functional_call(network, {"0.weight": w}, (x,))[:, 0], x),
        (network[0].weight,),
    )


def test_distances_are_means_of_absolute_differences() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 3, 4, 4, requires_grad=True), torch.randn(2, 3, 4, 4, requires_grad=True)
    for term in (losses.style_reconstruction, losses.diversity, losses.cycle):
        torch.testing.assert_close(term(a, b), (a - b).abs().mean())


def test_the_second_fake_is_a_constant() -> None:
    a, b = torch.ones(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    losses.diversity(a, b).backward()
    assert a.grad is not None
    assert b.grad is None


@pytest.mark.parametrize(("steps", "initial"), [(100_000, 1.0), (100_000, 2.0), (7, 1.0), (4, 1.0)])
def test_the_diversity_weight_falls_as_the_official_loop_lets_it(steps: int, initial: float) -> None:
    """The official code takes a fixed amount off as long as the weight is above 0."""
    weight, weights = initial, []
    for _ in range(steps + 3):
        weights.append(weight)
        if weight > 0:
            weight -= initial / steps
    overshoots = weights[-1] < 0
    assert overshoots == (steps == 100_000 or steps == 7)  # 1/4 has no rounding
    for step in (0, 1, steps // 2, steps - 1, steps, steps + 1, steps + 2):
        ours = initial * losses.falling(step, steps, overshoots)
        assert ours == pytest.approx(weights[step], abs=1e-9 * initial)
    assert losses.falling(steps + 2, steps, overshoot=False) == 0
    assert losses.falling(123, 0, overshoot=True) == 1
