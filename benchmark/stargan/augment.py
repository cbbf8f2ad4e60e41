"""Random crops and flips of whole batches, resized by Pillow's filter; random levels of recordings.

Pictures as `clovaai/stargan-v2@875b70a:core/data_loader.py` does with torchvision, picture by picture and in 8 bits:
here in float and all pictures at once, so that nothing is rounded to 8 bits between cropping and training.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from benchmark.media.mel import turned_down

SCALE = (0.8, 1.0)  # of the picture's area
RATIO = (0.9, 1.1)  # width to height, uniform in its logarithm
TRIES = 10


def augment(pictures: Tensor, size: int, crop_chance: float, generator: torch.Generator) -> Tensor:
    """(B, C, H, H) -> (B, C, size, size): cropped with a chance of `crop_chance`, then mirrored with one of a half.

    `generator` is on the CPU; how much is drawn from it depends on B alone.
    """
    rows, full = pictures.shape[0], pictures.shape[2]
    top, left, height, width = random_boxes(rows, full, generator)
    cropped = torch.rand(rows, generator=generator) < crop_chance
    mirrored = torch.rand(rows, generator=generator) < 0.5
    down = resampling(top * cropped, torch.where(cropped, height, full), full, size)
    across = resampling(left * cropped, torch.where(cropped, width, full), full, size)
    across = torch.where(mirrored[:, None, None], across.flip(1), across)
    down, across = down[:, None].to(pictures), across[:, None].to(pictures)
    with torch.autocast(pictures.device.type, enabled=False):
        return down @ pictures @ across.mT


def at_some_level(mel: Tensor, least_gain: float, generator: torch.Generator) -> Tensor:
    """Mels (B, 1, 80, T) of recordings played at U(least_gain, 1) of their level each; `generator` is on the CPU."""
    gains = torch.empty(len(mel), 1, 1, 1).uniform_(least_gain, 1.0, generator=generator)
    return turned_down(mel, gains.to(mel))


def random_boxes(rows: int, full: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Top, left, height and width, (rows,) each, in whole pixels of a square picture `full` high.

    A box that sticks out is drawn again, ten times at most; then it is the whole picture.
    """
    area = full**2 * torch.empty(rows, TRIES).uniform_(*SCALE, generator=generator)
    ratio = torch.empty(rows, TRIES).uniform_(math.log(RATIO[0]), math.log(RATIO[1]), generator=generator).exp()
    width, height = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (width <= full) & (height <= full)
    first = fits.int().argmax(1, keepdim=True)
    none = ~fits.any(1)
    width = width.gather(1, first)[:, 0].masked_fill(none, full)
    height = height.gather(1, first)[:, 0].masked_fill(none, full)
    top = (torch.rand(rows, generator=generator) * (full - height + 1)).floor()
    left = (torch.rand(rows, generator=generator) * (full - width + 1)).floor()
    return top, left, height, width


def resampling(start: Tensor, length: Tensor, full: int, size: int) -> Tensor:
    """Weights (B, size, full) that resize the `length` pixels from `start` on, (B,) each, to `size` pixels.

    Linear, with the support of an output pixel where that is wider (antialiased), cut at the crop's edges: Pillow's
    bilinear filter, and `F.interpolate(mode="bilinear", antialias=True)` of the crop.
    """
    start, length = start[:, None, None].float(), length[:, None, None].float()
    step = length / size
    centre = start + (torch.arange(size)[:, None] + 0.5) * step
    pixel = torch.arange(full) + 0.5
    weights = (1 - (pixel - centre).abs() / step.clamp(min=1)).clamp(min=0)
    weights = weights * ((pixel > start) & (pixel < start + length))
    return weights / weights.sum(2, keepdim=True)
