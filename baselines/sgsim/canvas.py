"""From the mel of a recording to the picture that the audio encoder looks at.

kuai-lab/sound-guided-semantic-image-manipulation@dfba091:optimization/run_optimization.py, soundclip/datasets.py.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BANDS = 128


def heard(mel: Tensor) -> Tensor:
    """(B, 1, 128, T) -> (B,) int64: frames up to the last in which anything is above 0 (80 dB below the loudest)."""
    loud = (mel[:, 0] > 0).any(1)
    return torch.where(loud.any(1), loud.shape[1] - loud.flip(1).int().argmax(1), 0)


def window(mel: Tensor, frames: int, place: Tensor) -> Tensor:
    """(B, 1, 128, T) -> (B, 128, frames), `place` (B,) in [0, 1) says where.

    Of a longer recording so many frames, from the place on; a shorter one lies at the place, zeros around it.
    """
    length, steps = heard(mel), torch.arange(frames, device=mel.device)
    start = ((length - frames).abs().add(1) * place.to(mel.device)).long()
    start = torch.where(length >= frames, start, -start)
    index = start[:, None] + steps
    inside = (index >= 0) & (index < length[:, None])
    index = index.clamp(0, mel.shape[-1] - 1)[:, None].expand(-1, mel.shape[2], -1)
    return mel[:, 0].gather(2, index) * inside[:, None]


def resize(mel: Tensor, rows: int, columns: int) -> Tensor:
    """(B, 128, frames) -> (B, rows, columns): bilinear without averaging, as `cv2.resize` does by default."""
    return F.interpolate(mel[:, None], (rows, columns), mode="bilinear", align_corners=False)[:, 0]


def masked(canvas: Tensor, column_share: float, row_share: float, masks: int, generator: torch.Generator) -> Tensor:
    """SpecAugment: (B, rows, columns) with `masks` stretches of columns and of rows at 0, each up to a share of all.

    The official names say that columns are frequencies and rows moments; after the resize it is the other way round.
    """
    for _ in range(masks):
        for axis, share in ((2, column_share), (1, row_share)):
            size = canvas.shape[axis]
            draw = torch.rand(2, len(canvas), 1, generator=generator)
            width = (draw[0] * share * size).long()
            first = (draw[1] * (size - width)).long()
            steps = torch.arange(size)
            hidden = ((steps >= first) & (steps < first + width)).to(canvas.device)
            canvas = canvas.masked_fill(hidden[:, None, :] if axis == 2 else hidden[:, :, None], 0.0)
    return canvas


def picture(canvas: Tensor, scrambled: bool) -> Tensor:
    """(B, rows, columns) -> (B, 1, columns, rows), what the encoder sees.

    `scrambled` (quirk Q43): the numbers are read row by row into the other shape, which cuts rows up and lays the
    pieces beside each other; else they are turned over, and stay a spectrogram.
    """
    if scrambled:
        return canvas.reshape(len(canvas), 1, canvas.shape[2], canvas.shape[1])
    return canvas.transpose(1, 2)[:, None]
