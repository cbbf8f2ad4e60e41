"""Networks that the suite ships trained: `weights/pocket/<network>.{safetensors,json}`, and when a run may use one.

A shipped network stands for what this very run would train, so it is used only where training would start from the
same: profile, settings, seed and corpora. Corpora are compared by the fingerprints of their readers and not by their
bytes, for a picture made on another processor may differ by a grey level. Only a system whose name says where it was
trained (`xfavot@pocket_av`) meets other corpora than those, and none of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors.torch import load
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import FEATURES
from benchmark.registry import SystemName
from benchmark.reporting.schema import Device, Git, Strict
from benchmark.settings import Profile
from benchmark.system import System
from benchmark.training.loop import TrainSettings
from benchmark.training.provenance import describe, differences, trained_state, upstream_hashes

FOLDER = Path(__file__).parents[1] / "weights" / "pocket"


class TrainedOn(Strict):
    """A corpus that a shipped network was trained on. sha256: of manifest and decoded bytes, where it was trained."""

    name: str
    fingerprint: dict[str, Any]
    sha256: str
    records: int


class ShippedRecord(Strict):
    """`<network>.json`, the training record of a shipped network.

    sha256, bytes: of the .safetensors. parameters: module -> count, of the modules in it. command: makes both files
    again. settings, recipe: of the system; training: of the trainer. features, upstream: hashes of the front ends and
    of the frozen networks it was trained with. seconds: of training. git, packages, device, environment: of its last
    session. curve: lines of its log, losses alone. evaluation: rows of a table that scored it.
    """

    name: str
    profile: str
    sha256: str
    bytes: int
    parameters: dict[str, int]
    licence: str
    command: str
    settings: dict[str, Any]
    recipe: dict[str, str]
    training: dict[str, Any]
    features: dict[str, str]
    upstream: dict[str, str]
    corpora: list[TrainedOn]
    seconds: float
    git: Git
    packages: dict[str, str]
    device: Device
    environment: dict[str, str]
    notes: list[str]
    evaluation: list[dict[str, Any]]
    curve: list[dict[str, float]]


def weights_file(network: str, folder: Path | None = None) -> Path:
    """Where the weights of a network lie (its record beside them, .json); `folder` defaults to the suite's own."""
    return (folder or FOLDER) / f"{network.replace(':', '_')}.safetensors"


def find_shipped(network: str) -> ShippedRecord | None:
    """The record of a shipped network whose weights are whole; None where none is shipped.

    Raises:
        BenchmarkError: record or weights are missing, damaged, or do not belong together.
    """
    weights = weights_file(network)
    path = weights.with_suffix(".json")
    if not path.is_file() and not weights.is_file():
        return None
    try:
        record = ShippedRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise _damaged(network, f"{path} cannot be read ({error.strerror})") from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the file"
        raise _damaged(network, f"{path}: {where}: {error.errors()[0]['msg']}") from error
    _verified(network, record)
    return record


def unfit(
    record: ShippedRecord,
    name: SystemName,
    profile: Profile,
    settings: TrainSettings,
    system: System,
    fingerprints: Mapping[str, Mapping[str, Any]],
) -> str | None:
    """Why a run would train another network than the shipped one, or None where it would train just that.

    `settings` are those of the run's trainer, `system` is built afresh under the run's profile, `fingerprints` maps
    its corpora, in their order, to what their readers say of them.
    """
    if record.profile != profile.name:
        return f"it is of profile {record.profile}, this run of {profile.name}"
    if reason := (_met if name.home else _other_people)(record, name, settings.seed, fingerprints):
        return reason
    now = recipe(system)
    features = {key: FEATURES[key].hash if key in FEATURES else "(none)" for key in record.features}
    there = {**record.recipe, **record.features, **record.upstream}
    differ = "; ".join(
        text
        for text in (
            _differ(record.settings, as_json(system.settings)),
            _differ(decisive(record.training), decisive(as_json(settings)) | _seed(record, name)),
            differences(there, {**now, **features, **upstream_hashes(system)}),
        )
        if text
    )
    return f"it was trained otherwise: {differ}" if differ else None


def training_speakers(record: ShippedRecord) -> int:
    """How many people a shipped network was trained on; embedded corpora say it in their fingerprints."""
    return sum(corpus.fingerprint["speakers"][0] for corpus in record.corpora)


def as_json(settings: Any) -> dict[str, Any]:
    """A settings dataclass as JSON gives it back."""
    return dict(json.loads(json.dumps(asdict(settings))))


def decisive(training: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a trainer that decide what comes out; the others say where and how it is kept."""
    return {key: training[key] for key in ("steps", "seed", "precision", "ema_start")}


def recipe(system: System) -> dict[str, str]:
    """What trains a system besides its settings, as text: optimisers, draws, phases, averages."""
    found = describe(system, (), {})
    return {key: text for key, text in found.items() if key != "corpora" and not key.startswith("settings.")}


def translating(system: System) -> dict[str, Tensor]:
    """What of a trained system's state a run computes with: the averaged modules and the system's own buffers, and the
    network that it judges by; everything where it averages none, and of a tensor what the system says (`System.kept`).
    The modules left out only train the others (a discriminator)."""
    state = trained_state(system)
    if not system.ema:
        return state
    judge = system.own_judge() or ()
    asked = [name for name, module in system.named_modules() if module in judge]
    kept = tuple(f"{module}." for module in (*system.ema, *asked))
    return {
        name: system.kept(name, tensor) for name, tensor in state.items() if "." not in name or name.startswith(kept)
    }


def load_shipped(system: System, network: str, record: ShippedRecord) -> None:
    """Put shipped weights into a fresh system. What is not among them becomes NaN, so that nothing computed with it
    would pass for an output.

    Raises:
        BenchmarkError: the weights are damaged or do not fit.
    """
    there, here = load(_verified(network, record)), translating(system)
    wrong = [k for k in {**here, **there} if k not in here or k not in there or here[k].shape != there[k].shape]
    if wrong:
        why = (
            f"{len(wrong)} of {len(here)} tensors do not fit this version's {type(system).__name__}, {wrong[0]} for one"
        )
        raise _damaged(network, f"{weights_file(network)}: {why}")
    for tensor in trained_state(system).values():
        if tensor.is_floating_point():
            tensor.fill_(torch.nan)
    for name, tensor in here.items():
        tensor.copy_(there[name])


def _other_people(
    record: ShippedRecord, name: SystemName, seed: int, fingerprints: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """Why the people it was trained on are not those that this run would train it on; None where they are."""
    trained_on = [corpus.name for corpus in record.corpora]
    if trained_on != list(fingerprints):
        return f"it was trained on {', '.join(trained_on)}, this run is on {', '.join(fingerprints)}"
    if record.training["seed"] != seed:
        seen = record.training["seed"]
        return f"seed {seed} makes other people than the shipped {name.network} saw (seed {seen})"
    for corpus in record.corpora:
        if differ := _differ(corpus.fingerprint, fingerprints[corpus.name]):
            return f"this run's {corpus.name} is not the one it was trained on: {differ}"
    return None


def _met(
    record: ShippedRecord, name: SystemName, seed: int, fingerprints: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """Why a network is not the one of a home away from this run; None where it is."""
    trained_on = [corpus.name for corpus in record.corpora]
    if name.home != "+".join(trained_on):
        return f"the shipped one was trained on {', '.join(trained_on)}"
    if both := [corpus for corpus in trained_on if corpus in fingerprints]:
        return f"this run reads {', '.join(both)} itself; on it alone the name is {name.at_home.full}"
    return None


def _seed(record: ShippedRecord, name: SystemName) -> dict[str, Any]:
    """Away from home the run's seed draws other corpora's trials, and is none of the network's."""
    return {"seed": record.training["seed"]} if name.home else {}


def _verified(network: str, record: ShippedRecord) -> bytes:
    """The bytes of a shipped file, which are those of its record."""
    path = weights_file(network)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _damaged(network, f"{path} cannot be read ({error.strerror})") from error
    found = hashlib.sha256(data).hexdigest()
    if found != record.sha256:
        raise _damaged(network, f"{path} has sha256 {found}, its record says {record.sha256}", record.command)
    return data


def _damaged(network: str, what: str, command: str = "") -> BenchmarkError:
    stem = weights_file(network).with_suffix("")
    again = f" It was made by `{command}`." if command else ""
    return BenchmarkError(
        f"The shipped {network} cannot be used: {what}. Restore it with `git checkout -- {stem}.json "
        f"{stem}.safetensors`, or `uv sync --reinstall-package face-voice-benchmark` where the suite is installed, or "
        f"train it here with --from-scratch.{again}"
    )


def _differ(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """`differences` of two JSON tables."""
    return differences(
        *({key: json.dumps(value, sort_keys=True) for key, value in table.items()} for table in (then, now))
    )
