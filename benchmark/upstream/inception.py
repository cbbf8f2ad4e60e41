"""What the two Inception networks of FID share: torchvision's trunk, cut off after the global average pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.inception import BasicConv2d, Inception3

from benchmark.errors import BenchmarkError

WIDTH = 2048
"""Features of a picture."""
SIDE = 299
"""Pixels a side that the networks take."""
BATCH = 8
"""Pictures in one pass; bounds memory, and changes no result."""

_CLASSIFIERS = ("fc.", "AuxLogits.")


def trunk() -> Inception3:
    """Random weights; (N, 3, 299, 299) -> (N, 2048) in eval mode."""
    network = Inception3(aux_logits=False, init_weights=False)
    network.fc = nn.Identity()
    return network


def ready(network: Inception3, state: Mapping[str, Any] | None) -> Inception3:
    """Eval mode, without gradients, batch normalisation folded into the convolutions (exact but for rounding).

    state: of a file whose classifiers are dropped; None: the weights it has.

    Raises:
        BenchmarkError: the weights of another network.
    """
    if state is not None:
        try:
            network.load_state_dict({key: value for key, value in state.items() if not key.startswith(_CLASSIFIERS)})
        except (RuntimeError, AttributeError, TypeError) as error:
            raise BenchmarkError(f"These are not the weights of a whole Inception network: {error}") from error
    network.eval().requires_grad_(False)
    for block in network.modules():
        if isinstance(block, BasicConv2d):
            block.conv, block.bn = fuse_conv_bn_eval(block.conv, block.bn), nn.Identity()
    fast: Inception3 = network.to(memory_format=torch.channels_last)
    return fast


def unit_range(pictures: Tensor) -> Tensor:
    """uint8 -> float32 in [0, 1], as torchvision's ToTensor."""
    return pictures.float().div_(255)
