"""The optimisers a system names: made, focused, checked, stepped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from benchmark.errors import BenchmarkError
from benchmark.system import Optimizer, Trainable

if TYPE_CHECKING:
    from lightning.fabric import Fabric

KINDS: Mapping[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "radam": torch.optim.RAdam,
    "sgd": torch.optim.SGD,
}
_FUSED = {"adam", "adamw"}
"""One pass over the memory of a parameter and its moments, not ten: on a CPU an eighth of the time or less for large
ones."""


class Optimisers:
    """One state each, however many phases step them."""

    def __init__(self, system: Trainable, fabric: Fabric) -> None:
        """Freezes whatever no optimiser trains.

        Raises:
            BenchmarkError: an optimiser of an upstream network.
        """
        self.settings: Mapping[str, Optimizer] = system.optimizers()
        self._parameters: dict[str, list[nn.Parameter]] = {}
        self._optimisers: dict[str, Any] = {}
        system.requires_grad_(False)
        for name, settings in self.settings.items():
            frozen = set(settings.modules) & system.upstream
            if frozen:
                raise BenchmarkError(f"Optimiser {name!r} trains {', '.join(sorted(frozen))}, which is upstream.")
            modules = [system.get_submodule(module) for module in settings.modules]
            own = list(dict.fromkeys(p for module in modules for p in module.parameters()))
            for parameter in own:
                parameter.requires_grad_(True)
            fused = {"fused": True} if settings.kind in _FUSED else {}
            made = KINDS[settings.kind](own, **{"lr": settings.lr, **fused, **settings.options})
            self._parameters[name] = own
            self._optimisers[name] = fabric.setup_optimizers(made)
        self._all = list(dict.fromkeys(p for own in self._parameters.values() for p in own))
        self._focused: tuple[str, ...] | None = None

    def focus(self, names: tuple[str, ...]) -> None:
        """Let a backward pass reach these optimisers' parameters alone, with their gradients cleared."""
        if names != self._focused:
            wanted = {p for name in names for p in self._parameters[name]}
            for parameter in self._all:
                parameter.requires_grad_(parameter in wanted)
                parameter.grad = None
            self._focused = names
        for name in names:
            self._optimisers[name].zero_grad(set_to_none=True)

    def norms(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Euclidean norm of each optimiser's whole gradient, on the device."""
        return {
            name: torch.nn.utils.get_total_norm([p.grad for p in self._parameters[name] if p.grad is not None])
            for name in names
        }

    def step(self, names: Sequence[str], step: int, norms: Mapping[str, Tensor]) -> dict[str, float]:
        """Clip, set the rate (and betas) of the step, take it. Returns "lr/<name>"."""
        rates = {}
        for name in names:
            settings, optimiser = self.settings[name], self._optimisers[name]
            if settings.clip is not None:
                torch.nn.utils.clip_grads_with_norm_(self._parameters[name], settings.clip, norms[name])
            rate = settings.lr * (1.0 if settings.schedule is None else settings.schedule(step))
            for group in optimiser.param_groups:
                group["lr"] = rate
                if settings.betas is not None:
                    group["betas"] = settings.betas(step)
            optimiser.step()
            rates[f"lr/{name}"] = rate
        return rates

    def state_dict(self) -> dict[str, Any]:
        return {name: optimiser.state_dict() for name, optimiser in self._optimisers.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, optimiser in self._optimisers.items():
            optimiser.load_state_dict(state[name])
