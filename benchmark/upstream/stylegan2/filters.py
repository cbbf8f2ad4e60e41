"""The one low-pass filter of StyleGAN2, alone and with a scaling by two beside it.

Upsample-filter-downsample of rosinality/stylegan2-pytorch@bef283a:op/upfirdn2d.py with the taps [1, 3, 3, 1], as
convolutions of every channel alone. The filter is symmetric, so that turning it round changes nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TAPS = (1.0, 3.0, 3.0, 1.0)


def _kernel(x: Tensor, gain: float) -> Tensor:
    """(C, 1, 4, 4) of sum `gain`, for the C channels of `x`."""
    taps = torch.tensor(TAPS, device=x.device, dtype=x.dtype)
    kernel = torch.outer(taps, taps) * (gain / sum(TAPS) ** 2)
    return kernel.expand(x.shape[1], 1, -1, -1)


def blurred(x: Tensor, pad: int, gain: float = 1.0, stride: int = 1) -> Tensor:
    """(B, C, H, W), with `pad` zeros around, filtered: (B, C, H + 2 pad - 3, .), of which every `stride`-th is kept."""
    return F.conv2d(x, _kernel(x, gain), stride=stride, padding=pad, groups=x.shape[1])


def enlarged(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2 H, 2 W): zeros in between, then the filter with four times its gain."""
    return F.conv_transpose2d(x, _kernel(x, 4.0), stride=2, padding=1, groups=x.shape[1])
