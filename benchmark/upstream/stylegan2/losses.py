"""The terms of StyleGAN2's objective (Karras et al. 2020, section 3; rosinality/stylegan2-pytorch@bef283a:train.py)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def to_real(logits: Tensor) -> Tensor:
    """Mean of -log sigmoid(logits): the generator's non-saturating loss, and half of the discriminator's."""
    return F.softplus(-logits).mean()


def to_fake(logits: Tensor) -> Tensor:
    """Mean of -log(1 - sigmoid(logits))."""
    return F.softplus(logits).mean()


def r1(logits: Tensor, pictures: Tensor) -> Tensor:
    """Mean over rows of ||d logit / d picture||^2; `logits` must come from `pictures`, which require a gradient."""
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


def path_lengths(pictures: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
    """(B,): how far a picture moves along `noise` (pictures' shape, N(0, 1)) for a small step of its styles.

    The root of the mean over layers of ||d (picture . noise) / d style||^2, divided by the side in pixels.
    """
    weighted = (pictures * noise).sum() / math.sqrt(pictures.shape[2] * pictures.shape[3])
    (gradient,) = torch.autograd.grad(weighted, styles, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()
