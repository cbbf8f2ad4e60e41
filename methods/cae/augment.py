"""What discriminator and classifier see of a picture, where few pictures would let them know each by heart."""

from __future__ import annotations

import torch
from torch import Tensor


def glimpse(pictures: Tensor, shift: int, cutout: int, generator: torch.Generator) -> Tensor:
    """Each picture moved and with a square of it gone; what is empty then is 0, mid-grey of [-1, 1].

    Translation and cutout of DiffAugment (Zhao et al. 2020, `mit-han-lab/data-efficient-gans`), differentiable; its
    changes of colour are left out, for skin and hair are much of what a voice can say of a face.

    Args:
        pictures: (B, C, H, H).
        shift: most pixels that a picture moves, up or down and left or right, every number of them as likely.
        cutout: side of the square in pixels; its centre is any pixel, so that a part of it may lie outside.
        generator: on the CPU; how much is drawn from it depends on B alone.
    """
    rows, full = len(pictures), pictures.shape[2]
    moved = torch.randint(-shift, shift + 1, (2, rows, 1, 1), generator=generator)
    first = torch.randint(0, full, (2, rows, 1), generator=generator) - cutout // 2
    pixel = torch.arange(full)
    down, across = (pixel[:, None] + moved == pixel).to(pictures)
    gone_down, gone_across = (pixel >= first) & (pixel < first + cutout)
    seen = ~(gone_down[:, None, :, None] & gone_across[:, None, None, :]).to(pictures.device)
    with torch.autocast(pictures.device.type, enabled=False):
        shown: Tensor = (down[:, None] @ pictures @ across[:, None].mT) * seen
    return shown
