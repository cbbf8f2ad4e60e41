"""Optimising latents at inference, every row by itself, and the inversion of pictures into W+."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.upstream.stylegan2.generator import Generator


def ramp(t: float, down: float = 0.25, up: float = 0.05) -> float:
    """Factor of the learning rate at the share t of all steps, from 0 to below 1: linearly up, along a cosine down.

    Karras et al. 2020, appendix D; rosinality/stylegan2-pytorch@bef283a:projector.py and kuai-lab/
    sound-guided-semantic-image-manipulation@dfba091:optimization/run_optimization.py have the same.
    """
    return (0.5 - 0.5 * math.cos(min(1.0, (1.0 - t) / down) * math.pi)) * min(1.0, t / up)


def descend(start: Tensor, objective: Callable[[Tensor], Tensor], steps: int, lr: float) -> Tensor:
    """Latents (B, ..) after `steps` steps of Adam from `start`, at the rate `lr` times `ramp`.

    objective: latents -> (B,), of which number i depends on row i alone. Their sum is descended and Adam works number
    by number, so a row ends where it would end alone. Opens `enable_grad` itself.

    Raises:
        BenchmarkError: an objective that is not finite.
    """
    with torch.enable_grad():
        latents = start.detach().clone().requires_grad_()
        optimiser = torch.optim.Adam([latents], lr=lr)
        for i in range(steps):
            optimiser.param_groups[0]["lr"] = lr * ramp(i / steps)
            values = objective(latents)
            if not bool(torch.isfinite(values).all()):
                raise BenchmarkError(f"The objective is {values.tolist()} in step {i} of {steps}. Take a smaller rate.")
            (latents.grad,) = torch.autograd.grad(values.sum(), latents)
            optimiser.step()
    return latents.detach()


def picture_error(made: Tensor, wanted: Tensor) -> Tensor:
    """(B,): mean squared differences over colours and pixels, of the pictures and of their halves and quarters, summed.

    The coarser ones draw a face to its place while fine lines are still apart.
    """
    total = (made - wanted).square().mean((1, 2, 3))
    for factor in (2, 4):
        total = total + (F.avg_pool2d(made, factor) - F.avg_pool2d(wanted, factor)).square().mean((1, 2, 3))
    return total


def invert(
    generator: Generator,
    pictures: Tensor,
    steps: int,
    lr: float = 0.1,
    error: Callable[[Tensor, Tensor], Tensor] = picture_error,
) -> Tensor:
    """Pictures (B, 3, size, size) -> styles (B, latents, style) in W+ whose pictures are near them.

    From the mean style, a style for every layer of its own. rosinality's projector with `--w_plus`, but for this: the
    noise of the layers stays as it is, because SGSIM optimises with the network's own noise; styles are not shaken.
    """
    start = generator.spread(generator.mean_style()[None]).expand(len(pictures), -1, -1)
    return descend(start, lambda styles: error(generator(styles), pictures), steps, lr)
