"""The parts of the NISQA networks, by the names of their published weights.

Facts from gabrielmittag/NISQA@fe84f0f:nisqa/NISQA_lib.py. Everything here is for judging: no dropout,
and the result for a clip does not depend on what shares its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.rnn import pack_padded_sequence

_CONVOLUTIONS = 6


class SegmentCnn(nn.Module):
    """Six convolutions with batch normalisation and three poolings: one vector for each mel segment.

    `adapt` pools to given sizes and closes the time axis with its last kernel; `standard` halves three times.
    """

    def __init__(self, args: Mapping[str, Any]) -> None:
        super().__init__()
        first, second, third = (args[f"cnn_c_out_{i}"] for i in (1, 2, 3))
        kernel = tuple(args["cnn_kernel_size"])
        adaptive = args["cnn_model"] == "adapt"
        channels = (1, first, second, third, third, third, third)
        for i in range(_CONVOLUTIONS):
            closing = adaptive and i == _CONVOLUTIONS - 1
            shape = (kernel[0], args["cnn_pool_3"][1]) if closing else kernel
            padding = (1, 0) if closing or kernel[1] == 1 else (1, 1)
            self.add_module(f"conv{i + 1}", nn.Conv2d(channels[i], channels[i + 1], shape, padding=padding))
            self.add_module(f"bn{i + 1}", nn.BatchNorm2d(channels[i + 1]))
        self.pools: tuple[Callable[[Tensor], Tensor], ...]
        if adaptive:
            self.pools = tuple(
                partial(functional.adaptive_max_pool2d, output_size=args[f"cnn_pool_{i}"]) for i in (1, 2, 3)
            )
            self.width = third * args["cnn_pool_3"][0]
        else:
            halve = partial(functional.max_pool2d, kernel_size=2)
            self.pools = (partial(halve, padding=(0, 1)), halve, halve)
            self.width = third * (args["ms_n_mels"] // 8) * ((args["ms_seg_length"] + 1) // 8)
        self.fc_out = nn.Linear(self.width, args["cnn_fc_out_h"]) if args["cnn_fc_out_h"] else nn.Identity()
        self.width = args["cnn_fc_out_h"] or self.width

    def fuse(self) -> None:
        """Fold every batch normalisation into its convolution; the network must be in eval mode, its weights loaded."""
        for i in range(1, _CONVOLUTIONS + 1):
            self.add_module(f"conv{i}", fuse_conv_bn_eval(getattr(self, f"conv{i}"), getattr(self, f"bn{i}")))
            self.add_module(f"bn{i}", nn.Identity())

    def _block(self, x: Tensor, i: int, pool: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        x = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x))
        # Pooling before the ReLU gives the same numbers and leaves fewer to rectify.
        return (pool(x) if pool else x).relu()

    def forward(self, segments: Tensor) -> Tensor:
        """(S, 1, 48, 15) -> (S, width)."""
        x = self._block(segments, 1, self.pools[0])
        x = self._block(x, 2, self.pools[1])
        x = self._block(self._block(x, 3), 4, self.pools[2])
        x = self._block(self._block(x, 5), 6)
        vectors: Tensor = self.fc_out(x.flatten(1))
        return vectors


class AttentionLayer(nn.Module):
    """Self-attention and a feed-forward pair, each added to its input and normalised afterwards."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, S, width), (B, S) True where there is no segment -> (B, S, width)."""
        attended, _ = self.self_attn(x, x, x, key_padding_mask=padding, need_weights=False)
        x = self.norm1(x + attended)
        result: Tensor = self.norm2(x + self.linear2(self.linear1(x).relu()))
        return result


class SelfAttention(nn.Module):
    """A projection, a normalisation and the attention layers."""

    def __init__(self, width: int, args: Mapping[str, Any]) -> None:
        super().__init__()
        self.width: int = args["td_sa_d_model"]
        self.linear, self.norm1 = nn.Linear(width, self.width), nn.LayerNorm(self.width)
        layer = partial(AttentionLayer, self.width, args["td_sa_nhead"], args["td_sa_h"])
        self.layers = nn.ModuleList(layer() for _ in range(args["td_sa_num_layers"]))

    def forward(self, x: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, width), (B,) segments of each clip -> (B, S, width'), (B, S) True where there is no segment."""
        padding = torch.arange(x.shape[1], device=x.device) >= counts[:, None]
        x = self.norm1(self.linear(x))
        for layer in self.layers:
            x = layer(x, padding)
        return x, padding


class AttentionPool(nn.Module):
    """A weighted mean over the segments, then one number."""

    def __init__(self, width: int, args: Mapping[str, Any]) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, args["pool_att_h"]), nn.Linear(args["pool_att_h"], 1)
        self.linear3 = nn.Linear(width, 1)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, S, width), (B, S) -> (B, 1)."""
        attention = self.linear2(self.linear1(x).relu()).masked_fill(padding[..., None], -torch.inf).softmax(dim=1)
        score: Tensor = self.linear3((attention * x).sum(dim=1))
        return score


class Recurrence(nn.Module):
    """A bidirectional LSTM; what is kept of it are both directions' last states."""

    def __init__(self, width: int, args: Mapping[str, Any]) -> None:
        super().__init__()
        size, layers = args["td_lstm_h"], args["td_lstm_num_layers"]
        self.lstm = nn.LSTM(width, size, layers, batch_first=True, bidirectional=True)
        self.width: int = 2 * size

    def forward(self, x: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, width), (B,) segments of each clip -> (B, 2 * hidden), the counts."""
        packed = pack_padded_sequence(x, counts.cpu(), batch_first=True, enforce_sorted=False)
        _, (hidden, _) = self.lstm(packed)
        return torch.cat([hidden[-2], hidden[-1]], dim=1), counts


class LastStatePool(nn.Module):
    """One number from the last states."""

    def __init__(self, width: int, args: Mapping[str, Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """(B, width) -> (B, 1)."""
        score: Tensor = self.linear(x)
        return score
