"""Generator and discriminator of Parallel WaveGAN (Yamamoto, Song and Kim 2020, ICASSP).

Layer by layer as kan-bayashi/ParallelWaveGAN@86740373:parallel_wavegan/models/parallel_wavegan.py with
layers/residual_block.py and layers/upsample.py; the defaults are egs/vctk/voc1/conf/parallel_wavegan.v1.yaml.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm


@dataclass(frozen=True)
class GeneratorSettings:
    """vctk v1: 1,346,044 parameters with weight norm, 1,334,311 without.

    layers, stacks: residual blocks, and cycles of their dilations 1, 2, 4 ...
    residual, gate, skip: channels along the blocks, before the gate (two halves), and towards the output.
    bands, context: of the mel, and its frames on either side of those that are heard.
    upsample: factors whose product is the hop in steps of the generator: 300, or 300 / `subbands`.
    subbands: 1 gives samples; with more, the generator works at that fraction of the rate, takes as many channels of
        noise, and gives as many bands for `pqmf.PQMF.synthesis`.
    """

    layers: int = 30
    stacks: int = 3
    residual: int = 64
    gate: int = 128
    skip: int = 64
    kernel: int = 3
    bands: int = 80
    context: int = 2
    upsample: tuple[int, ...] = (4, 5, 3, 5)
    subbands: int = 1
    weight_norm: bool = True


@dataclass(frozen=True)
class DiscriminatorSettings:
    """vctk v1: 99,842 parameters with weight norm. slope: of the leaky ReLUs."""

    layers: int = 10
    channels: int = 64
    kernel: int = 3
    slope: float = 0.2
    weight_norm: bool = True


class Generator(nn.Module):
    """Noise and mel in, waveform (or its sub-bands) out; no bound on the output."""

    def __init__(self, settings: GeneratorSettings = GeneratorSettings()) -> None:
        super().__init__()
        if settings.layers % settings.stacks:
            raise ValueError(f"{settings.layers} layers do not divide into {settings.stacks} stacks.")
        self.settings = settings
        self.entry = _conv(settings.subbands, settings.residual)
        self.conditions = Conditions(settings)
        self.blocks = nn.ModuleList(Block(settings, dilation) for dilation in self.dilations)
        self.exit = nn.ModuleList([_conv(settings.skip, settings.skip), _conv(settings.skip, settings.subbands)])
        if settings.weight_norm:
            _normalise(self)

    def forward(self, noise: Tensor, mel: Tensor) -> Tensor:
        """(B, subbands, T * hop), standard normal, and (B, 80, T + 2 * context) -> (B, subbands, T * hop)."""
        condition = self.conditions(mel)
        x, total = self.entry(noise), torch.zeros((), dtype=noise.dtype, device=noise.device)
        for block in self.blocks:
            x, skip = block(x, condition)
            total = total + skip.to(noise.dtype)
        # Eight bits of a bfloat16 would be heard as noise 50 dB below the voice, so the way out has float32 always.
        with torch.autocast(noise.device.type, enabled=False):
            out: Tensor = total * math.sqrt(1.0 / len(self.blocks))
            for convolution in self.exit:
                out = convolution(functional.relu(out))
        return out

    @property
    def dilations(self) -> list[int]:
        cycle = self.settings.layers // self.settings.stacks
        return [2 ** (layer % cycle) for layer in range(self.settings.layers)]

    @property
    def receptive_field(self) -> int:
        """Steps of noise that one step of the output depends on; a step is `subbands` samples."""
        return (self.settings.kernel - 1) * sum(self.dilations) + 1

    @property
    def hop(self) -> int:
        """Steps of a frame of the mel."""
        return math.prod(self.settings.upsample)


class Conditions(nn.Module):
    """(B, 80, T + 2 * context) -> (B, 80, T * hop): a convolution over the frames, then repeated and smoothed in turn.

    The smoothing begins as a moving average and is one filter for all bands.
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        super().__init__()
        self.scales = settings.upsample
        self.frames = _conv(settings.bands, settings.bands, 2 * settings.context + 1, bias=False, padding=0)
        self.smooth = nn.ModuleList(
            nn.Conv2d(1, 1, (1, 2 * scale + 1), padding=(0, scale), bias=False) for scale in self.scales
        )
        for layer in self.smooth.children():
            nn.init.constant_(layer.weight, 1.0 / layer.weight.numel())  # type: ignore[arg-type, operator]

    def forward(self, mel: Tensor) -> Tensor:
        x: Tensor = self.frames(mel).unsqueeze(1)
        for scale, layer in zip(self.scales, self.smooth, strict=True):
            x = layer(x.repeat_interleave(scale, dim=3))
        return x.squeeze(1)


class Block(nn.Module):
    """One gated, dilated convolution with its ways onwards and outwards."""

    def __init__(self, settings: GeneratorSettings, dilation: int) -> None:
        super().__init__()
        half = settings.gate // 2
        self.dilated = _conv(settings.residual, settings.gate, settings.kernel, dilation)
        self.condition = _conv(settings.bands, settings.gate, bias=False)
        self.onwards = _conv(half, settings.residual)
        self.outwards = _conv(half, settings.skip)

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """(B, residual, N), (B, 80, N) -> (B, residual, N), (B, skip, N)."""
        signal, gate = (self.dilated(x) + self.condition(condition)).chunk(2, dim=1)
        gated = torch.tanh(signal) * torch.sigmoid(gate)
        return (self.onwards(gated) + x) * math.sqrt(0.5), self.outwards(gated)


class Discriminator(nn.Module):
    """(B, 1, N) -> (B, 1, N): at every sample, near 1 where the wave is taken for a recording."""

    def __init__(self, settings: DiscriminatorSettings = DiscriminatorSettings()) -> None:
        super().__init__()
        self.settings = settings
        width, kernel = settings.channels, settings.kernel
        first = _conv(1, width, kernel)
        middle = (_conv(width, width, kernel, dilation) for dilation in range(1, settings.layers - 1))
        self.layers = nn.ModuleList([first, *middle, _conv(width, 1, kernel)])
        if settings.weight_norm:
            _normalise(self)

    def forward(self, wave: Tensor) -> Tensor:
        x = wave
        for layer in self.layers[:-1]:
            x = functional.leaky_relu(layer(x), self.settings.slope)
        scores: Tensor = self.layers[-1](x)
        return scores


def _conv(
    inputs: int, outputs: int, kernel: int = 1, dilation: int = 1, bias: bool = True, padding: int | None = None
) -> nn.Conv1d:
    """As long as its input unless `padding` is given; drawn after He et al. 2015, biases 0."""
    around = (kernel - 1) // 2 * dilation if padding is None else padding
    layer = nn.Conv1d(inputs, outputs, kernel, padding=around, dilation=dilation, bias=bias)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _normalise(network: nn.Module) -> None:
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            weight_norm(layer)


def without_weight_norm(network: nn.Module) -> None:
    """Put plain weights of the same values in the place of lengths and directions, in place."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv1d | nn.Conv2d) and parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")
