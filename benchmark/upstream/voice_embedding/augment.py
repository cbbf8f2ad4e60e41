"""Voices as they might have been recorded: without some bands.

What tells people apart must not hang on a few bands. A hidden band is 0, the mean that it has in every recording.
"""

from __future__ import annotations

import torch
from torch import Tensor


def bands_hidden(mel: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """(B, 1, bands, T) with 0 to `most` neighbouring bands of every row set to 0, row by row."""
    rows, bands = len(mel), mel.shape[2]
    width = torch.randint(0, most + 1, (rows, 1), generator=generator)
    first = torch.randint(0, bands, (rows, 1), generator=generator)
    band = torch.arange(bands)
    hidden = (band >= first) & (band < first + width)
    return mel.masked_fill(hidden.to(mel.device)[:, None, :, None], 0.0)
