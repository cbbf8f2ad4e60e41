"""`speed --train`: what a training step of a system takes under a profile, and which phases take it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.registry import find, parse_system
from benchmark.runner.corpora import derive_wanted, open_store
from benchmark.runner.systems import is_learnt, tables
from benchmark.settings import Profile, load_profile, make
from benchmark.system import System
from benchmark.tasks import get_task
from benchmark.training.loop import TrainSettings, train
from benchmark.training.records import heard_speakers

WARM = 1
"""Steps before those that count."""
_POOLS = {"faces": "pocket_faces", "voices": "pocket_voices"}


@dataclass(frozen=True)
class StepTimes:
    """batch: rows of the largest draw. seconds: a step. phases: name -> share of the time in phases. peak_memory:
    bytes, of the device on a GPU, of the whole process else. note: what is not as in a real training."""

    name: str
    profile: str
    device: str
    batch: int
    steps: int
    seconds: float
    samples_per_s: float
    peak_memory: int
    phases: dict[str, float]
    note: str


def step_times(system: str, profile: str, steps: int, batch: int | None, jobs: int | None = None) -> StepTimes:
    """Train for `steps` steps after a first one, on embedded corpora.

    Where the weights of a frozen network are not here, all are random: their values change no time. What starts at a
    later step is not in it. `batch` replaces the profile's (and the number of `people` that a system compares).

    Raises:
        BenchmarkError: nothing to train, no such system or profile, a batch that the system refuses.
    """
    if steps < 1:
        raise BenchmarkError(f"--steps {steps}: at least 1.")
    name, asked = parse_system(system), load_profile(profile)
    if not is_learnt(name, asked):
        raise BenchmarkError(f"{system} learns nothing; there is no step to time.")
    table, trainer = tables(name, asked)
    cls: type[System] = find("systems", name.base).load()
    if batch is not None:
        table |= {f.name: batch for f in fields(cls.Settings) if f.name in ("batch", "people")}
    settings: Any = make(cls.Settings, table, f"profile {profile}, systems.{name.base}")
    with torch.device("meta"):
        plain = cls(settings)
    stores = _stores(plain, asked, jobs)
    try:
        made, note = cls(settings, heard_speakers(stores)), ""
    except MissingWeights:
        with torch.device("meta"):
            made = cls(settings, heard_speakers(stores))
        _fill(made.to_empty(device="cpu"))
        note = f"The weights of {', '.join(sorted(made.upstream))} are not here; all weights are random. "
    derive_wanted(made, stores, jobs)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    counted = trainer | {"steps": WARM + steps, "save_every": WARM + steps, "log_every": 1, "device": device}
    with tempfile.TemporaryDirectory(prefix="benchmark-speed-") as place:
        train(made, stores, Path(place), make(TrainSettings, counted, f"profile {profile}, systems.{name.base}.train"))
        lines = [json.loads(line) for line in (Path(place) / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    spent = {p.name: sum(line.get(f"{p.name}_seconds", 0.0) for line in lines[WARM:]) for p in made.phases()}
    seconds = sum(1 / line["steps_per_s"] for line in lines[WARM:]) / steps
    rows = max(draw.size for draw in made.draws().values())
    shown = torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    return StepTimes(
        system,
        profile,
        shown,
        rows,
        steps,
        seconds,
        rows / seconds,
        max(line["peak_memory"] for line in lines),
        {phase: time / sum(spent.values()) for phase, time in spent.items() if time > 0},
        f"{note}What starts at a later step is not in it.",
    )


def _stores(system: System, profile: Profile, jobs: int | None) -> list[Store]:
    """The corpora of a task of the system's, and those of people only seen or only heard where its draws name them."""
    pools = {pick.pool for draw in system.draws().values() for pick in draw.columns.values()}
    corpora = list(get_task(sorted(system.tasks)[0]).corpora)
    corpora += [corpus for pool, corpus in _POOLS.items() if pool in pools]
    return [open_store(corpus, None, profile, 0, jobs) for corpus in dict.fromkeys(corpora)]


@torch.no_grad()
def _fill(system: System) -> None:
    """Small random weights; buffers (statistics, filter banks) that divide nothing by 0."""
    torch.manual_seed(0)
    for parameter in system.parameters():
        parameter.normal_(0, 0.02)
    for buffer in system.buffers():
        buffer.fill_(1.0 if buffer.is_floating_point() else 0)
