"""The networks of Fragment-VC (Lin et al. 2020, arXiv 2010.14150): content features of the source attend to the mel of
the reference, level by level, and what they find is smoothed to a mel.

Sizes and order of operations as `yistLin/FragmentVC@79cc2ce:models/model.py, models/convolutional_transformer.py`;
modules are registered in the official order, so that one seed gives both codes one set of weights. Nothing here knows
positions: order enters through the convolutions alone. A padding mask (B, T) is true where a frame is not the row's
own; attention passes such frames over, convolutions do not.
"""

from __future__ import annotations

import copy

import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 3
POST_LAYERS, POST_KERNEL = 5, 5


def attend(layer: nn.MultiheadAttention, query: Tensor, memory: Tensor, padding: Tensor | None) -> Tensor:
    """What queries (B, T, C) find in a memory (B, R, C), of which `padding` (B, R) is left out: (B, T, C)."""
    return layer(query, memory, memory, key_padding_mask=padding, need_weights=False)[0]  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    """(B, T, width) -> the same; every frame from its `kernel` neighbours."""

    def __init__(self, width: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.wide = nn.Conv1d(width, hidden, kernel, padding=kernel // 2)
        self.narrow = nn.Conv1d(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.narrow(F.relu(self.wide(x.mT))).mT  # type: ignore[no-any-return]


class Smoother(nn.Module):
    """(B, T, width) -> the same: self-attention, then convolutions, each added and normalised (post-norm)."""

    def __init__(self, width: int, heads: int, hidden: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.feed_forward = FeedForward(width, hidden, kernel)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(attend(self.self_attention, x, x, padding)))
        return self.norm2(x + self.dropout(self.feed_forward(x)))  # type: ignore[no-any-return]


class Extractor(nn.Module):
    """x (B, T, width) and memory (B, R, width) -> (B, T, width): a smoother with attention to the memory in between.

    Without `residual` what was found in the memory replaces x: nothing of the source goes on but where it looked.
    """

    def __init__(self, width: int, heads: int, hidden: int, kernel: int, dropout: float, residual: bool) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.cross_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.feed_forward = FeedForward(width, hidden, kernel)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.residual = residual

    def forward(
        self, x: Tensor, memory: Tensor, padding: Tensor | None = None, memory_padding: Tensor | None = None
    ) -> Tensor:
        x = self.norm1(x + self.dropout(attend(self.self_attention, x, x, padding)))
        found = self.dropout(attend(self.cross_attention, x, memory, memory_padding))
        x = self.norm2(x + found if self.residual else found)
        return self.norm3(x + self.dropout(self.feed_forward(x)))  # type: ignore[no-any-return]


class Unet(nn.Module):
    """Content features (B, T, content) and a reference's mel (B, bins, R) -> (B, T, width).

    The reference goes through three convolutions with repeated edges and a ReLU between them. The extractors attend to
    their outputs from the last to the first, before the ReLU; the first extractor has no residual.
    """

    def __init__(
        self, bins: int, content: int, width: int, heads: int, hidden: int, kernel: int, dropout: float
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width if level else bins, width, 3, padding=1, padding_mode="replicate")
            for level in range(LEVELS)
        )
        self.prenet = nn.Sequential(nn.Linear(content, content), nn.ReLU(), nn.Linear(content, width))
        self.extractors = nn.ModuleList(
            Extractor(width, heads, hidden, kernel, dropout, residual=level > 0) for level in range(LEVELS)
        )

    def forward(
        self, source: Tensor, reference: Tensor, padding: Tensor | None = None, reference_padding: Tensor | None = None
    ) -> Tensor:
        first, *others = self.convolutions
        maps = [first(reference)]
        for convolution in others:
            maps.append(convolution(F.relu(maps[-1])))
        x: Tensor = self.prenet(source)
        for extractor, memory in zip(self.extractors, reversed(maps), strict=True):
            x = extractor(x, memory.mT, padding, reference_padding)
        return x


def smoothers(layers: int, width: int, heads: int, hidden: int, kernel: int, dropout: float) -> nn.ModuleList:
    """Copies of one smoother, which therefore start identical (quirk Q36)."""
    first = Smoother(width, heads, hidden, kernel, dropout)
    return nn.ModuleList(copy.deepcopy(first) for _ in range(layers))


def post_net(bins: int, channels: int, dropout: float) -> nn.Sequential:
    """Mel (B, bins, T) -> what is to be added to it. The last layer has no tanh, but a dropout too."""
    layers: list[nn.Module] = []
    for i in range(POST_LAYERS):
        inner, outer = (channels if i else bins), (bins if i == POST_LAYERS - 1 else channels)
        layers += [nn.Conv1d(inner, outer, POST_KERNEL, padding=POST_KERNEL // 2), nn.BatchNorm1d(outer)]
        layers += [nn.Tanh()] if i < POST_LAYERS - 1 else []
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)
