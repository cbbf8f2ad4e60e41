"""The discriminator: residual blocks down to 4 px, and how much the pictures of a group differ."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from benchmark.upstream.stylegan2.filters import blurred
from benchmark.upstream.stylegan2.layers import EPSILON, EqualConv, EqualLinear, activate

GROUP = 4
"""Most pictures of a group whose deviation the last convolution sees."""


class ActiveConv(nn.Module):
    """A convolution, bias and activation; with `down` the low-pass filter first and half the size."""

    def __init__(self, channels: int, out: int, kernel: int, down: bool = False) -> None:
        super().__init__()
        self.conv = EqualConv(channels, out, kernel, stride=2 if down else 1)
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor) -> Tensor:
        return activate(self.conv(blurred(x, pad=2) if self.conv.stride == 2 else x), self.bias)


class Block(nn.Module):
    """(B, channels, H, W) -> (B, out, H / 2, W / 2), residual, of unit variance."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.first = ActiveConv(channels, channels, 3)
        self.second = ActiveConv(channels, out, 3, down=True)
        self.skip = EqualConv(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        # A 1x1 convolution and the leaving out of pixels may change places, and this is the cheaper order.
        skip = self.skip(blurred(x, pad=1, stride=2))
        total: Tensor = self.second(self.first(x)) + skip
        return total / math.sqrt(2)


class Discriminator(nn.Module):
    """Pictures (B, 3, H, H) -> logits (B,), H = 4, 8, .. by the number of `widths` (channels at 4, 8, .. px).

    Rows are compared in groups of GROUP, so B is a multiple of it or smaller.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.from_rgb = ActiveConv(3, widths[-1], 1)
        downwards = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in downwards))
        self.last = ActiveConv(widths[0] + 1, widths[0], 3)
        self.hidden = EqualLinear(16 * widths[0], widths[0], active=True)
        self.logit = EqualLinear(widths[0], 1)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.blocks(self.from_rgb(pictures))
        x = self.last(torch.cat([x, deviation(x)], 1))
        logits: Tensor = self.logit(self.hidden(x.flatten(1)))
        return logits[:, 0]


def deviation(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, 1, H, W): the deviation within a row's group, mean over channels and places.

    Row i is grouped with the rows i + B / GROUP, i + 2 B / GROUP, .., as the official code lays them out.
    """
    group = min(len(x), GROUP)
    apart = x.float().view(group, -1, *x.shape[1:])
    found = apart.var(0, unbiased=False).add(EPSILON).sqrt().mean((1, 2, 3))
    return found.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:]).to(x.dtype)
