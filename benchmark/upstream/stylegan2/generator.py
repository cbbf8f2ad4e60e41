"""The generator: a mapping network and a synthesis network with colours added up from 4 px on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from benchmark.errors import BenchmarkError
from benchmark.upstream.stylegan2.layers import EPSILON, EqualLinear, StyledConv, ToRGB


@dataclass(frozen=True)
class GeneratorSettings:
    """The defaults are config f at 256 px (30,034,338 parameters), as rosinality/stylegan2-pytorch trains it.

    widths: channels at 4, 8, .. px; their number says how large pictures are.
    style: numbers of a latent z and of a style w. mapping: layers of the mapping network; rate: factor of their
        learning rate.
    """

    widths: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128)
    style: int = 512
    mapping: int = 8
    rate: float = 0.01

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(*self.widths, self.style, self.mapping) < 1 or self.rate <= 0:
            raise BenchmarkError(f"No StyleGAN2 has two sizes or more, all widths and layers at least 1: {self}.")

    @property
    def size(self) -> int:
        """Pixels of a side."""
        return 4 << (len(self.widths) - 1)

    @property
    def latents(self) -> int:
        """Styles of a picture in W+: one a convolution, the last of every size shared with its colours, and one more
        for the last colours (14 at 256 px)."""
        return 2 * len(self.widths)


class Generator(nn.Module):
    """Styles (B, latents, style) -> pictures (B, 3, size, size), about [-1, 1] and not clamped.

    Row i is of row i alone. The noise of a layer is a buffer (`noise_0`, ..) unless it is given.
    """

    def __init__(self, settings: GeneratorSettings = GeneratorSettings()) -> None:
        super().__init__()
        self.settings = settings
        widths, style = settings.widths, settings.style
        self.mapping = nn.ModuleList(
            EqualLinear(style, style, rate=settings.rate, active=True) for _ in range(settings.mapping)
        )
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        layers = [StyledConv(widths[0], widths[0], style)]
        for a, b in pairwise(widths):
            layers += [StyledConv(a, b, style, up=True), StyledConv(b, b, style)]
        self.layers = nn.ModuleList(layers)
        self.colours = nn.ModuleList(ToRGB(width, style) for width in widths)
        for i, size in enumerate(self.noise_sizes()):
            self.register_buffer(f"noise_{i}", torch.randn(1, 1, size, size))

    def noise_sizes(self) -> list[int]:
        """Pixels of a side of every layer."""
        return [4 << ((i + 1) // 2) for i in range(2 * len(self.settings.widths) - 1)]

    def draw_noise(self, rows: int, source: torch.Generator) -> list[Tensor]:
        """Fresh noise for every layer, (rows, 1, H, W) each, on the generator's device."""
        return [torch.randn(rows, 1, n, n, generator=source).to(self.constant.device) for n in self.noise_sizes()]

    def map(self, z: Tensor) -> Tensor:
        """Latents (B, style) -> styles w (B, style); only the direction of a latent counts."""
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + EPSILON)
        for layer in self.mapping:
            w = layer(w)
        return w

    def spread(self, w: Tensor, other: Tensor | None = None, first: int = 0) -> Tensor:
        """Styles (B, style), the same for all layers -> (B, latents, style); with `other`, layers from `first` on
        have that one (style mixing)."""
        styles = w[:, None].repeat(1, self.settings.latents, 1)
        if other is not None:
            styles[:, first:] = other[:, None]
        return styles

    def mean_style(self, samples: int = 4096, seed: int = 0) -> Tensor:
        """(style,): the mean w of so many latents, drawn from `seed` on the CPU."""
        z = torch.randn(samples, self.settings.style, generator=torch.Generator().manual_seed(seed))
        return self.map(z.to(self.constant)).mean(0)

    def forward(self, styles: Tensor, noises: Sequence[Tensor] | None = None) -> Tensor:
        if noises is None:
            noises = [self.get_buffer(f"noise_{i}") for i in range(len(self.layers))]
        x = self.constant.expand(len(styles), -1, -1, -1)
        x = self.layers[0](x, styles[:, 0], noises[0])
        picture = self.colours[0](x, styles[:, 1])
        for size, colours in enumerate(list(self.colours)[1:], start=1):
            for i in (2 * size - 1, 2 * size):
                x = self.layers[i](x, styles[:, i], noises[i])
            picture = colours(x, styles[:, 2 * size + 1], picture)
        return picture  # type: ignore[no-any-return]


def truncated(w: Tensor, mean: Tensor, psi: float) -> Tensor:
    """Styles moved towards their mean: psi 1 changes nothing, 0 gives the mean."""
    return mean + psi * (w - mean)


def widths_of(size: int, multiplier: int = 2) -> tuple[int, ...]:
    """Channels at 4 .. `size` px of the official networks: 512 up to 32 px, then 256, 128, .. times `multiplier`.

    Raises:
        BenchmarkError: a size that is no power of two from 8 to 1024.
    """
    if size not in (8, 16, 32, 64, 128, 256, 512, 1024):
        raise BenchmarkError(f"StyleGAN2 makes pictures of 8, 16, .. 1024 px, not {size}.")
    sizes = [2**i for i in range(2, int(math.log2(size)) + 1)]
    return tuple(512 if n <= 32 else (1 << 14) // n * multiplier for n in sizes)
