"""Moving averages of the networks that translate."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.system import Trainable


class Ema:
    """Averaged copies of the modules that `system.ema` names, each with its decay.

    average = decay * average + (1 - decay) * live after every step from `start` on, and average = live before.
    Buffers are copied as they are: an average of running statistics would average twice.

    Attributes:
        modules: name -> copy, frozen and in eval mode, on the device of the original.
    """

    def __init__(self, system: Trainable, start: int = 0) -> None:
        self.start = start
        self.modules: dict[str, nn.Module] = {}
        self._parameters: dict[float, tuple[list[Tensor], list[Tensor]]] = defaultdict(lambda: ([], []))
        self._buffers: tuple[list[Tensor], list[Tensor]] = ([], [])
        first = system.averages()
        for name, decay in system.ema.items():
            live = system.get_submodule(name)
            average = copy.deepcopy(first[name]).requires_grad_(False).eval()
            self.modules[name] = average.to(next(live.parameters()).device)
            averages, lives = self._parameters[decay]
            averages += average.parameters()
            lives += live.parameters()
            self._buffers[0].extend(average.buffers())
            self._buffers[1].extend(live.buffers())

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step`."""
        for decay, (averages, lives) in self._parameters.items():
            if averages:
                torch._foreach_lerp_(averages, lives, 1.0 - decay if step >= self.start else 1.0)
        if self._buffers[0]:
            torch._foreach_copy_(*self._buffers)

    def state_dict(self) -> dict[str, Any]:
        return {name: module.state_dict() for name, module in self.modules.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, module in self.modules.items():
            module.load_state_dict(state[name])
