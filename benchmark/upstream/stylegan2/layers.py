"""Layers of StyleGAN2: equalised learning rates, modulated convolutions, noise.

Order of operations as rosinality/stylegan2-pytorch@bef283a:model.py. Weights are drawn from N(0, 1) and scaled when
they are used (He's constant), so that all learn at one speed.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.upstream.stylegan2.filters import blurred, enlarged

SLOPE = 0.2
EPSILON = 1e-8


def activate(x: Tensor, bias: Tensor) -> Tensor:
    """sqrt(2) leaky(x + bias); bias (C,) of axis 1. The root keeps the variance."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return F.leaky_relu(x + bias.to(x.dtype).view(shape), SLOPE) * math.sqrt(2)


class EqualLinear(nn.Module):
    """(B, inputs) -> (B, outputs). `rate` multiplies the learning rate of this layer; `active`: with `activate`."""

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0, rate: float = 1.0, active: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.scale, self.rate, self.active = rate / math.sqrt(inputs), rate, active

    def forward(self, x: Tensor) -> Tensor:
        if self.active:
            return activate(F.linear(x, self.weight * self.scale), self.bias * self.rate)
        return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class EqualConv(nn.Module):
    """A convolution without bias; padded so that the size stays, unless `stride` is 2: then not at all."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, channels, kernel, kernel))
        self.scale = 1.0 / math.sqrt(channels * kernel**2)
        self.stride, self.padding = stride, kernel // 2 if stride == 1 else 0

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, stride=self.stride, padding=self.padding)


class ModulatedConv(nn.Module):
    """(B, channels, H, W) and styles (B, S) -> (B, out, H, W), twice the size with `up`.

    A row's weights are the layer's, each input channel times the scale that an affine map reads from the style;
    `demodulate` then brings every output channel's weights to length 1. Both are done to the feature maps instead,
    which is the same and leaves one convolution for all rows.
    """

    def __init__(
        self, channels: int, out: int, kernel: int, style: int, demodulate: bool = True, up: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, channels, kernel, kernel))
        self.affine = EqualLinear(style, channels, bias=1.0)
        self.scale = 1.0 / math.sqrt(channels * kernel**2)
        self.demodulate, self.up, self.padding = demodulate, up, kernel // 2

    def lengths(self, scales: Tensor) -> Tensor:
        """(B, channels) -> (B, out): length of every output channel's modulated weights, float32 under autocast too."""
        squares = (self.weight * self.scale).square().sum((2, 3))
        return (scales.to(squares.dtype).square()[:, None] * squares).sum(2).add(EPSILON).sqrt()

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scales, weight = self.affine(style), self.weight * self.scale
        x = x * scales[:, :, None, None].to(x.dtype)
        if self.up:
            y = blurred(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), pad=1, gain=4.0)
        else:
            y = F.conv2d(x, weight, padding=self.padding)
        return y / self.lengths(scales)[:, :, None, None].to(y.dtype) if self.demodulate else y


class StyledConv(nn.Module):
    """A modulated 3x3 convolution, noise (B or 1, 1, H, W) of a learnt strength added, bias and activation."""

    def __init__(self, channels: int, out: int, style: int, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(channels, out, 3, style, up=up)
        self.strength = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        y = self.conv(x, style)
        return activate(y + (self.strength * noise).to(y.dtype), self.bias)


class ToRGB(nn.Module):
    """Feature maps -> colours, added to those of half the size, enlarged."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(channels, 3, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, style: Tensor, skip: Tensor | None = None) -> Tensor:
        colours: Tensor = self.conv(x, style) + self.bias[:, None, None]
        return colours if skip is None else colours + enlarged(skip)
