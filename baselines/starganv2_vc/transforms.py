"""What a discriminator's answer must not depend on: the transforms of balanced consistency (bCR, arXiv 2002.04724).

As `yl4579/StarGANv2-VC@985df55:transforms.py`: three are drawn with replacement from stretching time, scaling the
normalised mel down, and rolling it in time; all rows are treated alike.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

Transform = Callable[[Tensor], Tensor]

COUNT = 3
STRETCH = 0.1  # at most so much longer or shorter
SCALE_DOWN = 0.1  # at most so much less


def draw_transform(frames: int, fixed_shuffle: bool, generator: torch.Generator) -> Transform:
    """A transform of mels (B, 1, bands, `frames`) that keeps their shape; strengths and places come from `generator`.

    With `fixed_shuffle` shifts of a roll are drawn from a generator that starts anew at 1 with every transform, as in
    the official code (quirk Q26): of 192 frames the first mel is always rolled by -124, the second by 99, the third by
    -160. Otherwise they are uniform in -frames .. frames.
    """
    strength = _uniform(generator)
    chain: list[Transform] = []
    for kind in torch.randint(3, (COUNT,), generator=generator).tolist():
        if kind == 0:
            factor = 1 + (2 * _uniform(generator) - 1) * strength * STRETCH
            chain.append(partial(stretch, factor=factor, generator=generator))
        elif kind == 1:
            chain.append(partial(torch.mul, other=1 - _uniform(generator) * strength * SCALE_DOWN))
        else:
            fixed = random.Random(1) if fixed_shuffle else None
            chain.append(partial(roll, draw=partial(_shift, frames, fixed, generator)))

    def transform(x: Tensor) -> Tensor:
        for one in chain:
            x = one(x)
        return x

    return transform


def stretch(x: Tensor, factor: float, generator: torch.Generator) -> Tensor:
    """Time `factor` times as long, linearly interpolated; what is too much is cut, what lacks is repeated from a place
    drawn at random."""
    frames = x.shape[3]
    x = F.interpolate(x, size=(x.shape[2], math.floor(frames * factor)), mode="bilinear")
    lacking = frames - x.shape[3]
    if lacking <= 0:
        return x[..., :frames]
    start = max(0, int(torch.randint(x.shape[3] + 1, (), generator=generator)) - lacking)
    return torch.cat([x, x[..., start : start + lacking]], 3)


def roll(x: Tensor, draw: Callable[[], int]) -> Tensor:
    """Time begins `draw()` frames later, and what came before follows the end."""
    return x.roll(-draw(), 3)


def _shift(frames: int, fixed: random.Random | None, generator: torch.Generator) -> int:
    if fixed is not None:
        return fixed.randint(-frames, frames)
    return int(torch.randint(-frames, frames + 1, (), generator=generator))


def _uniform(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator))
