"""The frozen F0 and ASR network inside a training step: in which mode they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def auxiliaries(*networks: nn.Module, train_mode: bool) -> Iterator[None]:
    """In `train_mode`: batch normalisation by the batch's own statistics, and dropout, inside; running statistics do
    not move. Else the networks run as they are.

    `yl4579/StarGANv2-VC@985df55:trainer.py` puts every network in train mode, the frozen ones too, and lets their
    running statistics drift (quirk Q22); nothing that it computes while training reads those.
    """
    modules = [module for network in networks if train_mode for module in network.modules()]
    before = [(module, module.training) for module in modules]
    normalisations = [module for module in modules if isinstance(module, _BatchNorm)]
    try:
        for module in modules:
            module.training = True
        for module in normalisations:
            module.track_running_stats = False
        yield
    finally:
        for module, mode in before:
            module.training = mode
        for module in normalisations:
            module.track_running_stats = True
