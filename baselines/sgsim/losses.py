"""SGSIM's objectives (Lee et al. 2022, CVPR), of training and of translating."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def contrast(first: Tensor, second: Tensor, log_scale: float) -> Tensor:
    """Two embeddings (B, E) of length 1 of every thing -> the sum of both directions' mean cross-entropies (InfoNCE).

    Cosines times exp(log_scale) are the logits, float32 under autocast too; row i of one belongs to row i of the other
    (kuai-lab/sound-guided-semantic-image-manipulation@dfba091:soundclip/train.py).
    """
    with torch.autocast(first.device.type, enabled=False):
        logits = first.float() @ second.float().T * math.exp(log_scale)
        own = torch.arange(len(logits), device=logits.device)
        return F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)


def guidance(image: Tensor, audio: Tensor, log_scale: float) -> Tensor:
    """(B,): 1 - cos exp(log_scale) of embeddings (B, E) of length 1; below 0 where they are one (quirk Q44)."""
    return 1.0 - (image * audio).sum(1) * math.exp(log_scale)


def drift(styles: Tensor, start: Tensor) -> Tensor:
    """(B,): squared distance of styles (B, latents, style) from where they began, summed."""
    return (styles - start).square().sum((1, 2))


def identity(first: Tensor, second: Tensor) -> Tensor:
    """(B,): 1 - cos of face embeddings (B, E) of length 1."""
    return 1.0 - (first * second).sum(1)


def triangle(step: int, half: int, low: float, high: float) -> float:
    """A rate that climbs from `low` to `high` in `half` steps, falls as long, and so on (CyclicLR, triangular)."""
    place = step % (2 * half) / half
    return low + (high - low) * (place if place <= 1 else 2 - place)
