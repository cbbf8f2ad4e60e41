"""What translating voices and pictures have in common: jobs, batches of equal length, rows that cannot be given."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from benchmark.atomic import write_json
from benchmark.errors import BenchmarkError
from benchmark.runner.shelf import Shelf
from benchmark.system import Column, System
from benchmark.tasks import Task
from protocols.trial import Trial


@dataclass(frozen=True)
class Job:
    """One file to write: what of a trial goes in as the source, and where the output lies."""

    trial: Trial
    source: str
    output: Path


@dataclass
class Work:
    """One system at one task: what jobs of either kind of output need."""

    system: System
    task: Task
    shelf: Shelf
    seed: int
    device: torch.device
    failures: dict[str, str] = field(default_factory=dict)

    def outputs(self, jobs: Sequence[Job]) -> Tensor:
        """What the system gives for rows of equal length."""
        inputs = self.system.inputs[self.task.name]
        source = self.shelf.column([job.source for job in jobs], inputs, self.device)
        reference: Column
        if self.task.reference is None:
            reference = {"gender": torch.tensor([job.trial.target_gender for job in jobs], device=self.device)}
        else:
            reference = self.shelf.column([job.trial.reference for job in jobs], inputs, self.device)
        seeds = torch.tensor([_seed(self.task, job.trial, self.seed) for job in jobs])
        return self.system.translate(self.task.name, source, reference, seeds)

    def batches(self, jobs: Sequence[Job], size: int, keys: Sequence[str], title: str) -> Iterator[list[Job]]:
        """Jobs whose sources, and references, have equally many rows of the features `keys`; the shortest first."""
        groups: dict[tuple[int, ...], list[Job]] = defaultdict(list)
        for job in jobs:
            source, reference = job.source, job.trial.reference
            lengths = self.shelf.lengths(source, keys) + (self.shelf.lengths(reference, keys) if reference else ())
            groups[lengths].append(job)
        with tqdm(total=len(jobs), desc=f"translate {title}", disable=None, leave=False) as bar:
            for _, rows in sorted(groups.items()):
                for part in (rows[i : i + size] for i in range(0, len(rows), size)):
                    yield part
                    bar.update(len(part))

    def attempt(self, jobs: Sequence[Job], make: Callable[[Sequence[Job]], Tensor]) -> Tensor | None:
        """`make(jobs)`, None where it fails as a user can mend; the rows are then named as failed."""
        try:
            with torch.no_grad():
                return make(jobs).float().cpu()
        except BenchmarkError as error:
            self.failures |= {job.trial.trial: str(error) for job in jobs}
            return None

    def finite(self, jobs: Sequence[Job], out: Tensor) -> list[tuple[Job, Tensor]]:
        """The rows that hold numbers alone; the others are named as failed."""
        kept = []
        for job, row in zip(jobs, out, strict=True):
            if bool(torch.isfinite(row).all()):
                kept.append((job, row))
            else:
                self.failures[job.trial.trial] = "the system gave a value that is not finite"
        return kept


def _seed(task: Task, trial: Trial, seed: int) -> int:
    """Of what a system draws for a row. For pictures it is the same as in a run of the repeat's own seed."""
    name = f"{seed}/{trial.trial}"
    if task.source == "face":
        name = f"{seed + trial.repeat}/{trial.source}/{trial.draw}"
    return zlib.crc32(name.encode())


def per_unit(folder: Path, unit: str, seconds: float, made: float) -> float | None:
    """Seconds of work per `unit` of output, with what earlier sessions of the run noted in `folder` added in."""
    path, now = folder / "timing.json", made
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        seconds, made = seconds + before["seconds"], made + before[unit]
    if now or not path.is_file():
        write_json(path, {"seconds": seconds, unit: made})
    return seconds / made if made else None
