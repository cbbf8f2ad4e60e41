"""A convolutional reader of mels: its features say what is said, and a CTC head on them says it in tokens.

Sizes and order of layers: yl4579/StarGANv2-VC@985df557:Utils/ASR/{models,layers}.py; the code that trained it is
yl4579/AuxiliaryASR@73486902. There residuals are added in place, so that in eval mode no gradient can pass (quirk Q22);
here they are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional

from benchmark.media.mel import BANDS
from benchmark.upstream.asr_features.decoder import AttentionDecoder

CEPSTRUM = BANDS // 2
_GROUPS = 8
_DILATIONS = (1, 3, 9)


@dataclass(frozen=True)
class Sizes:
    """Widths; the defaults are the published ones (7,625,696 parameters).

    hidden: channels inside. blocks: of three dilated residuals each. channels: of the features. tokens: of the CTC
    head, blank included. embedding: of a token in the attention decoder; None leaves the decoder out. dropout: in
    training.
    """

    hidden: int = 256
    blocks: int = 6
    channels: int = 128
    tokens: int = 80
    embedding: int | None = 256
    dropout: float = 0.2


class AsrFeatures(nn.Module):
    """Mel (B, 1, 80, T) of `benchmark.media.mel`, any T >= 1 -> features (B, C, ceil(T / 2)), one in 25 ms.

    The mel is first turned to 40 coefficients by an orthonormal DCT. Every block normalises by its mean and deviation
    over all channels and frames of the row: rows are independent, but a row's padding is part of what it is.
    """

    dct: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.channels = sizes.channels
        with torch.device("cpu"):  # on the meta device arange imports all of sympy first
            dct = torchaudio.functional.create_dct(CEPSTRUM, BANDS, "ortho")
        self.register_buffer("dct", dct.to(torch.get_default_device()))
        self.stem = nn.Conv1d(CEPSTRUM, sizes.hidden, 7, stride=2, padding=3)
        self.blocks = nn.Sequential(*(Block(sizes.hidden, sizes.dropout) for _ in range(sizes.blocks)))
        self.projection = nn.Conv1d(sizes.hidden, sizes.channels, 1)
        self.head = nn.Sequential(
            nn.Linear(sizes.channels, sizes.hidden), nn.ReLU(), nn.Linear(sizes.hidden, sizes.tokens)
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)  # as the official code starts them
        self.decoder = None
        if sizes.embedding is not None:
            self.decoder = AttentionDecoder(sizes.channels, sizes.embedding, sizes.tokens)

    def forward(self, mel: Tensor) -> Tensor:
        cepstrum = (mel.squeeze(1).mT @ self.dct).mT
        features: Tensor = self.projection(self.blocks(self.stem(cepstrum)))
        return features

    def ctc(self, features: Tensor) -> Tensor:
        """Features (B, C, F) -> logits (B, F, tokens), frame by frame."""
        logits: Tensor = self.head(features.mT)
        return logits


class Block(nn.Module):
    """(B, C, F) -> (B, C, F): three residuals of growing reach (+-16 frames in all), then one norm over the row."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.residuals = nn.Sequential(*(Residual(hidden, dilation, dropout) for dilation in _DILATIONS))
        self.norm = nn.GroupNorm(1, hidden)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.residuals(x))
        return out


class Residual(nn.Module):
    """(B, C, F) -> (B, C, F): a dilated convolution and a plain one beside the identity."""

    def __init__(self, hidden: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.wide = nn.Conv1d(hidden, hidden, 3, padding=dilation, dilation=dilation)
        self.norm = nn.GroupNorm(_GROUPS, hidden)
        self.near = nn.Conv1d(hidden, hidden, 3, padding=1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.dropout(self.norm(functional.relu(self.wide(x))))
        change: Tensor = self.dropout(functional.relu(self.near(inner)))
        return x + change
