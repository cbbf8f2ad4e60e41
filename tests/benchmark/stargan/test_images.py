"""Sizes, layouts and the high-pass path of StarGANv2's networks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmark.blocks import AdainResidualBlock, MappingNetwork, ResidualBlock, StackedLinear
from benchmark.errors import BenchmarkError
from benchmark.stargan.images import Discriminator, Generator, StyleEncoder, widths

# Measured on the official code (baselines.md section 1).
OFFICIAL = [
    (Generator, {"size": 64}, 32_634_883),
    (Generator, {"size": 128}, 33_632_003),
    (Generator, {"size": 256}, 33_892_995),
    (Generator, {"size": 256, "w_hpf": 1.0}, 43_467_395),
    (MappingNetwork, {"domains": 2}, 2_438_272),
    (MappingNetwork, {"domains": 3}, 3_259_072),
    (StyleEncoder, {"size": 64}, 20_327_808),
    (StyleEncoder, {"size": 128}, 20_799_744),
    (StyleEncoder, {"size": 256}, 20_916_928),
    (StyleEncoder, {"size": 256, "domains": 3}, 20_949_760),
    (Discriminator, {"size": 64}, 20_263_170),
    (Discriminator, {"size": 128}, 20_735_106),
    (Discriminator, {"size": 256}, 20_852_290),
    (Discriminator, {"size": 256, "domains": 3}, 20_852_803),
]


@pytest.mark.parametrize(("network", "arguments", "parameters"), OFFICIAL)
def test_parameter_counts_are_the_official_ones(
    network: type[nn.Module], arguments: dict[str, float], parameters: int
) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in network(**arguments).parameters()) == parameters


def layout(network: Generator, size: int) -> list[tuple[int, int]]:
    """(channels, height) after the stem and every block."""
    seen: list[tuple[int, int]] = []
    for layer in (network.stem, *network.encode, *network.decode):
        layer.register_forward_hook(lambda _, __, out: seen.append((out.shape[1], out.shape[2])))
    masks = (torch.ones(1, 1, 8, 8),) * 2 if network.high_pass is not None else None
    network(torch.zeros(1, 3, size, size), torch.zeros(1, 64), masks)
    return seen


def test_the_generator_is_laid_out_as_its_table_says() -> None:
    with torch.device("meta"):
        network = Generator(128)
    assert layout(network.to_empty(device="cpu"), 128) == [
        (128, 128),
        *[(256, 64), (512, 32), (512, 16), (512, 16), (512, 16)],
        *[(512, 16), (512, 16), (512, 32), (256, 64), (128, 128)],
    ]


@pytest.mark.parametrize(("size", "w_hpf", "waist"), [(32, 0, 16), (64, 0, 16), (64, 1, 8), (128, 1, 8)])
def test_the_waist_is_16_pixels_and_8_with_a_high_pass_path(size: int, w_hpf: float, waist: int) -> None:
    network = Generator(size, w_hpf=w_hpf, width=2, max_width=4)
    assert min(height for _, height in layout(network, size)) == waist
    assert len(network.encode) == len(network.decode)


def test_widths_double_up_to_the_largest() -> None:
    assert widths(256, 4, None, 512) == [64, 128, 256, 512, 512]
    assert widths(64, 4, None, 512) == [256, 512, 512, 512, 512]
    assert widths(64, 2, 16, 128) == [16, 32, 64]
    assert widths(64, 2, 16, 8) == [16, 16, 16]
    for size in (16, 100, 0, -64):
        with pytest.raises(BenchmarkError, match=f"size is {size};"):
            widths(size, 2, None, 512)


def test_encoders_go_down_to_one_pixel_without_normalisation() -> None:
    for network in (StyleEncoder(32, width=2, max_width=8), Discriminator(32, width=2, max_width=8)):
        assert not [m for m in network.modules() if isinstance(m, nn.GroupNorm)]
        assert network.shared(torch.zeros(3, 3, 32, 32)).shape == (3, 8)


def test_every_network_picks_its_own_domain_row_by_row() -> None:
    torch.manual_seed(0)
    x, z, domain = torch.randn(4, 3, 32, 32), torch.randn(4, 6), torch.tensor([0, 2, 1, 2])
    networks: list[tuple[nn.Module, torch.Tensor]] = [
        (MappingNetwork(6, 5, 3, 7), z),
        (StyleEncoder(32, 5, 3, 4, 8), x),
        (Discriminator(32, 3, 4, 8), x),
    ]
    for network, given in networks:
        out = network(given, domain)
        assert out.shape[:1] == (4,)
        for i in range(4):
            torch.testing.assert_close(network(given[i : i + 1], domain[i : i + 1])[0], out[i])
        other = network(given, (domain + 1) % 3)
        assert bool((out - other).abs().flatten(1).amax(1).gt(0).all() if out.ndim > 1 else (out != other).all())


def test_the_mapping_network_is_four_shared_layers_and_four_of_the_domain() -> None:
    torch.manual_seed(0)
    network = MappingNetwork(6, 5, 3, 7)
    h = torch.randn(1, 6)
    expected = h
    for layer in network.shared:
        expected = F.relu(layer(expected))
    for i, layer in enumerate(network.own):
        assert isinstance(layer, StackedLinear)
        expected = F.linear(expected, layer.weight[1], layer.bias[1])
        expected = F.relu(expected) if i < 3 else expected
    torch.testing.assert_close(network(h, torch.tensor([1])), expected)
    assert (len(network.shared), len(network.own)) == (4, 4)


def test_a_generator_takes_masks_if_and_only_if_it_has_a_high_pass_path() -> None:
    x, style, masks = torch.zeros(1, 3, 32, 32), torch.zeros(1, 64), (torch.ones(1, 1, 8, 8),) * 2
    with pytest.raises(BenchmarkError, match="w_hpf > 0"):
        Generator(32, width=2, max_width=4)(x, style, masks)
    with pytest.raises(BenchmarkError, match="w_hpf > 0"):
        Generator(32, w_hpf=1.0, width=2, max_width=4)(x, style)


def test_the_high_pass_path_adds_masked_details_of_the_encoder() -> None:
    """The first mask acts at 32 px alone, the second at 64 and 128; a mask of zeros is a path of nothing."""
    torch.manual_seed(0)
    network = Generator(64, w_hpf=0.5, width=2, max_width=4)
    x, style = torch.randn(2, 3, 64, 64), torch.randn(2, 64)
    zero, one = torch.zeros(2, 1, 16, 16), torch.ones(2, 1, 16, 16)
    entering: dict[str, torch.Tensor] = {}
    network.decode[-1].register_forward_hook(lambda _, given, out: entering.update(before=given[0], after=out))
    network.head.register_forward_pre_hook(lambda _, given: entering.update(head=given[0]))
    plain = network(x, style, (zero, zero))
    before = entering["before"]
    assert torch.equal(entering["head"], entering["after"])
    network(x, style, (zero, one))
    assert network.high_pass is not None
    assert torch.equal(entering["before"], before)
    torch.testing.assert_close(entering["head"] - entering["after"], network.high_pass(network.stem(x)))
    network(x, style, (one, zero))
    features = network.encode[0](network.stem(x))
    torch.testing.assert_close(entering["before"] - before, network.high_pass(features))
    assert torch.equal(entering["head"], entering["after"])
    half = torch.cat([one[..., :8], zero[..., :8]], 3)
    right = network(x, style, (zero, half))[..., 48:]
    assert not torch.allclose(right, plain[..., 48:])  # the head's normalisation sees the whole picture


def test_shortcuts_go_with_a_high_pass_path_unless_asked_for() -> None:
    def dropped(**arguments: float) -> set[bool]:
        network = Generator(32, width=2, max_width=4, **arguments)  # type: ignore[arg-type]
        assert all(isinstance(block, ResidualBlock) for block in network.encode)
        return {block.residual_only for block in network.decode if isinstance(block, AdainResidualBlock)}

    assert dropped() == {False}
    assert dropped(w_hpf=1.0) == {True}
    assert dropped(w_hpf=1.0, hpf_shortcut=True) == {False}
