"""The terms of StarGANv2's objective (Choi et al. 2020, arXiv 1912.01865, section 3.2), unweighted, one function each.

D learns the two adversarial terms and R1; G, F and E learn adversarial + style - diversity + cycle.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def adversarial(logits: Tensor, real: bool) -> Tensor:
    """-mean log sigmoid(logits) where they should say real, -mean log(1 - sigmoid(logits)) where fake; logits (B,)."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def r1(logits: Tensor, pictures: Tensor) -> Tensor:
    """Mean over rows of ||d logit / d picture||^2 / 2, of the one logit of the picture's own domain (quirk Q13).

    `logits` (B,) must come from `pictures` (B, C, H, W), which require a gradient.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return 0.5 * gradient.square().flatten(1).sum(1).mean()


def style_reconstruction(read: Tensor, given: Tensor) -> Tensor:
    """Mean |E(G(x, s), y) - s|: the style is to be read off the fake."""
    return F.l1_loss(read, given)


def diversity(fake: Tensor, other: Tensor) -> Tensor:
    """Mean |G(x, s1) - G(x, s2)|, to be maximised; the second fake is a constant (quirk Q19d)."""
    return F.l1_loss(fake, other.detach())


def cycle(back: Tensor, source: Tensor) -> Tensor:
    """Mean |G(G(x, s), E(x, y)) - x|: with its own style the fake is to become the source again."""
    return F.l1_loss(back, source)


def falling(step: int, steps: int, overshoot: bool) -> float:
    """Factor of the diversity term: from 1 at step 0 linearly to 0 at step `steps`; constant where `steps` is 0.

    `overshoot`: the official code takes 1 / steps off once more whenever rounding has left it above 0, as it does for
    the published settings, and so ends at -1 / steps (quirk Q19b).
    """
    if steps == 0:
        return 1.0
    return 1.0 - step / steps if step <= steps else -overshoot / steps
