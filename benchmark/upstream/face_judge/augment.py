"""Pictures as a generator might draw them: moved, mirrored, soft, noisy, a little off in colour.

What the judge learns must not hang on sharpness: generated faces are softer than the corpus's, and gender, pose and
identity are wanted of them. Rows are changed independently; all noise comes from the step's generator.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def box_blur(pictures: Tensor) -> Tensor:
    """(B, C, H, W) averaged over 3 x 3 pixels; the border is repeated."""
    return functional.avg_pool2d(functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


def shifted(pictures: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """(B, C, H, W) moved by up to `most` whole pixels along each axis, row by row; the border is repeated."""
    b, c, h, w = pictures.shape
    top, left = torch.randint(0, 2 * most + 1, (2, b), generator=generator).to(pictures.device)
    padded = functional.pad(pictures, (most,) * 4, mode="replicate")
    steps = torch.arange(max(h, w), device=pictures.device)
    rows, columns = top[:, None] + steps[:h], left[:, None] + steps[:w]
    batch, channel = torch.arange(b, device=pictures.device)[:, None, None, None], torch.arange(c)[:, None, None]
    return padded[batch, channel.to(pictures.device), rows[:, None, :, None], columns[:, None, None, :]]


def softened(pictures: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """That share of the rows mixed with their twice box-blurred picture, from not at all to entirely."""
    strength = (torch.rand(len(pictures), generator=generator) < share) * torch.rand(len(pictures), generator=generator)
    return torch.lerp(pictures, box_blur(box_blur(pictures)), strength.to(pictures.device)[:, None, None, None])


def tinted(pictures: Tensor, contrast: float, tint: float, generator: torch.Generator) -> Tensor:
    """Contrast by up to a factor 1 +- `contrast`, each colour channel raised by up to +- `tint` (a picture spans 2)."""
    draws = 2.0 * torch.rand(len(pictures), 4, 1, 1, generator=generator).to(pictures.device) - 1.0
    return pictures * (1.0 + contrast * draws[:, :1]) + tint * draws[:, 1:]
