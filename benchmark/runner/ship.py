"""From a finished training to the files that are shipped: what `translate` needs of it, and its training record."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from benchmark.atomic import atomic, write_text
from benchmark.errors import BenchmarkError
from benchmark.registry import SystemName, parse_system
from benchmark.reporting.schema import RunRecord
from benchmark.reporting.store import RunFolder
from benchmark.reporting.tables import read_rows
from benchmark.runner.corpora import open_store
from benchmark.runner.settings import RunSettings
from benchmark.runner.shipped import ShippedRecord, TrainedOn, as_json, recipe, translating, weights_file
from benchmark.runner.systems import (
    build,
    display_name,
    finished_training,
    is_learnt,
    train_settings,
    training_folder,
)
from benchmark.settings import PROFILES, load_profile
from benchmark.system import System
from benchmark.training import checkpoint
from benchmark.training.log import read_losses
from benchmark.training.records import heard_speakers

LICENCE = "MIT (trained on generated faces and speech alone)"
LINES = 200
"""Of the loss curve in a record, at most."""


def ship(
    run: Path, network: str, out: Path | None = None, scored: Path | None = None, jobs: int | None = None
) -> tuple[Path, ShippedRecord]:
    """Write `<network>.safetensors` and its record `<network>.json` from a training in a run folder.

    Args:
        run: folder of `run` or `train`, on embedded corpora and under a profile of the suite.
        network: a learnt system of that run.
        out: folder (default: the suite's own, benchmark/weights/pocket).
        scored: run folder whose table has this network's scores (default: `run`, where it has them).
        jobs: worker processes, where a corpus must be prepared again.

    Returns:
        (the safetensors file, its record).

    Raises:
        BenchmarkError: no such training; not finished; of other settings than the profile has now, or on a corpus that
            is not embedded; `scored` scored another network.
    """
    record = RunFolder(run).read()
    if record.profile not in PROFILES:
        raise BenchmarkError(
            f"{run} ran under {record.profile}, a profile of your own; only networks of {', '.join(PROFILES)} are "
            "shipped."
        )
    name = _network(run, record, network)
    profile, options = load_profile(record.profile), _options(record)
    if foreign := [corpus for corpus in record.corpora if not corpus.startswith("pocket")]:
        raise BenchmarkError(
            f"{run} was trained on {', '.join(foreign)}; only networks of embedded corpora are shipped."
        )
    stores = [open_store(corpus, None, profile, options.seed, jobs) for corpus in record.corpora]
    system = build(name, profile, heard_speakers(stores), options.seed)
    settings = train_settings(name, profile, options)
    path, state = finished_training(training_folder(run, name), system, stores, settings)
    checkpoint.load_trained(system, path)
    tensors = {key: tensor.contiguous().clone() for key, tensor in translating(system).items()}
    data = save(tensors)
    digest = hashlib.sha256(data).hexdigest()
    if record.git.dirty:
        print(f"warning: {run} was trained from a tree with changes that no commit holds.", file=sys.stderr)
    shipped = ShippedRecord(
        name=name.network,
        profile=profile.name,
        sha256=digest,
        bytes=len(data),
        parameters=_parameters(system, tensors),
        licence=LICENCE,
        command=_command(record, name),
        settings=as_json(system.settings),
        recipe=recipe(system),
        training=as_json(settings),
        features=state["features"],
        upstream=state["upstream"],
        corpora=[
            TrainedOn(name=s.corpus, fingerprint=s.meta["fingerprint"], sha256=s.sha256, records=len(s.records))
            for s in stores
        ],
        seconds=round(state["seconds"], 1),
        git=record.git,
        packages=record.packages,
        device=record.device,
        environment=state["environment"],
        notes=record.notes,
        evaluation=_evaluation(scored or run, display_name(name, profile), name, {digest, _sha256(path)}, scored),
        curve=read_losses(path.parent, LINES),
    )
    target = weights_file(name.network, out)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic(target) as file:
        file.write(data)
    write_text(target.with_suffix(".json"), shipped.model_dump_json(indent=2) + "\n")
    return target, shipped


def _network(run: Path, record: RunRecord, network: str) -> SystemName:
    name = parse_system(network)
    there = [other for other in map(parse_system, record.systems) if other.network == name.full]
    if not there or not is_learnt(name, load_profile(record.profile)):
        raise BenchmarkError(f"{run} trains no network {network}; its systems are {', '.join(record.systems)}.")
    return name


def _options(record: RunRecord) -> RunSettings:
    """What the command line said of the training."""
    return RunSettings(record.task, seed=record.settings["seed"], devices=record.settings["devices"])


def _parameters(system: System, kept: Mapping[str, Tensor]) -> dict[str, int]:
    """Module -> parameters, of those that are kept."""
    counts: Counter[str] = Counter()
    for name, _ in system.named_parameters():
        if name in kept:
            counts[name.split(".")[0]] += kept[name].numel()
    return dict(counts)


def _command(record: RunRecord, name: SystemName) -> str:
    """The two commands that make the files again, wherever the first was made."""
    folder = f"results/{name.network.replace(':', '_')}-{record.profile}"
    words = [f"--task {record.task}", f"--systems {name.network}", *(f"--corpus {c}" for c in record.corpora)]
    words += [f"--profile {record.profile}", f"--seed {record.settings['seed']}"]
    words += [f"--devices {record.settings['devices']}"] if record.settings["devices"] != 1 else []
    train = " ".join(["python -m benchmark train", *words, "--from-scratch", f"--out {folder}"])
    return f"{train} && python -m benchmark ship {folder} {name.network}"


def _evaluation(
    run: Path, display: str, name: SystemName, hashes: set[str], asked: Path | None
) -> list[dict[str, Any]]:
    """The whole-corpus rows of a run's table that judge this network; none where it has no table.

    Raises:
        BenchmarkError: a run that was asked for has no table, or its network is another one.
    """
    record = RunFolder(run).read()
    facts = record.facts.get(name.network)
    if facts is None or facts.checkpoint_sha256 not in hashes:
        if asked is not None:
            raise BenchmarkError(f"{run} did not score this {name.network}; run it with these weights first.")
        return []
    rows = [row for row in read_rows(run / "table.json") if row.system == display and row.split == "all"]
    keys = ("task", "corpus", "metric", "value", "low", "high", "n", "failed")
    return [{key: getattr(row, key) for key in keys} for row in rows]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
