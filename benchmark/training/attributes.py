"""Finding state that a checkpoint would miss: Python attributes that change while a system trains."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_KEPT_ELSEWHERE = {"_parameters", "_buffers", "_modules", "training"}


def attributes(system: nn.Module) -> dict[str, str]:
    """Digest of every `module.attribute` that is not a parameter, a persistent buffer or a submodule."""
    found = {}
    for path, module in system.named_modules():
        for name, value in vars(module).items():
            if name not in _KEPT_ELSEWHERE:
                found[f"{path}.{name}".lstrip(".")] = _digest(value, set())
        for name in module._non_persistent_buffers_set:
            found[f"{path}.{name}".lstrip(".")] = _digest(module._buffers[name], set())
    return found


def changed_attributes(system: nn.Module, before: Mapping[str, str]) -> list[str]:
    """Attributes that came, went or changed since `before = attributes(system)`, sorted.

    A resumed run would find them as they were at the start: make them a buffer, an optimiser's state, or a function of
    `step.index`.
    """
    now = attributes(system)
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _digest(value: Any, above: set[int]) -> str:
    """`above` are the containers around the value, so that a cycle ends."""
    if isinstance(value, nn.Module) or id(value) in above:
        return type(value).__name__
    around = above | {id(value)}
    if isinstance(value, Tensor):
        inner = repr((value.dtype, tuple(value.shape), value.detach().cpu().reshape(-1).tolist()))
    elif isinstance(value, np.ndarray):
        inner = repr((value.dtype, value.shape, value.reshape(-1).tolist()))
    elif isinstance(value, np.random.Generator):
        inner = _digest(value.bit_generator.state, around)
    elif isinstance(value, torch.Generator):
        inner = _digest(value.get_state(), around)
    elif isinstance(value, random.Random):
        inner = repr(value.getstate())
    elif isinstance(value, Mapping):
        inner = ",".join(f"{_digest(k, around)}:{_digest(v, around)}" for k, v in value.items())
    elif isinstance(value, list | tuple):
        inner = ",".join(_digest(v, around) for v in value)
    elif isinstance(value, set | frozenset):
        inner = ",".join(sorted(_digest(v, around) for v in value))
    elif hasattr(value, "__dict__") and not callable(value):
        inner = _digest(vars(value), around)
    else:
        inner = repr(value)
    return hashlib.sha256(f"{type(value).__name__}({inner})".encode()).hexdigest()
