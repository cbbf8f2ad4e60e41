"""Layers against slow transcriptions, shapes and counts of the official network, and what must hold by construction."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.upstream.stylegan2.discriminator import ActiveConv, Block, Discriminator, deviation
from benchmark.upstream.stylegan2.filters import blurred, enlarged
from benchmark.upstream.stylegan2.generator import Generator, GeneratorSettings, truncated, widths_of
from benchmark.upstream.stylegan2.layers import EqualLinear, ModulatedConv, StyledConv, activate
from benchmark.upstream.stylegan2.load import POCKET, official_tensors

TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def upfirdn(x: np.ndarray, kernel: np.ndarray, up: int, down: int, before: int, after: int) -> np.ndarray:
    """(H, W): zeros in between, zeros around, correlation with the turned kernel, every `down`-th kept."""
    wide = np.zeros((x.shape[0] * up, x.shape[1] * up))
    wide[::up, ::up] = x
    wide = np.pad(wide, (before, after))
    size, turned = len(kernel), kernel[::-1, ::-1]
    out = np.array(
        [
            [(wide[i : i + size, j : j + size] * turned).sum() for j in range(wide.shape[1] - size + 1)]
            for i in range(wide.shape[0] - size + 1)
        ]
    )
    found: np.ndarray = out[::down, ::down]
    return found


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# ------------------------------------------------------------------------------------------------------------- filters


@pytest.mark.parametrize(("pad", "gain", "stride"), [(1, 4.0, 1), (2, 1.0, 1), (1, 1.0, 2)])
def test_blur_is_the_filter_written_out(pad: int, gain: float, stride: int) -> None:
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    expected = np.stack([[upfirdn(c.numpy(), gain * TAPS, 1, stride, pad, pad) for c in row] for row in x])
    np.testing.assert_allclose(blurred(x, pad, gain, stride).numpy(), expected, atol=1e-12)


def test_enlarging_is_the_filter_written_out_and_keeps_an_even_area() -> None:
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    expected = np.stack([[upfirdn(c.numpy(), 4 * TAPS, 2, 1, 2, 1) for c in row] for row in x])
    np.testing.assert_allclose(enlarged(x).numpy(), expected, atol=1e-12)
    even = enlarged(torch.ones(1, 1, 8, 8))
    torch.testing.assert_close(even[..., 1:-1, 1:-1], torch.ones(1, 1, 14, 14))


# -------------------------------------------------------------------------------------------------------------- layers


def test_learning_rate_of_a_linear_layer_is_a_scale_of_its_weights() -> None:
    torch.manual_seed(0)
    layer = EqualLinear(4, 3, bias=2.0, rate=0.01, active=True)
    x = torch.randn(2, 4)
    plain = x @ (layer.weight * 0.01 / 2).T + 0.02
    torch.testing.assert_close(layer(x), torch.where(plain > 0, plain, 0.2 * plain) * math.sqrt(2))
    assert 50 < float(layer.weight.detach().std()) < 200, "drawn from N(0, 1) / rate"


def slow_modulated(layer: ModulatedConv, x: Tensor, style: Tensor) -> Tensor:
    """Row by row, output channel by output channel, place by place: each row has weights of its own."""
    out, channels, kernel, _ = layer.weight.shape
    rows = []
    for row, w in zip(x, style, strict=True):
        scales = layer.affine.weight @ w / math.sqrt(len(w)) + layer.affine.bias
        weight = layer.weight / math.sqrt(channels * kernel**2) * scales[None, :, None, None]
        if layer.demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if layer.up:
            size = x.shape[-1]
            wide = torch.zeros(out, 2 * size + 1, 2 * size + 1, dtype=x.dtype)
            for i in range(size):
                for j in range(size):
                    wide[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += torch.einsum("c,ockl->okl", row[:, i, j], weight)
            wide = wide.detach()
            rows.append(torch.from_numpy(np.stack([upfirdn(c.numpy(), 4 * TAPS, 1, 1, 1, 1) for c in wide])))
        else:
            half = kernel // 2
            padded = torch.nn.functional.pad(row, (half,) * 4)
            places = [
                [
                    torch.einsum("ckl,ockl->o", padded[:, i : i + kernel, j : j + kernel], weight)
                    for j in range(len(row[0]))
                ]
                for i in range(row.shape[1])
            ]
            rows.append(torch.stack([torch.stack(line, 1) for line in places], 1).detach())
    return torch.stack(rows)


@pytest.mark.parametrize(("kernel", "demodulate", "up"), [(3, True, False), (3, True, True), (1, False, False)])
def test_modulated_convolution_is_one_with_weights_of_every_row(kernel: int, demodulate: bool, up: bool) -> None:
    torch.manual_seed(1)
    layer = ModulatedConv(3, 4, kernel, 5, demodulate, up).double()
    x, style = torch.randn(2, 3, 4, 4, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    torch.testing.assert_close(layer(x, style).detach(), slow_modulated(layer, x, style))


def test_demodulated_weights_have_length_one() -> None:
    torch.manual_seed(2)
    layer = ModulatedConv(6, 5, 3, 4)
    scales = layer.affine(torch.randn(3, 4))
    weight = layer.weight * layer.scale * scales[:, None, :, None, None]
    lengths = (weight / layer.lengths(scales)[:, :, None, None, None]).square().sum((2, 3, 4)).sqrt()
    torch.testing.assert_close(lengths, torch.ones(3, 5))


def test_demodulation_forgets_how_large_a_style_is() -> None:
    torch.manual_seed(3)
    layer = ModulatedConv(6, 5, 3, 4)
    layer.affine.bias.data.zero_()
    x, style = torch.randn(2, 6, 4, 4), torch.randn(2, 4)
    torch.testing.assert_close(layer(x, 7 * style), layer(x, style), rtol=1e-4, atol=1e-5)


def test_noise_is_added_by_its_strength_before_bias_and_activation() -> None:
    torch.manual_seed(4)
    layer = StyledConv(3, 2, 4)
    layer.strength.data.fill_(0.7)
    layer.bias.data.normal_()
    x, style, noise = torch.randn(2, 3, 4, 4), torch.randn(2, 4), torch.randn(2, 1, 4, 4)
    torch.testing.assert_close(layer(x, style, noise), activate(layer.conv(x, style) + 0.7 * noise, layer.bias))


# ----------------------------------------------------------------------------------------------------------- generator


def test_table_of_the_official_generator_at_256() -> None:
    """30,034,338 parameters, 14 latents; names and shapes as rosinality/stylegan2-pytorch@bef283a:model.py has them."""
    with torch.device("meta"):
        network = Generator(GeneratorSettings())
    assert count(network) == 30_034_338
    assert (network.settings.size, network.settings.latents) == (256, 14)
    table = {name: tuple(value.shape) for name, value in official_tensors(network).items()}
    assert len(table) == 123
    widths = (512, 512, 512, 512, 512, 256, 128)
    expected = {"input.input": (1, 512, 4, 4)}
    for i in range(8):
        expected |= {f"style.{i + 1}.weight": (512, 512), f"style.{i + 1}.bias": (512,)}

    def styled(name: str, a: int, b: int, kernel: int) -> dict[str, tuple[int, ...]]:
        return {
            f"{name}.conv.weight": (1, b, a, kernel, kernel),
            f"{name}.conv.modulation.weight": (a, 512),
            f"{name}.conv.modulation.bias": (a,),
        }

    convolutions = [("conv1", 512, 512)]
    for i, (a, b) in enumerate(pairwise(widths)):
        convolutions += [(f"convs.{2 * i}", a, b), (f"convs.{2 * i + 1}", b, b)]
    for i, (name, a, b) in enumerate(convolutions):
        size = 4 << ((i + 1) // 2)
        expected |= styled(name, a, b, 3) | {f"{name}.noise.weight": (1,), f"{name}.activate.bias": (b,)}
        expected |= {f"noises.noise_{i}": (1, 1, size, size)}
    for name, width in zip(["to_rgb1", *(f"to_rgbs.{i}" for i in range(6))], widths, strict=True):
        expected |= styled(name, width, 3, 1) | {f"{name}.bias": (1, 3, 1, 1)}
    assert table == expected


def test_counts_of_the_official_discriminator_and_of_the_pocket_networks() -> None:
    with torch.device("meta"):
        assert count(Discriminator(GeneratorSettings().widths)) == 28_864_129
        assert count(Generator(POCKET)) == 944_768
        assert count(Discriminator(POCKET.widths)) == 1_012_569
    assert POCKET.size == 64
    assert POCKET.latents == 10


def test_widths_of_the_official_sizes() -> None:
    assert widths_of(256) == GeneratorSettings().widths
    assert widths_of(1024) == (512, 512, 512, 512, 512, 256, 128, 64, 32)
    assert widths_of(256, 1) == (512, 512, 512, 512, 256, 128, 64)
    with pytest.raises(BenchmarkError, match="not 100"):
        widths_of(100)
    with pytest.raises(BenchmarkError, match="two sizes"):
        GeneratorSettings(widths=(8,))


def test_pictures_of_a_latent(small: Generator) -> None:
    z = torch.randn(3, 12)
    pictures = small(small.spread(small.map(z)))
    assert pictures.shape == (3, 3, 16, 16)
    torch.testing.assert_close(small.map(5 * z), small.map(z)), "only the direction of a latent counts"
    torch.testing.assert_close(small(small.spread(small.map(z[1:2]))), pictures[1:2], atol=1e-5, rtol=1e-4)


def test_every_style_and_every_noise_has_its_say(small: Generator) -> None:
    styles = small.spread(small.map(torch.randn(1, 12)))
    before = small(styles)
    for i in range(small.settings.latents):
        moved = styles.clone()
        moved[:, i] += 1.0
        assert not torch.allclose(small(moved), before, atol=1e-4), i
    assert small.noise_sizes() == [4, 8, 8, 16, 16]
    noises = [small.get_buffer(f"noise_{i}") for i in range(5)]
    torch.testing.assert_close(small(styles, noises), before)
    for i in range(5):
        other = [noise + (i == j) for j, noise in enumerate(noises)]
        assert not torch.allclose(small(styles, other), before, atol=1e-4), i


def test_mixing_takes_late_layers_from_the_other(small: Generator) -> None:
    first, other = small.map(torch.randn(2, 12)), small.map(torch.randn(2, 12))
    mixed = small.spread(first, other, 2)
    assert torch.equal(mixed[:, :2], first[:, None].expand(-1, 2, -1))
    assert torch.equal(mixed[:, 2:], other[:, None].expand(-1, 4, -1))
    assert torch.equal(small.spread(first, other, 6), small.spread(first))


def test_truncation_draws_to_the_mean(small: Generator) -> None:
    w, mean = small.map(torch.randn(50, 12)), small.mean_style()
    assert torch.equal(small.mean_style(), mean)
    torch.testing.assert_close(truncated(w, mean, 1.0), w)
    torch.testing.assert_close(truncated(w, mean, 0.0), mean.expand(50, -1))
    torch.testing.assert_close((truncated(w, mean, 0.7) - mean).norm(dim=1), 0.7 * (w - mean).norm(dim=1))
    assert float((w.mean(0) - mean).norm()) < float(w.std(0).norm()), "the mean of latents is in the middle of them"


def test_drawn_noise_is_the_generators_alone(small: Generator) -> None:
    first, again = (small.draw_noise(2, torch.Generator().manual_seed(3)) for _ in range(2))
    assert [tuple(noise.shape) for noise in first] == [(2, 1, n, n) for n in small.noise_sizes()]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


# ------------------------------------------------------------------------------------------------------- discriminator


def test_deviation_within_a_group() -> None:
    x = torch.randn(8, 3, 4, 4)
    found = deviation(x)
    assert found.shape == (8, 1, 4, 4)
    for i in range(2):
        group = x[[i, i + 2, i + 4, i + 6]]
        expected = (group.var(0, unbiased=False) + 1e-8).sqrt().mean()
        torch.testing.assert_close(found[[i, i + 2, i + 4, i + 6]], expected.expand(4, 1, 4, 4))
    same = deviation(torch.randn(1, 3, 4, 4).expand(4, -1, -1, -1))
    torch.testing.assert_close(same, torch.full((4, 1, 4, 4), 1e-4))


def test_a_block_filters_before_it_leaves_pixels_out() -> None:
    torch.manual_seed(6)
    block = Block(3, 4).double()
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    skip = torch.nn.functional.conv2d(blurred(x, 1), block.skip.weight / math.sqrt(3))[..., ::2, ::2]
    second = blurred(block.first(x), 2)
    second = torch.nn.functional.conv2d(second, block.second.conv.weight / math.sqrt(27), stride=2)
    expected = (activate(second, block.second.bias) + skip) / math.sqrt(2)
    torch.testing.assert_close(block(x), expected)
    assert ActiveConv(3, 4, 1)(x.float()).shape == (1, 4, 8, 8)


def test_logits_have_a_row_each() -> None:
    torch.manual_seed(7)
    network = Discriminator((8, 6, 4))
    assert network(torch.randn(8, 3, 16, 16)).shape == (8,)
    assert network(torch.randn(2, 3, 16, 16)).shape == (2,)
