"""The attention decoder that AuxiliaryASR trains beside CTC, which makes the features follow the order of what is said.

StarGANv2-VC carries its weights in the published file and never calls it. The published network holds it so that the
file loads whole; ours for the embedded corpus is trained by CTC alone and has none.
Source: yl4579/StarGANv2-VC@985df557:Utils/ASR/models.py (ASRS2S), Utils/ASR/layers.py (Attention, LocationLayer).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

START = 1
"""Token that a sentence begins with."""
_FILTERS, _REACH = 32, 63


class AttentionDecoder(nn.Module):
    """Reads out features token by token, given the tokens before: location-sensitive attention (Chorowski et al. 2015,
    arXiv:1506.07503, section 2.2) and one LSTM cell of the features' width."""

    def __init__(self, channels: int, embedding: int, tokens: int) -> None:
        super().__init__()
        reach = math.sqrt(6.0 / channels)
        # Else nn.Embedding draws normal numbers, which on the meta device imports all of sympy first.
        weight = torch.empty(tokens, embedding).uniform_(-reach, reach)
        self.embedding = nn.Embedding.from_pretrained(weight, freeze=False)  # type: ignore[no-untyped-call]
        self.cell = nn.LSTMCell(channels + embedding, channels)
        self.query = nn.Linear(channels, channels, bias=False)
        self.memory = nn.Linear(channels, channels, bias=False)
        self.location = nn.Conv1d(2, _FILTERS, _REACH, padding=_REACH // 2, bias=False)
        self.location_dense = nn.Linear(_FILTERS, channels, bias=False)
        self.energy = nn.Linear(channels, 1, bias=False)
        self.hidden = nn.Linear(2 * channels, channels)
        self.dropout = nn.Dropout(0.5)
        self.symbols = nn.Linear(channels, tokens)

    def forward(self, features: Tensor, text: Tensor, padding: Tensor | None = None) -> Tensor:
        """Features (B, C, F), text (B, L) int64 and padding (B, F) bool, true where a frame is not the row's own ->
        logits (B, 1 + L, tokens); those at i are of text[:, i] given text[:, :i].

        The official code puts token 3 for a tenth of the text, in eval mode too; here the caller may.
        """
        memory = features.mT
        keys = self.memory(memory)
        hidden = cell = context = memory.new_zeros(len(memory), memory.shape[2])
        attended = total = memory.new_zeros(memory.shape[:2])
        start = text.new_full((len(text), 1), START)
        logits = []
        for token in self.embedding(torch.cat([start, text], dim=1)).unbind(1):
            hidden, cell = self.cell(torch.cat([token, context], dim=1), (hidden, cell))
            place = self.location_dense(self.location(torch.stack([attended, total], dim=1)).mT)
            energy = self.energy(torch.tanh(self.query(hidden)[:, None] + place + keys)).squeeze(2)
            if padding is not None:
                energy = energy.masked_fill(padding, -math.inf)
            attended = energy.softmax(dim=1)
            total = total + attended
            context = (attended[:, None] @ memory).squeeze(1)
            logits.append(self.symbols(self.dropout(torch.tanh(self.hidden(torch.cat([hidden, context], dim=1))))))
        return torch.stack(logits, dim=1)
