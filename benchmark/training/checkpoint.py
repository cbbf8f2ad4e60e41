"""Checkpoints: one file holds everything that a resumed run needs, and is either whole or not there."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import FEATURES
from benchmark.media.features import Feature
from benchmark.system import Trainable
from benchmark.training.provenance import differences, trained_state, upstream_hashes

State = dict[str, Any]
"""step, seconds, model, ema, optimizers; upstream, features: their hashes; settings, environment: texts to compare."""

KEEP = 2
_NAME = "step-{:09d}.pt"


def save(folder: Path, state: State) -> Path:
    """Write the checkpoint of `state["step"]`; the last `KEEP` stay.

    Raises:
        BenchmarkError: the disk does not take it. Earlier checkpoints are then untouched.
    """
    path = folder / _NAME.format(state["step"])
    try:
        with atomic(path) as file:
            torch.save(state, file)
    except (OSError, RuntimeError) as error:  # torch's writer turns a short write into a RuntimeError
        raise BenchmarkError(
            f"Cannot save checkpoint {path} ({error}). Earlier checkpoints are whole: make room and run the same "
            "command to go on from the last."
        ) from error
    for old in found(folder)[:-KEEP]:
        old.unlink()
    return path


def found(folder: Path) -> list[Path]:
    """Checkpoints in a folder, oldest first, whole or not."""
    return sorted(folder.glob("step-*.pt"))


def newest(folder: Path) -> tuple[Path, State] | None:
    """The newest checkpoint that is whole; damaged ones are passed over with a warning."""
    for path in reversed(found(folder)):
        try:
            return path, read(path)
        except BenchmarkError as error:
            warnings.warn(f"{error} Passing it over.", stacklevel=2)
    return None


def read(path: Path) -> State:
    """A checkpoint on the CPU; nothing in it is executed.

    Raises:
        BenchmarkError: missing, cut short, or with a wrong checksum inside.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        if broken is not None:
            raise zipfile.BadZipFile(f"wrong checksum of {broken}")
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise BenchmarkError(f"Checkpoint {path} cannot be read ({error}).") from error
    return state


def clear_parts(folder: Path) -> None:
    """Remove what a killed `save` left behind; the folder must be ours alone."""
    for part in folder.glob(".step-*.part"):
        part.unlink(missing_ok=True)


def load_weights(system: Trainable, path: Path, state: State) -> None:
    """Put the live weights of a checkpoint into a system.

    Raises:
        BenchmarkError: names or shapes do not fit.
    """
    here, there = trained_state(system), state["model"]
    wrong = [
        name
        for name in {**here, **there}
        if name not in here or name not in there or here[name].shape != there[name].shape
    ]
    if wrong:
        raise BenchmarkError(
            f"{path} does not fit {type(system).__name__}: {len(wrong)} of {len(here)} tensors differ, "
            f"{wrong[0]} for one. Was it trained with other settings?"
        )
    system.load_state_dict(there, strict=False)


def load_trained(system: Trainable, path: Path, features: Mapping[str, Feature] = FEATURES) -> None:
    """Make a fresh system translate as it was trained: averaged weights where there are any, live ones elsewhere.

    Raises:
        BenchmarkError: the file is damaged, does not fit, or belongs to other upstream networks or another front end
            (a mel of another definition, say).
    """
    state = read(path)
    now = {key: features[key].hash if key in features else "(none)" for key in state["features"]}
    differ = differences({**state["features"], **state["upstream"]}, {**now, **upstream_hashes(system)})
    if differ:
        raise BenchmarkError(f"{path} belongs to other features or upstream networks: {differ}. Train it again.")
    load_weights(system, path, state)
    for name, average in state["ema"].items():
        system.get_submodule(name).load_state_dict(average)
