"""The scaffold of CAE (arXiv 2107.07988, section 2.1, Fig. 1): a U-net whose decoder kernels may be gated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.blocks import instance_norm
from benchmark.errors import BenchmarkError
from methods.cae.gating import Granularity, Kernel

Gate = Literal["transposed", "all", "none"]
Norm = Literal["bn1", "batch"]
Gates = Mapping[Kernel, Tensor]


def normalisation(norm: Norm, channels: int) -> nn.Module:
    """bn1: every row by its own statistics, in training and in translation, which is what batch normalisation does at
    batch size 1, the paper's. batch: by those of the whole batch in training and by running ones in translation, which
    is another model as soon as a batch has two rows."""
    return instance_norm(channels) if norm == "bn1" else nn.BatchNorm2d(channels)


class DoubleConv(nn.Module):
    """Twice a 3x3 convolution, normalisation and ReLU: (B, inputs, H, W) -> (B, out, H, W)."""

    def __init__(self, inputs: int, out: int, norm: Norm, granularity: Granularity | None = None) -> None:
        super().__init__()
        self.kernels = nn.ModuleList(
            Kernel(nn.Conv2d(a, out, 3, padding=1, bias=False), granularity) for a in (inputs, out)
        )
        self.norms = nn.ModuleList(normalisation(norm, out) for _ in range(2))

    def forward(self, x: Tensor, gates: Gates) -> Tensor:
        for kernel, norm in zip(self.kernels, self.norms, strict=True):
            x = F.relu(norm(kernel(x, gates.get(kernel))))  # type: ignore[call-overload]
        return x


class Up(nn.Module):
    """A transposed convolution of stride 2, then a DoubleConv over it and the encoder's maps of that size."""

    def __init__(
        self, inputs: int, skip: int, enlarged: int, out: int, kernel: int, norm: Norm, gate: Gate, g: Granularity
    ) -> None:
        super().__init__()
        edge = kernel - 2  # 3: padding 1 and output padding 1; 2: neither
        layer = nn.ConvTranspose2d(inputs, enlarged, kernel, 2, padding=edge, output_padding=edge)
        self.enlarge = Kernel(layer, None if gate == "none" else g)
        self.convolve = DoubleConv(enlarged + skip, out, norm, g if gate == "all" else None)

    def forward(self, x: Tensor, skip: Tensor, gates: Gates) -> Tensor:
        x = self.enlarge(x, gates.get(self.enlarge))
        return self.convolve(torch.cat([skip, x], 1), gates)  # type: ignore[no-any-return]


class Scaffold(nn.Module):
    """Pictures (B, 3, H, H) in [-1, 1] and the gates of a controller -> pictures of the same shape.

    Four DoubleConvs, each followed by 2x2 max-pooling (`n_pool` 3: but the last, as in the common U-net), then as many
    transposed convolutions of stride 2 as there were poolings, then a 1x1 convolution and tanh. H is a multiple of
    2 ** n_pool; 64 px become 512 x 4 x 4 at the narrowest with four poolings.

    up_widths: "same" keeps the width in a transposed convolution, "half" halves it. up_kernel: 3 (all of the paper's
    filters are 3x3) or 2. gate: which decoder kernels have gates: the transposed ones, or also those of the DoubleConvs
    and of the last convolution. Normalisation cancels what a filter's gate does to a DoubleConv (with bn1, wholly).
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (64, 128, 256, 512),
        n_pool: int = 4,
        up_widths: Literal["same", "half"] = "same",
        up_kernel: int = 3,
        norm: Norm = "bn1",
        gate: Gate = "transposed",
        granularity: Granularity = "weight",
    ) -> None:
        super().__init__()
        if len(widths) != 4 or n_pool not in (3, 4) or up_kernel not in (2, 3):
            raise BenchmarkError(
                "CAE's scaffold has four widths, n_pool 3 or 4 and up_kernel 2 or 3; got "
                f"{widths}, {n_pool}, {up_kernel}."
            )
        self.encoder = nn.ModuleList(DoubleConv(a, b, norm) for a, b in pairwise((3, *widths)))
        self.n_pool = n_pool
        levels = list(reversed(range(n_pool)))
        outs = [widths[i] if n_pool == 3 else widths[max(i - 1, 0)] for i in levels]
        inputs = [widths[-1], *outs[:-1]]
        self.decoder = nn.ModuleList(
            Up(a, widths[i], a if up_widths == "same" else a // 2, b, up_kernel, norm, gate, granularity)
            for i, a, b in zip(levels, inputs, outs, strict=True)
        )
        self.exit = Kernel(nn.Conv2d(outs[-1], 3, 1), granularity if gate == "all" else None)

    @property
    def gated(self) -> tuple[Kernel, ...]:
        """The gated kernels, in the order of a controller's gates."""
        return tuple(kernel for kernel in self.modules() if isinstance(kernel, Kernel) and kernel.gates)

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Pictures -> the narrowest maps, and those that skip to the decoder, the widest first."""
        maps = []
        for i, level in enumerate(self.encoder):
            x = level(x, {})
            if i < self.n_pool:
                maps.append(x)
                x = F.max_pool2d(x, 2)
        return x, maps

    def forward(self, x: Tensor, gates: Sequence[Tensor] = ()) -> Tensor:
        """Gates: a (B, n) for each of `gated`; without any, all kernels are bare."""
        of = dict(zip(self.gated, gates, strict=True)) if gates else {}
        x, maps = self.encode(x)
        for level, skip in zip(self.decoder, reversed(maps), strict=True):
            x = level(x, skip, of)
        return torch.tanh(self.exit(x, of.get(self.exit)))
