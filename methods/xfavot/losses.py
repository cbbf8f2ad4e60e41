"""The terms of XFaVoT's objective that its base codes do not have (arXiv 2302.13838, section 3.2), unweighted.

The others are `benchmark.stargan.losses` and `benchmark.stargan.voice_losses`.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.stargan.voice_losses import loudness


def style_consistency(
    faces: Tensor, voices: Tensor, temperature: float, form: Literal["one_way", "symmetric", "mmv"]
) -> Tensor:
    """L_csc: styles (N, S) of the faces and of the voices of N different people -> the mean over people k of

    one_way    -log e_kk / sum_j e_kj,  e_kj = exp(cos(face k, voice j) / temperature)
    symmetric  the mean of that and of -log e_kk / sum_j e_jk
    mmv        -log e_kk / (e_kk + sum over j != k of (e_kj + e_jk))
    """
    e = F.normalize(faces, dim=1) @ F.normalize(voices, dim=1).T / temperature
    own = e.diagonal()
    if form == "mmv":
        others = torch.eye(len(e), dtype=torch.bool, device=e.device)
        every = torch.cat([e, e.T.masked_fill(others, -torch.inf)], 1)
        return (every.logsumexp(1) - own).mean()
    one_way = (e.logsumexp(1) - own).mean()
    return one_way if form == "one_way" else (one_way + (e.logsumexp(0) - own).mean()) / 2


def norm(fake: Tensor, source: Tensor) -> Tensor:
    """L_norm: mean |difference| of loudness, frame by frame, of mels (B, 1, 80, T)."""
    return F.l1_loss(loudness(fake), loudness(source))


def classification(logits: Tensor, wanted: Tensor, differ: Tensor, head: slice) -> Tensor:
    """Mean cross-entropy of the logits (B, domains) in `head` to the codes `wanted` (B,), which count from its start,
    over the rows where `differ` (B,); 0 where there are none."""
    each = F.cross_entropy(logits[:, head], wanted, reduction="none")
    return (each * differ).sum() / differ.sum().clamp(min=1)
