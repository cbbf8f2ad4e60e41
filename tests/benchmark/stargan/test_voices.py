"""Sizes and layouts of StarGANv2-VC's networks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmark.blocks import MappingNetwork
from benchmark.stargan.voices import Critic, Discriminator, Generator, StyleEncoder, widths

# The first five measured on the official code (baselines.md section 1), the others reckoned (papers.md section 1.9).
OFFICIAL = [
    (Generator, {}, 45_972_993),
    (MappingNetwork, {"domains": 20}, 17_212_672),
    (StyleEncoder, {"domains": 20}, 14_426_816),
    (Discriminator, {"domains": 20}, 27_560_872),
    (Critic, {"domains": 20}, 13_780_436),
    (Generator, {"extra_f0_block": False}, 41_120_257),
    (MappingNetwork, {"domains": 130}, 107_500_672),
    (StyleEncoder, {"domains": 2}, 13_835_840),
    (Critic, {"domains": 130}, 13_836_866),
]


@pytest.mark.parametrize(("network", "arguments", "parameters"), OFFICIAL)
def test_parameter_counts_are_the_official_ones(
    network: type[nn.Module], arguments: dict[str, int], parameters: int
) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in network(**arguments).parameters()) == parameters


def layout(network: Generator, f0_channels: int) -> list[tuple[int, ...]]:
    """(channels, bands, frames) after the stem and every block, of a crop of 192 frames."""
    seen: list[tuple[int, ...]] = []
    for layer in (network.stem, *network.encode, *network.decode):
        layer.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[1:])))
    out = network(torch.zeros(1, 1, 80, 192), torch.zeros(1, 64), torch.zeros(1, f0_channels, 10, 192))
    assert out.shape == (1, 1, 80, 192)
    return seen


@pytest.mark.parametrize("extra", [True, False])
def test_the_generator_is_laid_out_as_table_7_says(extra: bool) -> None:
    """An eighth as wide: channels / 8 of the table's."""
    w, wide = (8, 16, 32, 64, 64), 64 + 16
    assert layout(Generator(32, width=8, max_width=64, extra_f0_block=extra), 32) == [
        *[(w[0], 80, 192), (w[1], 40, 96), (w[2], 20, 96), (w[3], 10, 48), (w[4], 5, 48)],
        *[(64, 5, 48)] * 2,
        *[(wide, 5, 48)] * 2,
        *[(64, 5, 48)] * extra,
        *[(w[3], 10, 48), (w[2], 20, 96), (w[1], 40, 96), (w[0], 80, 192)],
    ]


def test_widths_double_up_to_the_largest() -> None:
    assert widths(64, 512) == [64, 128, 256, 512, 512]
    assert widths(16, 8) == [16, 16, 16, 16, 16]


def test_the_style_encoder_is_activated_after_pooling_and_the_critics_before() -> None:
    """The order tells where frames differ; there is no normalisation in either."""
    torch.manual_seed(0)
    mel, zero = torch.randn(3, 1, 80, 112), torch.zeros(3, dtype=torch.int64)
    encoder, critic = StyleEncoder(2, 5, 4, 8), Critic(2, 4, 8)
    for network in (encoder, critic):
        assert not [m for m in network.modules() if isinstance(m, nn.GroupNorm)]
        before = network.shared[:7](mel)  # after the 5x5 convolution
        assert before.shape == (3, 8, 1, 3)

    def leaky(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.2 * x)

    torch.testing.assert_close(encoder(mel, zero), encoder.own(leaky(encoder.shared[:7](mel).mean((2, 3))), zero))
    torch.testing.assert_close(critic(mel), critic.own(leaky(critic.shared[:7](mel)).mean((2, 3))))


def test_every_network_picks_its_own_domain_row_by_row() -> None:
    torch.manual_seed(0)
    mel, domain = torch.randn(4, 1, 80, 80), torch.tensor([0, 2, 1, 2])
    for network in (StyleEncoder(3, 5, 4, 8), Discriminator(3, 4, 8)):
        out = network(mel, domain)
        assert out.shape[:1] == (4,)
        for i in range(4):
            torch.testing.assert_close(network(mel[i : i + 1], domain[i : i + 1])[0], out[i])
        assert not torch.isclose(out, network(mel, (domain + 1) % 3)).any()


def test_the_twins_of_the_discriminator_share_nothing() -> None:
    torch.manual_seed(0)
    network, mel = Discriminator(3, 4, 8), torch.randn(2, 1, 80, 80)
    real, source = network(mel, torch.tensor([1, 1])), network.classify(mel)
    assert source.shape == (2, 3)
    real.sum().backward()
    assert all(p.grad is not None for p in network.real.parameters())
    assert all(p.grad is None for p in network.source.parameters())


def test_features_may_come_with_channels_last() -> None:
    """As the shipped F0 network gives them; the gradient of a normalisation of such crashes torch 2.11 on a CPU."""
    torch.manual_seed(0)
    network, mel, style, f0 = (
        Generator(8, 4, 2, 4),
        torch.randn(2, 1, 80, 8),
        torch.randn(2, 4),
        torch.randn(2, 8, 10, 8),
    )
    losses = [network(mel, style, x).square().sum() for x in (f0, f0.to(memory_format=torch.channels_last))]
    losses[1].backward()
    torch.testing.assert_close(*losses)
    assert all(p.grad is not None for p in network.f0.parameters())
