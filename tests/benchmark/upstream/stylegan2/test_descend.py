"""Optimising latents: a row ends where it would end alone, and inversion comes nearer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.upstream.stylegan2.descend import descend, invert, picture_error, ramp
from benchmark.upstream.stylegan2.generator import Generator


def test_ramp() -> None:
    assert ramp(0.0) == 0.0
    assert ramp(0.025) == pytest.approx(0.5)
    assert all(ramp(t) == pytest.approx(1.0) for t in (0.05, 0.5, 0.75))
    assert ramp(0.875) == pytest.approx(0.5)
    assert ramp(0.95) == pytest.approx(0.5 - 0.5 * math.cos(0.2 * math.pi))


def slow_adam(start: float, target: float, steps: int, lr: float) -> float:
    """Kingma and Ba's Algorithm 1 on (x - target)^4, the rate by `ramp`."""
    x, m, v = start, 0.0, 0.0
    for i in range(steps):
        g = 4 * (x - target) ** 3
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        x -= lr * ramp(i / steps) * (m / (1 - 0.9 ** (i + 1))) / (math.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8)
    return x


def test_every_row_is_adam_by_itself() -> None:
    start, target = torch.tensor([[0.0], [3.0], [100.0]]).double(), torch.tensor([[1.0], [-2.0], [0.0]]).double()
    with torch.no_grad():
        found = descend(start, lambda x: (x - target).pow(4).sum(1), 50, 0.1)
    expected = [slow_adam(float(a), float(b), 50, 0.1) for a, b in zip(start, target, strict=True)]
    torch.testing.assert_close(found[:, 0], torch.tensor(expected).double())
    assert not found.requires_grad
    assert torch.equal(start[:, 0], torch.tensor([0.0, 3.0, 100.0]).double()), "the start is left as it was"


def test_no_steps_change_nothing() -> None:
    start = torch.randn(2, 3)
    assert torch.equal(descend(start, lambda x: x.sum(1), 0, 0.1), start)


def test_an_objective_that_is_no_number_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="in step 0 of 5"):
        descend(torch.ones(2, 1), lambda x: x.sum(1) / 0.0, 5, 0.1)


def test_error_counts_every_size_and_every_row_alone() -> None:
    a, b = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    found = picture_error(a, b)
    for i in range(2):
        d = (a - b)[i]
        half = d.unfold(1, 2, 2).unfold(2, 2, 2).mean((3, 4))
        quarter = d.unfold(1, 4, 4).unfold(2, 4, 4).mean((3, 4))
        torch.testing.assert_close(found[i], d.square().mean() + half.square().mean() + quarter.square().mean())


@pytest.fixture
def wanted(small: Generator) -> Tensor:
    z = torch.randn(4, 12, generator=torch.Generator().manual_seed(2))
    return small(small.spread(small.map(z)))


def test_inversion_comes_nearer_than_its_start(small: Generator, wanted: Tensor) -> None:
    with torch.no_grad():
        start = small.spread(small.mean_style()[None]).expand(4, -1, -1)
        found = invert(small, wanted, 60)
    before, after = (picture_error(small(styles), wanted) for styles in (start, found))
    assert (after < 0.5 * before).all(), "of pictures that the generator can make"
    assert not torch.allclose(found[:, 0], found[:, 1]), "every layer has a style of its own"


def test_inversion_of_a_row_is_the_same_alone_and_beside_others(small: Generator, wanted: Tensor) -> None:
    together = invert(small, wanted, 15)
    assert torch.equal(together, invert(small, wanted, 15))
    alone = torch.cat([invert(small, wanted[i : i + 1], 15) for i in range(4)])
    torch.testing.assert_close(alone, together, atol=2e-3, rtol=0)
    strange = torch.cat([wanted[:1], 1 - wanted[1:]])
    torch.testing.assert_close(invert(small, strange, 15)[:1], together[:1], atol=2e-3, rtol=0)
