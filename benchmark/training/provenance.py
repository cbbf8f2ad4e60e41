"""What a checkpoint says about where it came from, and whether that is what is asked for now."""

from __future__ import annotations

import hashlib
import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.system import Trainable


def module_sha256(module: nn.Module) -> str:
    """sha256 over names, dtypes, shapes and bytes of parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def trained_state(system: Trainable) -> dict[str, Any]:
    """`state_dict` without the upstream modules."""
    frozen = tuple(f"{name}." for name in system.upstream)
    return {name: tensor for name, tensor in system.state_dict().items() if not name.startswith(frozen)}


def upstream_hashes(system: Trainable) -> dict[str, str]:
    return {name: module_sha256(system.get_submodule(name)) for name in sorted(system.upstream)}


def describe(system: Trainable, stores: Sequence[Store], training: Mapping[str, Any]) -> dict[str, str]:
    """Everything besides the weights that decides what training does, as text that can be compared."""
    own = getattr(system, "settings", None)
    fields = asdict(own) if is_dataclass(own) and not isinstance(own, type) else {"": own}
    return {
        "system": f"{type(system).__module__}.{type(system).__qualname__}",
        **{f"settings.{key}": repr(value) for key, value in fields.items()},
        **{f"optimizer {key}": repr(replace(value, schedule=None)) for key, value in system.optimizers().items()},
        **{f"draw {key}": repr(value) for key, value in system.draws().items()},
        **{f"phase {value.name}": repr(value) for value in system.phases()},
        "ema": repr(dict(system.ema)),
        "corpora": " ".join(f"{store.corpus}:{store.sha256[:16]}" for store in stores),
        **{key: repr(value) for key, value in training.items()},
    }


def environment(world: int, device: str) -> dict[str, str]:
    """What may change the last bits of a result."""
    packages = {name: version(name) for name in ("torch", "numpy", "lightning")}
    threads = str(torch.get_num_threads())
    return {**packages, "python": platform.python_version(), "threads": threads, "world": str(world), "device": device}


def check_same(path: Path, state: Mapping[str, Any], settings: Mapping[str, str], upstream: Mapping[str, str]) -> None:
    """Refuses a checkpoint of another training than the one asked for.

    Raises:
        BenchmarkError: with every difference.
    """
    then, now = {**state["settings"], **state["upstream"]}, {**settings, **upstream}
    differ = differences(then, now)
    if differ:
        raise BenchmarkError(
            f"{path} was trained with other settings: {differ}. Use another folder (--out), or remove the whole run "
            f"folder to start afresh."
        )


def check_environment(state: Mapping[str, Any], now: Mapping[str, str]) -> None:
    """Warns where bits may differ from those of an uninterrupted run."""
    differ = differences(state["environment"], now)
    if differ:
        warnings.warn(f"Resumed elsewhere, so that the last bits may differ: {differ}.", stacklevel=3)


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Every key whose values differ, with both values; empty where none does."""
    keys = [key for key in {**then, **now} if then.get(key) != now.get(key)]
    return "; ".join(f"{key} {then.get(key, '(none)')} then, {now.get(key, '(none)')} now" for key in keys)
