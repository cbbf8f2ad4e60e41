"""What the network of the embedded corpus reads: letters, with the blank of CTC before them."""

from __future__ import annotations

import string

import torch
from torch import Tensor

TOKENS = ("", " ", *string.ascii_lowercase, "'")
BLANK = 0


def codes() -> Tensor:
    """(256,) int64: UTF-8 byte of a normalised transcript -> token. What is no letter is taken for a space."""
    table = torch.full((256,), TOKENS.index(" "))
    for code, token in enumerate(TOKENS[1:], start=1):
        table[ord(token)] = code
    return table


def greedy(logits: Tensor) -> str:
    """(F, tokens) -> the words of the likeliest path: repetitions count once, blanks not at all."""
    path = torch.unique_consecutive(logits.argmax(dim=1))
    return " ".join("".join(TOKENS[int(code)] for code in path).split())
