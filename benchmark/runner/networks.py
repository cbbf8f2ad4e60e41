"""Where the weights behind a system's name come from: trained in the run, shipped with the suite, or published."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmark import weights
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.registry import SystemName, parse_system
from benchmark.runner.settings import Plan, RunSettings
from benchmark.runner.shipped import (
    ShippedRecord,
    find_shipped,
    load_shipped,
    training_speakers,
    unfit,
    weights_file,
)
from benchmark.runner.systems import (
    build,
    display_name,
    finished_training,
    is_learnt,
    published_weights,
    train_settings,
    train_system,
    training_folder,
)
from benchmark.settings import Profile
from benchmark.system import System
from benchmark.training import checkpoint
from benchmark.training.checkpoint import load_trained
from benchmark.training.records import heard_speakers


@dataclass(frozen=True)
class Network:
    """The weights behind a system's name.

    path, sha256: of the file that holds them. seconds: of training, None where nobody knows. note: a line for the
    table, empty for a network that was trained in the run. record: of a shipped one.
    """

    name: str
    origin: Literal["trained", "shipped", "published"]
    path: Path
    sha256: str
    seconds: float | None = None
    note: str = ""
    record: ShippedRecord | None = field(default=None, repr=False)

    def load(self, system: System) -> None:
        """Make a fresh system translate with these weights.

        Raises:
            BenchmarkError: the file is damaged or does not fit.
        """
        if self.record is not None:
            load_shipped(system, self.record.name, self.record)
        elif self.origin == "published":
            system.load_published(self.path)
        else:
            load_trained(system, self.path)

    def __str__(self) -> str:
        return f"{self.origin} {self.sha256}"


def fresh(name: SystemName, plan: Plan, stores: Sequence[Store], network: Network | None) -> System:
    """A system with initial weights, of the size that its network has; to be given what its name says as the source."""
    away = network.record if network and name.home else None
    speakers = training_speakers(away) if away else heard_speakers(stores)
    system = build(name, plan.profile, speakers, plan.settings.seed)
    if name.prefix == "reconstructed":
        system.source = "target"
    return system


def published_networks(plan: Plan) -> dict[str, Network]:
    """Networks by name, of the plan's systems that are their authors' own.

    Raises:
        BenchmarkError: a control asked for that would have to train one.
        MissingWeights: a file is absent and not to be had; the message names it and what mends it.
    """
    found = {}
    for name in plan.systems:
        if (entry := published_weights(name)) is None:
            continue
        if name.prefix == "gender_only":
            raise BenchmarkError(
                f"{name.full}: a network of published weights is not trained, and has no such control."
            )
        try:
            path = weights.get(entry)
        except MissingWeights as error:
            raise MissingWeights(
                f"{name.full} translates with its authors' weights, which nobody trains here. {error}"
            ) from error
        digest = weights.sha256(entry)
        note = f"{name.network}: its authors' weights, {entry} (sha256 {digest[:12]})."
        found[name.network] = Network(name.network, "published", path, digest, note=note)
    return found


def shipped_networks(plan: Plan, stores: Sequence[Store]) -> dict[str, Network]:
    """Networks by name, of the plan's systems that are shipped as the run would train them, and of those that it asks
    for by the corpus they were trained on; only the latter with --from-scratch. Why one that is shipped will be trained
    all the same is said on stderr.

    Raises:
        BenchmarkError: a shipped network is damaged; one asked for by its corpus is not shipped so.
    """
    found: dict[str, Network] = {}
    learnt = dict.fromkeys(name.network for name in plan.systems if is_learnt(name, plan.profile))
    for name in map(parse_system, learnt):
        if plan.settings.from_scratch and not name.home:
            continue
        record = find_shipped(name.at_home.network)
        if record is None and name.home:
            raise BenchmarkError(f"{name.full}: no {name.at_home.network} is shipped. `list systems` says which are.")
        if record is None:
            continue
        trainer = train_settings(name, plan.profile, plan.settings)
        speakers = training_speakers(record) if name.home else heard_speakers(stores)
        system = build(name, plan.profile, speakers, plan.settings.seed)
        fingerprints = {store.corpus: store.meta["fingerprint"] for store in stores}
        if reason := unfit(record, name, plan.profile, trainer, system, fingerprints):
            if name.home:
                raise BenchmarkError(f"{name.full} cannot be had: {reason}.")
            print(f"{name.network}: training {trainer.steps} steps, not the shipped network: {reason}", file=sys.stderr)
        else:
            path = weights_file(name.network)
            note = _note(display_name(name, plan.profile), record, stores)
            found[name.network] = Network(name.network, "shipped", path, record.sha256, record.seconds, note, record)
    return found


def trained_in(folder: Path, networks: Sequence[str]) -> list[str]:
    """Those of them that have a checkpoint in a run folder."""
    return [name for name in networks if checkpoint.found(training_folder(folder, parse_system(name)))]


def networks_of_others(plan: Plan, stores: Sequence[Store]) -> dict[str, Network]:
    """Networks by name, of the plan's systems that were trained in the folders of --trained.

    Raises:
        BenchmarkError: a folder with nothing to take, or with a training of a system of this run that is not finished,
            or not what this run would train.
    """
    found: dict[str, Network] = {}
    learnt = dict.fromkeys(n.network for n in plan.systems if not n.home and is_learnt(n, plan.profile))
    for folder in plan.settings.trained:
        there = trained_in(folder, list(learnt))
        if not there:
            wanted = ", ".join(learnt) or "and it learns none"
            raise BenchmarkError(f"--trained {folder}: no network of this run was trained there ({wanted}).")
        for name in map(parse_system, there):
            system = build(name, plan.profile, heard_speakers(stores), plan.settings.seed)
            settings = train_settings(name, plan.profile, plan.settings)
            path, state = finished_training(training_folder(folder, name), system, stores, settings)
            note = f"{display_name(name, plan.profile)}: trained in {folder} ({settings.steps} steps)."
            found[name.network] = Network(name.network, "trained", path, _sha256(path), state["seconds"], note)
    return found


def trained_network(
    name: SystemName, profile: Profile, stores: Sequence[Store], run: Path, options: RunSettings
) -> Network:
    """The network of that name, trained in a run folder or found trained there."""
    path, seconds = train_system(name, profile, stores, training_folder(run, name), options)
    return Network(name.network, "trained", path, _sha256(path), seconds)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note(display: str, record: ShippedRecord, stores: Sequence[Store]) -> str:
    corpora = ", ".join(corpus.name for corpus in record.corpora)
    made = {corpus.name: corpus.sha256 for corpus in record.corpora}
    other = [store.corpus for store in stores if store.sha256 != made.get(store.corpus, store.sha256)]
    rounding = f"; {', '.join(other)} has other last bits here than where it was trained" if other else ""
    end = (
        "--from-scratch trains it in the run."
        if any(store.corpus in made for store in stores)
        else "its corpus is none of this run's, so that seen and unseen say nothing of it."
    )
    return (
        f"{display}: the shipped network (sha256 {record.sha256[:12]}), trained for {record.training['steps']} steps "
        f"in {record.seconds / 60:.1f} min on {corpora}{rounding}; {end}"
    )
