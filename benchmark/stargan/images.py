"""The networks of StarGANv2 (Choi et al. 2020, arXiv 1912.01865, appendix E), but for `blocks.MappingNetwork`.

Layouts as `clovaai/stargan-v2@875b70a:core/model.py`, parameter counts alike. Pictures are (B, 3, size, size), about
[-1, 1]; domains are codes (B,) int64; styles are (B, style). The first width is 2**14 / size, so that a smaller picture
has wider networks and one block fewer, and doubles from block to block up to `max_width`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.blocks import SLOPE, AdainResidualBlock, HighPass, ResidualBlock, StackedLinear, instance_norm
from benchmark.errors import BenchmarkError

MASKED = {32: 0, 64: 1, 128: 1}
"""Height of feature maps that the high-pass path joins -> which of the two masks it takes there."""


def widths(size: int, blocks: int, width: int | None, max_width: int) -> list[int]:
    """Channels before the first block and after each: 128, 256, 512, 512 for a generator of 128 px.

    Raises:
        BenchmarkError: a size that is no power of two of at least 32.
    """
    if size < 32 or size & (size - 1):
        raise BenchmarkError(f"size is {size}; pictures are squares of 32, 64, 128, 256, ... pixels.")
    first = width or 2**14 // size
    return [min(first * 2**i, max(first, max_width)) for i in range(blocks + 1)]


class Generator(nn.Module):
    """Pictures and styles -> pictures, unbounded (there is no tanh).

    layer        channels at 128 px         resolution
    stem         3 -> 128                   128
    encode       128 -> 256 -> 512 -> 512   64, 32, 16
                 512 -> 512 -> 512          16
    decode       512 -> 512 -> 512          16
                 512 -> 512 -> 256 -> 128   32, 64, 128
    head         128 -> 3                   128

    The waist is 16 pixels high at every size, unless `depth` says how often a picture is halved. With `w_hpf` > 0 there
    is one block more (8 pixels) and a high-pass path of that divisor from the encoder to the decoder, wherever feature
    maps are 32, 64 or 128 high; the decoder's blocks then have no shortcut, unless `hpf_shortcut` (quirk Q15).
    """

    def __init__(
        self,
        size: int = 128,
        style: int = 64,
        w_hpf: float = 0.0,
        width: int | None = None,
        max_width: int = 512,
        hpf_shortcut: bool = False,
        depth: int | None = None,
    ) -> None:
        super().__init__()
        halvings = int(math.log2(size)) - 4 + (w_hpf > 0) if depth is None else depth
        w = widths(size, halvings, width, max_width)
        waist, residual_only = w[-1], w_hpf > 0 and not hpf_shortcut
        self.stem = nn.Conv2d(3, w[0], 3, padding=1)
        self.encode = nn.ModuleList(
            [
                *(ResidualBlock(wide, narrow, norm=True, pool=2) for wide, narrow in pairwise(w)),
                *(ResidualBlock(waist, waist, norm=True) for _ in range(2)),
            ]
        )
        self.decode = nn.ModuleList(
            [
                *(AdainResidualBlock(waist, waist, style, residual_only=residual_only) for _ in range(2)),
                *(AdainResidualBlock(b, a, style, 2, residual_only) for a, b in reversed(list(pairwise(w)))),
            ]
        )
        self.head = nn.Sequential(instance_norm(w[0]), nn.LeakyReLU(SLOPE), nn.Conv2d(w[0], 3, 1))
        self.high_pass = HighPass(w_hpf) if w_hpf > 0 else None

    def forward(self, x: Tensor, style: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        """`masks`: two of (B, 1, h, w) in [0, 1] with a high-pass path, of all parts of the face and of the inner
        parts; they are resized to the feature maps.

        Raises:
            BenchmarkError: masks without a high-pass path, or a high-pass path without masks.
        """
        if (masks is None) != (self.high_pass is None):
            raise BenchmarkError("A generator takes masks if, and only if, it has a high-pass path (w_hpf > 0).")
        x = self.stem(x)
        kept: dict[int, Tensor] = {}
        for block in self.encode:
            if x.shape[2] in MASKED:
                kept[x.shape[2]] = x
            x = block(x)
        for block in self.decode:
            x = block(x, style)
            height = x.shape[2]
            if masks is not None and self.high_pass is not None and height in MASKED:
                mask = F.interpolate(masks[MASKED[height]], size=height, mode="bilinear")
                x = x + self.high_pass(mask * kept[height])
        return self.head(x)  # type: ignore[no-any-return]


def trunk(size: int, width: int | None, max_width: int) -> tuple[nn.Sequential, int]:
    """Blocks without normalisation down to 4x4, then one valid 4x4 convolution: pictures -> (B, C); and that C."""
    w = widths(size, int(math.log2(size)) - 2, width, max_width)
    layers: list[nn.Module] = [nn.Conv2d(3, w[0], 3, padding=1)]
    layers += [ResidualBlock(wide, narrow, pool=2) for wide, narrow in pairwise(w)]
    layers += [nn.LeakyReLU(SLOPE), nn.Conv2d(w[-1], w[-1], 4), nn.LeakyReLU(SLOPE), nn.Flatten()]
    return nn.Sequential(*layers), w[-1]


class StyleEncoder(nn.Module):
    """Pictures and the domains they are seen as -> styles."""

    def __init__(
        self, size: int = 128, style: int = 64, domains: int = 2, width: int | None = None, max_width: int = 512
    ) -> None:
        super().__init__()
        self.shared, channels = trunk(size, width, max_width)
        self.own = StackedLinear(domains, channels, style)

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        return self.own(self.shared(x), domain)  # type: ignore[no-any-return]


class Discriminator(nn.Module):
    """Pictures and domains -> logits (B,) of being a real picture of that domain."""

    def __init__(self, size: int = 128, domains: int = 2, width: int | None = None, max_width: int = 512) -> None:
        super().__init__()
        self.shared, channels = trunk(size, width, max_width)
        self.own = StackedLinear(domains, channels, 1)

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        return self.own(self.shared(x), domain)[:, 0]  # type: ignore[no-any-return]
