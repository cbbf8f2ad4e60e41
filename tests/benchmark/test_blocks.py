"""Blocks of the StarGANv2 family against the same thing written out one operation at a time."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.blocks import (
    AdaIN,
    AdainResidualBlock,
    HighPass,
    ResidualBlock,
    Scale,
    StackedLinear,
    convolve_pool,
    enlarge_convolve,
    he_init,
)

SCALES: list[Scale] = [1, 2, (2, 1)]


def shuffled(network: nn.Module) -> nn.Module:
    """The network with parameters that are neither zero nor one, in double precision."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    return network.double()


def maps(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5)).double()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (1, 0)])
def test_convolution_and_pooling_are_one_convolution(scale: Scale, kernel: int, padding: int) -> None:
    layer = shuffled(nn.Conv2d(3, 5, kernel, padding=padding))
    assert isinstance(layer, nn.Conv2d)
    x = maps(2, 3, 9, 6)  # an odd row is left over, as by pooling
    torch.testing.assert_close(convolve_pool(x, layer, scale), F.avg_pool2d(layer(x), scale))


@pytest.mark.parametrize("scale", SCALES)
def test_enlargement_and_convolution_are_one_convolution(scale: Scale) -> None:
    layer = shuffled(nn.Conv2d(3, 5, 3, padding=1))
    assert isinstance(layer, nn.Conv2d)
    x = maps(2, 3, 5, 6)
    torch.testing.assert_close(enlarge_convolve(x, layer, scale), layer(F.interpolate(x, scale_factor=scale)))


@pytest.mark.parametrize("pool", SCALES)
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("out", [4, 6])
def test_residual_block(pool: Scale, norm: bool, out: int) -> None:
    block = shuffled(ResidualBlock(4, out, norm=norm, pool=pool))
    x = maps(2, 4, 8, 6)

    def normalised(y: Tensor, which: nn.Module) -> Tensor:
        return F.instance_norm(y, weight=which.weight, bias=which.bias) if norm else y  # type: ignore[arg-type]

    y = F.avg_pool2d(block.conv1(F.leaky_relu(normalised(x, block.norm1), 0.2)), pool)  # type: ignore[operator,arg-type]
    y = block.conv2(F.leaky_relu(normalised(y, block.norm2), 0.2))  # type: ignore[operator,arg-type]
    kept = block.shortcut(x) if out != 4 else x  # type: ignore[operator]
    torch.testing.assert_close(block(x), (F.avg_pool2d(kept, pool) + y) / math.sqrt(2))
    assert block.conv1.out_channels == 4  # quirk Q16
    assert sum(p.numel() for p in block.shortcut.parameters()) == (24 if out == 6 else 0)


def test_adain_is_one_plus_gamma_and_gamma_comes_first() -> None:
    layer = shuffled(AdaIN(7, 3))
    x, style = maps(2, 3, 4, 5), maps(2, 7)
    gamma, beta = (style @ layer.affine.weight.T + layer.affine.bias).reshape(2, 2, 3).unbind(1)  # type: ignore[operator,union-attr]
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), unbiased=False, keepdim=True)
    expected = (1 + gamma[..., None, None]) * (x - mean) / (variance + 1e-5).sqrt() + beta[..., None, None]
    torch.testing.assert_close(layer(x, style), expected)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("residual_only", [False, True])
@pytest.mark.parametrize("out", [4, 6])
def test_adain_residual_block(scale: Scale, residual_only: bool, out: int) -> None:
    block = shuffled(AdainResidualBlock(4, out, 7, scale, residual_only))
    x, style = maps(2, 4, 4, 6), maps(2, 7)
    y = F.interpolate(F.leaky_relu(block.norm1(x, style), 0.2), scale_factor=scale)  # type: ignore[operator]
    y = block.conv2(F.leaky_relu(block.norm2(block.conv1(y), style), 0.2))  # type: ignore[operator]
    large = F.interpolate(x, scale_factor=scale)
    kept = block.shortcut(large) if out != 4 else large  # type: ignore[operator]
    torch.testing.assert_close(block(x, style), y if residual_only else (kept + y) / math.sqrt(2))
    assert block.conv1.out_channels == out  # quirk Q16
    assert sum(p.numel() for p in block.shortcut.parameters()) == (24 if out == 6 else 0)  # quirk Q15: it stays


def test_high_pass_is_a_laplacian_of_each_channel() -> None:
    x = torch.zeros(1, 2, 5, 5)
    x[0, 1, 2, 3] = 1.0
    out = HighPass(4.0)(x)
    expected = torch.zeros(1, 2, 5, 5)
    expected[0, 1, 1:4, 2:5] = -0.25
    expected[0, 1, 2, 3] = 2.0
    assert torch.equal(out, expected)
    flat = HighPass(1.0)(torch.ones(1, 1, 6, 6))
    assert torch.equal(flat[..., 1:-1, 1:-1], torch.zeros(1, 1, 4, 4))
    assert not list(HighPass(1.0).state_dict())


def branches(stacked: StackedLinear) -> nn.ModuleList:
    """The same layers one by one, as the official code holds them."""
    layers = nn.ModuleList(
        nn.Linear(stacked.weight.shape[2], stacked.weight.shape[1]) for _ in range(len(stacked.weight))
    )
    with torch.no_grad():
        for i, layer in enumerate(layers):
            layer.weight.copy_(stacked.weight[i])  # type: ignore[operator]
            layer.bias.copy_(stacked.bias[i])  # type: ignore[operator]
    return layers


@pytest.mark.parametrize("domains", [[0, 2, 2, 0], [1, 1, 1, 1], [0, 1, 2, 3]])
def test_stacked_heads_equal_all_branches_with_one_picked_and_so_do_their_gradients(domains: list[int]) -> None:
    torch.manual_seed(0)
    stacked = StackedLinear(4, 5, 3)
    layers, x, domain = branches(stacked), torch.randn(4, 5), torch.tensor(domains)
    every = torch.stack([layer(x) for layer in layers], 1)
    expected = every[torch.arange(4), domain]
    out = stacked(x, domain)
    torch.testing.assert_close(out, expected)
    target = torch.randn(4, 3)
    F.mse_loss(out, target).backward()
    F.mse_loss(expected, target).backward()
    assert stacked.weight.grad is not None
    assert stacked.bias.grad is not None
    for i, layer in enumerate(layers):
        torch.testing.assert_close(stacked.weight.grad[i], layer.weight.grad)
        torch.testing.assert_close(stacked.bias.grad[i], layer.bias.grad)
        assert (i in domains) == bool(stacked.weight.grad[i].any())


def test_an_undrawn_branch_is_decayed_as_in_the_all_branch_form() -> None:
    """Zero gradient, not none: Adam's L2 moves it all the same."""
    torch.manual_seed(0)
    stacked = StackedLinear(3, 4, 2)
    layers, x = branches(stacked), torch.randn(6, 4)
    ours = torch.optim.Adam(stacked.parameters(), 1e-2, (0.0, 0.99), weight_decay=0.1)
    theirs = torch.optim.Adam(layers.parameters(), 1e-2, (0.0, 0.99), weight_decay=0.1)
    first = stacked.weight[2].detach().clone()
    for step in range(4):
        domain = torch.tensor([0, 1, 0, 1, 0, 1]) if step % 2 else torch.zeros(6, dtype=torch.int64)
        every = torch.stack([layer(x) for layer in layers], 1)
        for optimiser, out in ((ours, stacked(x, domain)), (theirs, every[torch.arange(6), domain])):
            optimiser.zero_grad()
            out.square().mean().backward()
            optimiser.step()
    for i, layer in enumerate(layers):
        torch.testing.assert_close(stacked.weight[i], layer.weight)
    assert not torch.equal(stacked.weight[2], first)


def test_first_weights_have_the_spread_of_linear_layers() -> None:
    torch.manual_seed(0)
    stacked, linear = StackedLinear(3, 400, 300), nn.Linear(400, 300)
    for own, single in ((stacked.weight, linear.weight), (stacked.bias, linear.bias)):
        assert float(own.detach().abs().max()) <= 1 / 20
        assert float(own.detach().std()) == pytest.approx(float(single.detach().std()), rel=0.1)


def test_he_init() -> None:
    torch.manual_seed(0)
    network = nn.ModuleDict(
        {
            "conv": nn.Conv2d(32, 64, 3),
            "linear": nn.Linear(300, 400),
            "stacked": StackedLinear(3, 200, 300),
            "bare": nn.Conv2d(64, 128, 1, bias=False),
            "norm": nn.GroupNorm(4, 4),
        }
    )
    nn.init.constant_(network["norm"].bias, 3.0)  # type: ignore[arg-type]
    he_init(network)
    for name, fan_in in (("conv", 32 * 9), ("linear", 300), ("stacked", 200), ("bare", 64)):
        assert float(network[name].weight.detach().std()) == pytest.approx(math.sqrt(2 / fan_in), rel=0.03), name  # type: ignore[operator]
        assert abs(float(network[name].weight.detach().mean())) < 0.05 * math.sqrt(2 / fan_in), name  # type: ignore[operator]
        if network[name].bias is not None:
            assert not network[name].bias.any(), name  # type: ignore[operator]
    assert torch.equal(network["norm"].bias, torch.full((4,), 3.0))
    assert not torch.equal(network["stacked"].weight[0], network["stacked"].weight[1])  # type: ignore[index]
