"""From a system's name to its module: settings out of the profile, parameters counted, weights trained or loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.registry import SystemName, find, parse_system
from benchmark.runner.corpora import derive_wanted
from benchmark.runner.settings import RunSettings
from benchmark.settings import Profile, make
from benchmark.system import System
from benchmark.training import checkpoint, provenance
from benchmark.training.loop import TrainSettings, check_phases, train
from benchmark.training.plan import Plan
from benchmark.training.records import heard_speakers


def tables(name: SystemName, profile: Profile) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings of the network, settings of the trainer) of a system under a profile.

    The profile's table of the base system comes first, then what the variant is, then the profile's table of the
    variant, then what a gender-only control replaces. A published network is what its variant says, at any profile.
    """
    cls: type[System] = find("systems", name.base).load()
    if published_weights(name) is not None:
        return dict(cls.variants.get(name.variant or "", {})), {}
    variant = f"{name.base}:{name.variant}"
    table = dict(profile.systems.get(name.base, {}))
    own = dict(profile.systems.get(variant, {})) if name.variant else {}
    trainer = {**table.pop("train", {}), **own.pop("train", {})}
    if name.variant:
        table |= cls.variants.get(name.variant, {})
    table |= own
    if name.prefix == "gender_only":
        table |= cls.gender_only or {}
    return table, trainer


def build(name: SystemName, profile: Profile, speakers: int = 0, seed: int = 0) -> System:
    """A fresh system with initial weights drawn from `seed`.

    Raises:
        BenchmarkError: a key of the profile that the system's `Settings` does not have.
    """
    cls: type[System] = find("systems", name.base).load()
    torch.manual_seed(seed)
    return cls(make(cls.Settings, tables(name, profile)[0], f"profile {profile.name}, systems.{name.base}"), speakers)


def parameters(name: str, profile: Profile) -> Mapping[str, int]:
    """Module -> number of parameters; empty for a control without any."""
    with torch.device("meta"):
        system = build(parse_system(name), profile)
    return {
        module: count
        for module, network in system.named_children()
        if (count := sum(p.numel() for p in network.parameters())) > 0
    }


def published_weights(name: SystemName) -> str | None:
    """The entry of weights.toml that a system translates with instead of being trained; None for all others."""
    cls: type[System] = find("systems", name.base).load()
    return cls.published.get(name.variant) if name.variant else None


def is_learnt(name: SystemName, profile: Profile) -> bool:
    """Whether there is anything to train. Builds nothing but shapes, and so checks the settings too."""
    if published_weights(name) is not None:
        return False
    with torch.device("meta"):
        return bool(build(name, profile).phases())


def display_name(name: SystemName, profile: Profile) -> str:
    """What rows are called: a learnt system carries its profile unless it is the paper's own (DESIGN.md section 2)."""
    shrunken = profile.name != "paper" and is_learnt(name, profile)
    return f"{name.at_home.full}:{profile.name}{name.abroad}" if shrunken else name.full


def small_networks(name: SystemName, profile: Profile) -> list[str]:
    """Frozen modules of a system that is trained here which are networks of the suite's own: they have met embedded
    people alone. What was trained at another home brings them along, and says so itself."""
    if name.home or "pocket" not in tables(name, profile)[0].values() or not is_learnt(name, profile):
        return []
    with torch.device("meta"):
        return sorted(build(name, profile).upstream)


def train_settings(name: SystemName, profile: Profile, options: RunSettings) -> TrainSettings:
    """The trainer's settings of a system: the profile's table, seed and device of the command line.

    Raises:
        BenchmarkError: a key that is unknown, missing, or the command line's to say.
    """
    table, where = tables(name, profile)[1], f"profile {profile.name}, systems.{name.base}.train"
    own = {"seed": options.seed, "device": options.device, "devices": options.devices}
    for key in own.keys() & table.keys():
        raise BenchmarkError(f"{where}: {key} is said on the command line (--{key}), not in a profile.")
    return make(TrainSettings, {**table, **own}, where)


def training_folder(run: Path, name: SystemName) -> Path:
    """Where in a run folder the network behind a name is trained."""
    return run / "systems" / name.network.replace(":", "_")


def train_system(
    name: SystemName, profile: Profile, stores: Sequence[Store], folder: Path, options: RunSettings
) -> tuple[Path, float]:
    """Train the network behind a name, or find it trained; derive what its picks need first.

    Returns:
        (checkpoint, seconds of training over all sessions).
    """
    system = build(name, profile, heard_speakers(stores), options.seed)
    derive_wanted(system, stores)
    result = train(system, stores, folder, train_settings(name, profile, options))
    return result.checkpoint, result.seconds


def check_training(name: SystemName, profile: Profile, stores: Sequence[Store], options: RunSettings) -> None:
    """Whether the stores can feed a training of that name, on that many devices; derives what its picks need.

    Raises:
        BenchmarkError: draws that the stores cannot fill, a batch that does not divide by the devices.
    """
    settings = train_settings(name, profile, options)
    with torch.device("meta"):
        system = build(name, profile, heard_speakers(stores))
    check_phases(system, settings.devices * settings.nodes)
    derive_wanted(system, stores)
    Plan(stores, system.draws(), settings.seed)


def finished_training(
    folder: Path, system: System, stores: Sequence[Store], settings: TrainSettings
) -> tuple[Path, checkpoint.State]:
    """The last checkpoint of a training, which is whole and did what the settings say.

    Raises:
        BenchmarkError: none, not the last step, or other settings.
    """
    found = checkpoint.newest(folder)
    if found is None:
        raise BenchmarkError(f"{folder} holds no checkpoint. `python -m benchmark train` makes one.")
    path, state = found
    training = {key: getattr(settings, key) for key in ("seed", "precision", "ema_start")}
    described = provenance.describe(system, stores, training)
    provenance.check_same(path, state, described, provenance.upstream_hashes(system))
    if state["step"] != settings.steps:
        raise BenchmarkError(
            f"{path} is of step {state['step']}, the profile says {settings.steps}. Finish the training by the command "
            "that began it."
        )
    return path, state
