"""How long a missing run takes, estimated from what was measured and from nothing else.

Training: seconds a step, the median over finished runs of the profile that trained the network and over the record of
a shipped one of that profile, times the steps that the profile asks for. A shipped network whose profile, seed, corpora
and steps are the command's is taken as it is, and costs nothing; so does one of another corpus (`NAME@CORPUS`). All
other work (preparing, translating, scoring): of the slowest finished run of the task at the profile, seconds a system,
times the systems. What was never measured is named. Such times are those of the machines that measured.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from statistics import median
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.registry import SystemName, parse_system
from benchmark.reporting.reproduce.runs import Run, trains
from benchmark.reporting.schema import Device
from benchmark.settings import Profile

REST = "preparing, translating and scoring"
HOW = (
    "Times: training is seconds a step (median of the finished runs of this profile and of the shipped networks' "
    "records) x the profile's steps; preparing, translating and scoring as in the slowest finished run of the task, a "
    "system. Of the machines that measured"
)


@dataclass(frozen=True)
class Time:
    """Of one command. training: network -> seconds, None where nobody timed a step of it. rest: seconds of all other
    work, None likewise."""

    training: Mapping[str, float | None]
    rest: float | None

    @property
    def measured(self) -> float:
        """Seconds of all that is known."""
        return sum(seconds or 0.0 for seconds in (*self.training.values(), self.rest))

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the estimate leaves out."""
        networks = [name for name, seconds in self.training.items() if seconds is None]
        return (*([f"training {', '.join(networks)}"] if networks else []), *([REST] if self.rest is None else []))

    @property
    def text(self) -> str:
        """`about 1 h 20 min`, `at least 20 min, not measured: ...` or `not measured`."""
        if not self.unknown:
            return f"about {duration(self.measured)}"
        if not self.measured:
            return "not measured"
        return f"at least {duration(self.measured)}; not measured: {'; '.join(self.unknown)}"


@dataclass(frozen=True)
class Paces:
    """What was measured at one profile. steps: network -> seconds a step. rest: task -> seconds a system. shipped:
    (network, seed, corpora, steps) that need no training. devices: the machines that measured."""

    profile: Profile
    steps: Mapping[str, float]
    rest: Mapping[str, float]
    shipped: frozenset[tuple[str, int, tuple[str, ...], int]]
    devices: tuple[str, ...]

    def time(self, task: str, systems: Sequence[str], corpora: Sequence[str], seed: int) -> Time:
        """Of a run by itself, every network trained in it that is not shipped just so.

        Args:
            task: its task.
            systems: names as the command has them; those that this version lacks are left out.
            corpora: names, without folders.
            seed: of training and of the trial list.
        """
        training: dict[str, float | None] = {}
        for name in _known(systems):
            if not trains(name.full):
                continue
            steps = _asked_steps(self.profile.systems, name)
            if steps is None:
                training[name.network] = None
            elif (name.network, seed, tuple(sorted(corpora)), steps) not in self.shipped:
                pace = self.steps.get(name.network)
                training[name.network] = None if pace is None else steps * pace
        pace = self.rest.get(task)
        return Time(training, None if pace is None else pace * len(systems))

    @property
    def how(self) -> str:
        """How such times come about, for a caption."""
        return f"{HOW}: {'; '.join(self.devices) or 'none yet'}."


def paces(profile: Profile, runs: Sequence[Run]) -> Paces:
    """What finished runs of a profile and the records of its shipped networks say."""
    steps: dict[str, list[float]] = defaultdict(list)
    rest: dict[str, list[float]] = defaultdict(list)
    devices: dict[str, None] = {}
    for record in (run.record for run in runs):
        tables = record.settings.get("profile", {}).get("systems", {})
        trained = {
            name.network: facts.train_seconds / count
            for name in _known(record.facts)
            if (facts := record.facts.get(name.full)) is not None
            and facts.network == "trained"
            and facts.train_seconds is not None
            and (count := _asked_steps(tables, name))
        }
        for network, pace in trained.items():
            steps[network].append(pace)
        if spent := sum(seconds for stage, seconds in record.timings.items() if stage != "train"):
            rest[record.task].append(spent / len(record.systems))
        if trained or spent:
            devices[_machine(record.device)] = None
    shipped = set()
    for made in _shipped(profile.name):
        corpora = tuple(sorted(corpus["name"] for corpus in made["corpora"]))
        shipped.add((made["name"], made["training"]["seed"], corpora, made["training"]["steps"]))
        steps[made["name"]].append(made["seconds"] / made["training"]["steps"])
        devices[_machine(Device.model_validate(made["device"]))] = None
    return Paces(
        profile,
        {network: median(found) for network, found in steps.items()},
        {task: max(found) for task, found in rest.items()},
        frozenset(shipped),
        tuple(devices),
    )


def together(times: Sequence[tuple[Time, object]]) -> Time:
    """Of several commands one after another, as --make runs them: a network of one origin (seed and corpora) is trained
    once. times: (a command's own, its origin)."""
    once = {(network, origin): seconds for time, origin in times for network, seconds in time.training.items()}
    training: dict[str, float | None] = {}
    for (network, _), seconds in once.items():
        before = training.get(network, 0.0)
        training[network] = None if seconds is None or before is None else before + seconds
    rests = [time.rest for time, _ in times]
    return Time(training, None if None in rests else sum(seconds or 0.0 for seconds in rests))


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `1 h 52 min`, `3 d 4 h`."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _known(names: Sequence[str] | Mapping[str, Any]) -> list[SystemName]:
    found = []
    for name in names:
        try:
            found.append(parse_system(name))
        except BenchmarkError:  # of a later version, or of a plug-in that is gone: nothing is known of it
            continue
    return found


def _asked_steps(tables: Mapping[str, Mapping[str, Any]], name: SystemName) -> int | None:
    """How many steps a profile trains a network, the variant's own table before its system's."""
    for key in (f"{name.base}:{name.variant}", name.base):
        steps = tables.get(key, {}).get("train", {}).get("steps")
        if steps is not None:
            return int(steps)
    return None


def _shipped(profile: str) -> list[dict[str, Any]]:
    """The records of the shipped systems of a profile."""
    folder = resources.files("benchmark") / "weights" / "pocket"
    records = [json.loads(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".json")]
    return [record for record in records if record.get("profile") == profile]


def _machine(device: Device) -> str:
    return f"{device.name}, {device.threads} thread{'s' if device.threads > 1 else ''}"
