"""The gating controller of CAE (arXiv 2107.07988, section 2.1): a voice says how much of every decoder kernel is left.

W' = W * sigmoid(A e + b), with an A and a b for each gated kernel W, and a W' for each voice e. The paper has a gate
for every weight and trains with one pair at a time. Here every row of a batch has kernels of its own and knows of no
other row: a batch of B pairs is B batches of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Granularity = Literal["weight", "filter", "channel"]


class Kernel(nn.Module):
    """A convolution, plain or transposed, whose kernel a gate may multiply. Its bias is never gated.

    granularity: a gate for every weight; for every filter (all that leads to one output channel); for every channel
    (all that reads one input channel). A filter's gate scales an output and a channel's an input, which is how they are
    computed; with a gate for every weight, the rows of a batch are the groups of one grouped convolution. None: not
    gated.
    """

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d, granularity: Granularity | None = None) -> None:
        super().__init__()
        self.layer = layer
        self.granularity = granularity

    @property
    def gates(self) -> int:
        """How many there are for a row; 0 where the kernel is not gated."""
        layer = self.layer
        sizes = {"weight": layer.weight.numel(), "filter": layer.out_channels, "channel": layer.in_channels}
        return sizes[self.granularity] if self.granularity else 0

    def forward(self, x: Tensor, gates: Tensor | None = None) -> Tensor:
        """(B, in, H, W) and gates (B, `gates`), or None for the bare kernel -> (B, out, H', W')."""
        layer = self.layer
        if gates is None:
            return layer(x)  # type: ignore[no-any-return]
        if self.granularity == "channel":
            return layer(x * gates[:, :, None, None])  # type: ignore[no-any-return]
        if self.granularity == "filter":
            out = self._convolve(x, layer.weight, 1) * gates[:, :, None, None]
        else:
            kernels: Tensor = _Gated.apply(layer.weight, gates.view(-1, *layer.weight.shape))  # type: ignore[no-untyped-call]
            out = self._convolve(x.reshape(1, -1, *x.shape[2:]), kernels.flatten(0, 1), len(x))
            out = out.reshape(len(x), -1, *out.shape[2:])
        return out if layer.bias is None else out + layer.bias[:, None, None]

    def _convolve(self, x: Tensor, kernels: Tensor, groups: int) -> Tensor:
        layer = self.layer
        if isinstance(layer, nn.Conv2d):
            return F.conv2d(x, kernels, None, layer.stride, layer.padding, groups=groups)
        edges: Any = (layer.padding, layer.output_padding)
        return F.conv_transpose2d(x, kernels, None, layer.stride, edges[0], edges[1], groups)


class _Gated(torch.autograd.Function):
    """weight (...) * gates (B, ...), whose gradient of the weight is summed row by row.

    The plain product keeps B gradients of the weight before it adds them: with a gate for every weight of the paper's
    decoder and 16 pairs that is 200 MB to write and to read again.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, gates: Tensor) -> Tensor:
        ctx.save_for_backward(weight, gates)
        return weight * gates

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (gradient,), (weight, gates) = gradients, ctx.saved_tensors
        total = gradient[0] * gates[0]
        for row, gate in zip(gradient[1:], gates[1:], strict=True):
            total.addcmul_(row, gate)
        return total, gradient * weight


class GatingController(nn.Module):
    """Embeddings (B, embedding) -> for every gated kernel gates (B, n) in (0, 1): a linear layer and a sigmoid each.

    The biases start at `bias`: at 0 every weight starts at about half of itself, for a sigmoid can only shrink.
    """

    def __init__(self, kernels: Sequence[Kernel], embedding: int = 64, bias: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(embedding, kernel.gates) for kernel in kernels)
        for layer in self.layers:
            nn.init.constant_(layer.bias, bias)  # type: ignore[arg-type]

    def forward(self, embedding: Tensor) -> tuple[Tensor, ...]:
        return tuple(layer(embedding).sigmoid_() for layer in self.layers)
