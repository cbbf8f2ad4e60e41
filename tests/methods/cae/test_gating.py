"""Every row of a batch has decoder kernels of its own, and a batch of B is B batches of one: outputs and gradients."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.cae.gating import GatingController, Granularity, Kernel
from methods.cae.networks import Norm, Scaffold

GRANULARITIES: tuple[Granularity, ...] = ("weight", "filter", "channel")
EXACT = [(torch.float64, 1e-10), (torch.float32, 1e-5)]


def layers() -> list[nn.Conv2d | nn.ConvTranspose2d]:
    torch.manual_seed(0)
    return [
        nn.ConvTranspose2d(4, 6, 3, 2, 1, 1),
        nn.ConvTranspose2d(4, 6, 2, 2),
        nn.Conv2d(4, 6, 3, padding=1, bias=False),
        nn.Conv2d(4, 6, 1),
    ]


def gated_kernel(layer: nn.Conv2d | nn.ConvTranspose2d, granularity: Granularity, gates: Tensor) -> Tensor:
    """W * g of one row, as the paper writes it."""
    transposed = isinstance(layer, nn.ConvTranspose2d)  # its kernel is (in, out, k, k), the other (out, in, k, k)
    if granularity == "weight":
        return layer.weight * gates.reshape(layer.weight.shape)
    first = (granularity == "channel") == transposed
    return layer.weight * (gates[:, None, None, None] if first else gates[None, :, None, None])


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("which", range(4))
def test_every_row_is_convolved_with_its_own_gated_kernel(which: int, granularity: Granularity) -> None:
    layer = layers()[which].double()
    kernel = Kernel(layer, granularity)
    x, gates = torch.randn(3, 4, 5, 5, dtype=torch.float64), torch.rand(3, kernel.gates, dtype=torch.float64)
    out = kernel(x, gates)
    for i in range(3):
        own = gated_kernel(layer, granularity, gates[i])
        if isinstance(layer, nn.Conv2d):
            expected = F.conv2d(x[i : i + 1], own, layer.bias, 1, layer.padding)
        else:
            expected = F.conv_transpose2d(x[i : i + 1], own, layer.bias, 2, layer.padding, layer.output_padding)
        torch.testing.assert_close(out[i : i + 1], expected, rtol=1e-12, atol=1e-12)


def test_how_many_gates_a_kernel_has() -> None:
    layer = nn.ConvTranspose2d(4, 6, 3)
    assert [Kernel(layer, g).gates for g in (*GRANULARITIES, None)] == [4 * 6 * 9, 6, 4, 0]


def test_without_gates_the_kernel_is_bare() -> None:
    layer = layers()[0]
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(Kernel(layer, "weight")(x), layer(x))


def test_controller_is_a_linear_layer_and_a_sigmoid_for_each_kernel() -> None:
    kernels = [Kernel(layer, "weight") for layer in layers()]
    controller = GatingController(kernels, 5)
    e = torch.randn(2, 5)
    for layer, kernel, gates in zip(controller.layers, kernels, controller(e), strict=True):
        assert isinstance(layer, nn.Linear)
        assert layer.weight.shape == (kernel.layer.weight.numel(), 5)
        torch.testing.assert_close(gates, 1 / (1 + torch.exp(-(e @ layer.weight.T + layer.bias))))


@pytest.mark.parametrize(("bias", "half"), [(0.0, 0.5), (2.0, 0.8808)])
def test_gates_start_where_the_bias_says(bias: float, half: float) -> None:
    controller = GatingController([Kernel(layers()[0], "weight")], 64, bias)
    (gates,) = controller(F.normalize(torch.randn(4, 64)))
    assert abs(gates.mean().item() - half) < 0.02


def make(
    gate: Literal["transposed", "all"], granularity: Granularity, dtype: torch.dtype, norm: Norm = "bn1"
) -> tuple[Scaffold, GatingController]:
    torch.manual_seed(0)
    scaffold = Scaffold((4, 6, 8, 10), norm=norm, gate=gate, granularity=granularity)
    return scaffold.to(dtype), GatingController(scaffold.gated, 5).to(dtype)


def passed(
    scaffold: Scaffold, controller: GatingController, pieces: int, dtype: torch.dtype
) -> tuple[Tensor, list[Tensor]]:
    """Outputs and gradients of the mean over six pairs, taken in so many passes: there and back, as a step does."""
    generator = torch.Generator().manual_seed(1)
    x, target = (torch.rand(6, 3, 32, 32, generator=generator).to(dtype) * 2 - 1 for _ in range(2))
    e, back = (torch.randn(6, 5, generator=generator).to(dtype) for _ in range(2))
    outs = []
    for rows in torch.arange(6).chunk(pieces):
        out = scaffold(x[rows], controller(e[rows]))
        again = scaffold(out, controller(back[rows]))
        loss = F.l1_loss(out, target[rows]) + F.l1_loss(again, x[rows])
        (loss / pieces).backward()
        outs.append(out.detach())
    return torch.cat(outs), [p.grad for p in [*scaffold.parameters(), *controller.parameters()] if p.grad is not None]


@pytest.mark.parametrize(("dtype", "tolerance"), EXACT)
@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("gate", ["transposed", "all"])
def test_a_batch_equals_passes_of_one_pair(
    gate: Literal["transposed", "all"], granularity: Granularity, dtype: torch.dtype, tolerance: float
) -> None:
    together, gradients = passed(*make(gate, granularity, dtype), 1, dtype)
    alone, summed = passed(*make(gate, granularity, dtype), 6, dtype)
    assert (together - alone).abs().max() <= tolerance
    assert len(gradients) == len(summed)
    for one, other in zip(gradients, summed, strict=True):
        assert one.abs().max() > 0
        assert (one - other).abs().max() <= tolerance


def test_batch_statistics_are_another_model() -> None:
    together, _ = passed(*make("transposed", "weight", torch.float64, "batch"), 1, torch.float64)
    alone, _ = passed(*make("transposed", "weight", torch.float64, "batch"), 6, torch.float64)
    exact, _ = passed(*make("transposed", "weight", torch.float64), 1, torch.float64)
    assert (together - alone).abs().max() > 1e-3
    torch.testing.assert_close(alone, exact, rtol=1e-9, atol=1e-9)  # at batch 1 both norms are one


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_the_voice_changes_the_picture(granularity: Granularity) -> None:
    scaffold, controller = make("transposed", granularity, torch.float64)
    x = torch.rand(1, 3, 32, 32, dtype=torch.float64)
    a, b = (scaffold(x, controller(torch.randn(1, 5, dtype=torch.float64))) for _ in range(2))
    assert (a - b).abs().max() > 1e-3
