"""Sizes and numbers of the published architecture."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.upstream.parallel_wavegan.network import (
    Discriminator,
    DiscriminatorSettings,
    Generator,
    GeneratorSettings,
    without_weight_norm,
)

SMALL = GeneratorSettings(4, 2, 6, 8, 5, bands=7, upsample=(2, 3))


def filled(network: nn.Module) -> nn.Module:
    """Weights from a formula, float64."""
    with torch.no_grad():
        for i, (_, value) in enumerate(sorted(network.double().named_parameters())):
            wave = 0.7 * torch.sin(2.1 * torch.arange(value.numel(), dtype=torch.float64) + 1.3 * i)
            value.copy_(wave.reshape(value.shape))
    return network


def count(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


def test_sizes_of_vctk_v1() -> None:
    generator, discriminator = Generator(), Discriminator()
    assert count(generator) == 1_346_044
    assert generator.receptive_field == 6139
    assert generator.hop == 300
    without_weight_norm(generator)
    assert count(generator) == 1_334_311
    assert count(discriminator) == 99_842


@pytest.mark.parametrize("weight_norm", [True, False])
def test_weight_norm_changes_nothing_that_is_heard(weight_norm: bool) -> None:
    torch.manual_seed(0)
    network = Generator(GeneratorSettings(4, 2, 6, 8, 5, bands=7, upsample=(2, 3), weight_norm=weight_norm))
    noise, mel = torch.randn(2, 1, 30), torch.randn(2, 7, 9)
    before = network(noise, mel)
    without_weight_norm(network)
    assert torch.allclose(network(noise, mel), before, atol=1e-6)
    assert not any("original" in name for name in network.state_dict())


def test_what_one_step_of_noise_reaches() -> None:
    """Exactly the receptive field, centred."""
    network = filled(Generator(SMALL))
    noise, mel = torch.zeros(1, 1, 60, dtype=torch.float64), torch.zeros(1, 7, 14, dtype=torch.float64)
    noise.requires_grad_(True)
    network(noise, mel)[0, 0, 30].backward()
    reached = noise.grad[0, 0].nonzero()[:, 0]
    assert network.receptive_field == 13
    assert (int(reached.min()), int(reached.max())) == (24, 36)


def test_frames_and_context_that_do_not_fit_are_refused() -> None:
    network = Generator(SMALL)
    with pytest.raises(RuntimeError):
        network(torch.zeros(1, 1, 60), torch.zeros(1, 7, 10))
    with pytest.raises(ValueError, match="5 layers do not divide into 2 stacks"):
        Generator(GeneratorSettings(5, 2))


@pytest.mark.parametrize(
    ("subbands", "expected"),
    [
        (1, (-52.648782707531, 46.198272861257, -0.878068639284, -0.877884442433, -0.876240637024)),
        (4, (-88.349786577025, 117.531253460031, -0.875180580723, -0.864134964907, -0.877192131390)),
    ],
)
def test_outputs_of_the_official_generator(subbands: int, expected: tuple[float, ...]) -> None:
    """Made by kan-bayashi/ParallelWaveGAN@86740373 with these weights, float64."""
    network = filled(Generator(GeneratorSettings(4, 2, 6, 8, 5, bands=7, upsample=(2, 3), subbands=subbands)))
    time = torch.arange(60 * subbands, dtype=torch.float64).reshape(1, subbands, 60)
    noise = torch.sin(0.7 * time + 0.1 * time.square() % 5)
    mel = torch.cos(torch.arange(7 * 14, dtype=torch.float64).reshape(1, 7, 14) * 0.21)
    with torch.no_grad():
        out = network(noise, mel)
    found = (out.sum(), out.square().sum(), out[0, 0, 0], out[0, -1, 17], out[0, 0, 59])
    assert [float(value) for value in found] == pytest.approx(expected, abs=2e-12)


def test_outputs_of_the_official_discriminator() -> None:
    """As above."""
    network = filled(Discriminator(DiscriminatorSettings(5, 6)))
    with torch.no_grad():
        out = network(torch.sin(torch.arange(90, dtype=torch.float64) * 0.3).reshape(1, 1, 90))
    found = (out.sum(), out.square().sum(), out[0, 0, 0], out[0, 0, 44], out[0, 0, 89])
    expected = (6.756633259650, 0.532519289336, -0.043035090368, 0.077639134325, -0.026868993712)
    assert [float(value) for value in found] == pytest.approx(expected, abs=2e-12)
