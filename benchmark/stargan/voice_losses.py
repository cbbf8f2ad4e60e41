"""The terms of StarGANv2-VC's objective (Li et al. 2021, arXiv 2107.10394, section 2.3), unweighted, one function each.

As `yl4579/StarGANv2-VC@985df55:losses.py`. R1, style reconstruction and the L1 parts of diversity and cycle are
StarGANv2's own. F0 curves are (B, T) Hz, mels (B, 1, 80, T), features of frozen networks of any shape.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.media.mel import SCALE, SHIFT

LIMIT = 10.0


def adversarial(logits: Tensor, real: bool) -> Tensor:
    """Mean binary cross-entropy of logits (B,), cut at +-10, where no gradient is left (quirk Q27)."""
    return F.binary_cross_entropy_with_logits(logits.clamp(-LIMIT, LIMIT), torch.full_like(logits, float(real)))


def classification(logits: Tensor, wanted: Tensor, differ: Tensor) -> Tensor:
    """Mean cross-entropy to the codes `wanted` (B,) over the rows where `differ` (B,); 0 where there are none.

    The official code then gives NaN and ends (quirk Q27).
    """
    each = F.cross_entropy(logits, wanted, reduction="none")
    return (each * differ).sum() / differ.sum().clamp(min=1)


def loudness(mel: Tensor) -> Tensor:
    """Logarithm of the norm over bands of the power mel: (B, 1, 80, T) -> (B, 1, T), about -9 in silence (Q25)."""
    norm: Tensor = torch.linalg.vector_norm((SCALE * mel - SHIFT).exp(), dim=2)
    return norm.log()


def norm(fake: Tensor, source: Tensor, bias: float) -> Tensor:
    """Mean squared difference of loudness, frame by frame, as far as it is above `bias`."""
    return F.relu((loudness(fake) - loudness(source)).abs() - bias).square().mean()


def f0_shape(fake: Tensor, source: Tensor) -> Tensor:
    """Mean |difference| of the two F0 curves, each divided by its own mean over time."""
    return F.l1_loss(fake / fake.mean(1, keepdim=True), source / source.mean(1, keepdim=True))


def f0_level(fake: Tensor, reference: Tensor) -> Tensor:
    """Mean |difference| of the mean F0, Hz, of fakes and of their references."""
    return F.l1_loss(fake.mean(1), reference.mean(1))
