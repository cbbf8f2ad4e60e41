"""What Fragment-VC is given as references in training, and its learning rate: `yistLin/FragmentVC@79cc2ce:train.py`."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def warm_half_cosine(step: int, start: int, warmup: int, stop: int) -> float:
    """Factor of the learning rate: from 0 at `start` to 1 in `warmup` steps, then along half a cosine to 0 at `stop`.

    A step has the factor that its index names, so the very first moves nothing.
    """
    done, steps = step - start, stop - start
    if done < warmup:
        return done / warmup
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (done - warmup) / max(1, steps - warmup)))


def exclusion(step: int, start: int, stop: int) -> float:
    """Chance that the target is not among its own references: 0 up to `start`, 1 from `stop` on, a line between."""
    return 1.0 if step >= stop else max(0, step - start) / (stop - start)


def own_frames(lengths: Tensor, frames: int) -> Tensor:
    """Lengths (...) -> (..., frames), true for a recording's own frames, false for what pads it."""
    return torch.arange(frames, device=lengths.device) < lengths[..., None]


def other_records(records: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Which of n + 1 recordings of a speaker are the references of one of them.

    Args:
        records: (B, n + 1) record numbers.
        target: (B,) the recording that is to be decoded.

    Returns:
        (B, n) positions in a row, the target's left out, and (B, n) bool, true for those to use. All are, except where
        a speaker has no n + 1 recordings: there some numbers come twice, and the target's are not used unless the
        speaker has no other recording.
    """
    same = records == target[:, None]
    order = same.long().argsort(dim=1, stable=True)[:, :-1]
    used = ~same.gather(1, order)
    return order, used | ~used.any(dim=1, keepdim=True)


def concatenate(mels: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Recordings of a row one after the other, what pads them behind all of them.

    mels (B, n, bins, T) and own (B, n, T) -> (B, bins, R) and padding (B, R), R the most frames that a row has.
    """
    flat, own = mels.transpose(1, 2).flatten(2), own.flatten(1)
    order = (~own).long().argsort(dim=1, stable=True)[:, : int(own.sum(1).max())]
    return flat.gather(2, order[:, None].expand(-1, flat.shape[1], -1)), ~own.gather(1, order)
