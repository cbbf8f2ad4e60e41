"""The one training loop (DESIGN.md section 5).

Whatever is trained, a step is: draw the batches that the active phases name, run each phase (loss through the wrapped
module, gradient, check, optimisers), then move the averages. Everything random is reseeded from (seed, step, rank),
so a step does not know whether the process was started a moment ago.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import FEATURES
from benchmark.media.features import Feature
from benchmark.system import Batch, Phase, Step, Trainable
from benchmark.training import checkpoint, provenance
from benchmark.training.devices import gathering, make_fabric
from benchmark.training.ema import Ema
from benchmark.training.feed import Feed
from benchmark.training.finite import refuse
from benchmark.training.log import Log
from benchmark.training.optimisers import Optimisers
from benchmark.training.plan import Plan
from benchmark.training.signals import Interruption
from benchmark.training.statistics import fill_statistics

if TYPE_CHECKING:
    from lightning.fabric import Fabric


@dataclass(frozen=True)
class TrainSettings:
    """How long, from what seed and on what to train. What is trained, and with which optimisers, the system says.

    Attributes:
        steps: steps in all; a finished run with more of them goes on.
        seed: decides batches and noise.
        save_every, log_every: steps between checkpoints and between lines of the log; the last step has both.
        device: "auto", "cpu" or "cuda".
        devices, nodes: processes per machine and machines; draws are of the global batch.
        precision: "bf16-mixed" is autocast.
        ema_start: step before which averages are the live weights.
        placement: where prepared corpora lie; "auto" leaves it to the planner.
        channels_last: memory format of the networks.
        compile: modules to compile (not one whose gradient is differentiated again, as R1 does a discriminator's).
    """

    steps: int
    seed: int = 0
    save_every: int = 1000
    log_every: int = 50
    device: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = 1
    nodes: int = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    ema_start: int = 0
    placement: Literal["auto", "device", "host", "mapped"] = "auto"
    channels_last: bool = False
    compile: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("steps", "save_every", "log_every", "devices", "nodes"):
            if getattr(self, name) < 1:
                raise BenchmarkError(f"{name} = {getattr(self, name)}; it must be at least 1.")
        if self.seed < 0 or self.ema_start < 0:
            raise BenchmarkError(f"seed = {self.seed}, ema_start = {self.ema_start}; neither may be negative.")


@dataclass(frozen=True)
class TrainResult:
    """checkpoint: of the last step. seconds: of training, over all sessions. steps: how many."""

    checkpoint: Path
    seconds: float
    steps: int


def train(
    system: Trainable,
    stores: Sequence[Store],
    folder: Path,
    settings: TrainSettings,
    features: Mapping[str, Feature] = FEATURES,
) -> TrainResult:
    """Train `system` in place, or go on where an earlier call left off, or find it done.

    `folder` belongs to this training alone; it receives `step-*.pt`, `train.jsonl` and `tensorboard/`. Initial weights
    are those that `system` comes with. Features that its draws name must lie in the stores.

    Raises:
        BenchmarkError: draws that the stores cannot fill, a batch that does not divide by devices and accumulation, a
            folder with a training of other settings, a full disk.
        NonFiniteLoss: before the optimiser step; term, step and record ids are named.
        SystemExit: 143 after SIGTERM, 130 after SIGINT, with the step finished and saved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    training = {name: getattr(settings, name) for name in ("seed", "precision", "ema_start")}
    described = provenance.describe(system, stores, training)
    upstream = provenance.upstream_hashes(system)
    found = checkpoint.newest(folder)
    if found is not None:
        path, state = found
        provenance.check_same(path, state, described, upstream)
        if state["step"] > settings.steps:
            raise BenchmarkError(f"{path} is further than the {settings.steps} steps asked for. Use another folder.")
        if state["step"] == settings.steps:
            return TrainResult(path, state["seconds"], settings.steps)
    plan = Plan(stores, system.draws(), settings.seed, features=features)
    check_phases(system, settings.devices * settings.nodes)
    fabric = make_fabric(settings.device, settings.devices, settings.nodes, settings.precision)
    loop = _Loop(system, plan, folder, settings, fabric, {"settings": described, "upstream": upstream})
    if found is not None:
        loop.restore(*found)
    else:
        fill_statistics(system, plan.records, features)
    return loop.run()


def check_phases(system: Trainable, world: int) -> None:
    """Raises BenchmarkError: a phase names a draw or an optimiser that is not there, or a batch that cannot be cut."""
    draws, optimizers = system.draws(), system.optimizers()
    for phase in system.phases():
        if phase.draw not in draws or not set(phase.steps) <= set(optimizers):
            raise BenchmarkError(
                f"Phase {phase.name!r} uses draw {phase.draw!r} and steps {', '.join(phase.steps)}; "
                f"draws: {', '.join(draws)}; optimisers: {', '.join(optimizers)}."
            )
        if draws[phase.draw].size % (world * phase.accumulate):
            raise BenchmarkError(
                f"Draw {phase.draw!r} has {draws[phase.draw].size} rows, which do not divide by {world} processes "
                f"times {phase.accumulate} micro-batches of phase {phase.name!r}."
            )


class _Sealed:
    """Batch and step on their way through the wrapper, which would else round every target to the autocast type."""

    def __init__(self, batch: Batch, step: Step) -> None:
        self.batch, self.step = batch, step


class _Door(nn.Module):
    """What Fabric wraps."""

    def __init__(self, system: Trainable) -> None:
        super().__init__()
        self.system = system

    def forward(self, phase: str, sealed: _Sealed) -> dict[str, Tensor]:
        return dict(self.system(phase, sealed.batch, sealed.step))


class _Loop:
    def __init__(
        self,
        system: Trainable,
        plan: Plan,
        folder: Path,
        settings: TrainSettings,
        fabric: Fabric,
        origin: Mapping[str, Any],
    ) -> None:
        self.system, self.plan, self.folder, self.settings, self.fabric = system, plan, folder, settings, fabric
        self.origin = origin
        self.phases = system.phases()
        self.start, self.seconds = 0, 0.0
        system.train()
        for name in system.upstream:
            system.get_submodule(name).eval()
        if settings.channels_last:
            system.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name in settings.compile:
            system.get_submodule(name).compile()
        system.to(fabric.device)
        self.optimisers = Optimisers(system, fabric)
        self.door = fabric.setup_module(_Door(system))
        self.ema = Ema(system, settings.ema_start)
        self.gather = gathering(fabric)

    def restore(self, path: Path, state: checkpoint.State) -> None:
        provenance.check_environment(state, self._environment())
        checkpoint.load_weights(self.system, path, state)
        self.ema.load_state_dict(state["ema"])
        self.optimisers.load_state_dict(state["optimizers"])
        self.start, self.seconds = state["step"], state["seconds"]

    def run(self) -> TrainResult:
        settings, fabric = self.settings, self.fabric
        began = time.monotonic() - self.seconds
        if fabric.is_global_zero:
            checkpoint.clear_parts(self.folder)
        fabric.barrier()
        placement = None if settings.placement == "auto" else settings.placement
        feed = Feed(self.plan, fabric.device, placement, fabric.global_rank, fabric.world_size, settings.devices)
        log = Log(self.folder, self.start, settings.steps, fabric.device, silent=not fabric.is_global_zero)
        with Interruption() as interruption, feed, log:
            for step in range(self.start, settings.steps):
                values, seconds, samples = self._step(step, feed)
                log.step(samples)
                last = step + 1 == settings.steps
                if last or (step + 1) % settings.log_every == 0:
                    log.write(step, values, seconds)
                stop = self._agreed(interruption.received)
                if last or stop or (step + 1) % settings.save_every == 0:
                    self.seconds = time.monotonic() - began
                    self._save(step + 1)
                if stop:
                    raise SystemExit(128 + stop)
        return TrainResult(checkpoint.found(self.folder)[-1], self.seconds, settings.steps)

    def _step(self, step: int, feed: Feed) -> tuple[dict[str, float], dict[str, float], int]:
        """All phases of a step -> (values to log, seconds of each phase, rows of the largest batch)."""
        seed = self._reseed(step)
        batches: dict[tuple[str, int], list[Batch]] = {}
        values: dict[str, float] = {}
        seconds: dict[str, float] = {}
        for phase in self.phases:
            if phase.start <= step and (phase.stop is None or step < phase.stop):
                key = phase.draw, phase.accumulate
                if key not in batches:
                    batches[key] = feed.batches(phase.draw, step, phase.accumulate)
                began = time.monotonic()
                values |= self._phase(phase, step, seed, batches[key])
                seconds[phase.name] = time.monotonic() - began
        self.ema.update(step)
        return values, seconds, max((self.plan.draws[name].size for name, _ in batches), default=0)

    def _phase(self, phase: Phase, step: int, seed: int, batches: list[Batch]) -> dict[str, float]:
        self.optimisers.focus(phase.steps)
        generator = torch.Generator().manual_seed(seed)
        sums: dict[str, Tensor] = {}
        for i, batch in enumerate(batches):
            choices = np.random.default_rng(np.random.SeedSequence((self.settings.seed, step)))
            sealed = _Sealed(batch, Step(step, generator, choices, self.gather))
            with self.fabric.no_backward_sync(self.door, enabled=i + 1 < len(batches)):
                terms = {name: term / len(batches) for name, term in self.door(phase.name, sealed).items()}
                self.fabric.backward(torch.stack(list(terms.values())).sum())
            for name, term in terms.items():
                sums[name] = sums[name] + term.detach() if name in sums else term.detach()
        norms = self.optimisers.norms(phase.steps)
        named = sums | {f"grad_norm/{name}": norm for name, norm in norms.items()}
        values = dict(zip(named, torch.stack(list(named.values())).tolist(), strict=True))
        if self._agreed(not all(map(np.isfinite, values.values()))):
            refuse(phase, step, values, batches, self.plan.records)
        rates = self.optimisers.step(phase.steps, step, norms)
        return {f"{phase.name}/{name}": value for name, value in (values | rates).items()}

    def _reseed(self, step: int) -> int:
        """Seed every generator that anybody could use unseen; returns the 32-bit seed of (seed, step, rank)."""
        entropy = (self.settings.seed, step, self.fabric.global_rank)
        seed = int(np.random.SeedSequence(entropy).generate_state(1, np.uint32)[0])
        if self.fabric.device.type == "cpu":
            torch.default_generator.manual_seed(seed)  # torch.manual_seed takes half a millisecond where CUDA is idle
        else:
            torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the global one, which libraries use
        random.seed(seed)
        return seed

    def _agreed(self, number: int) -> int:
        """The largest of a number over all processes, which must stop or fail at the same step."""
        if self.fabric.world_size == 1:
            return number
        shared = torch.tensor(float(number), device=self.fabric.device)
        return int(self.fabric.all_reduce(shared, reduce_op="max"))  # type: ignore[arg-type]

    def _environment(self) -> dict[str, str]:
        return provenance.environment(self.fabric.world_size, self.fabric.device.type)

    def _save(self, step: int) -> None:
        failed: BenchmarkError | None = None
        if self.fabric.is_global_zero:
            names = {f for columns in self.plan.columns.values() for c in columns.values() for f in c.pick.features}
            state = {
                **self.origin,
                "step": step,
                "seconds": self.seconds,
                "model": provenance.trained_state(self.system),
                "ema": self.ema.state_dict(),
                "optimizers": self.optimisers.state_dict(),
                "features": {name: self.plan.features[name].hash for name in sorted(names)},
                "environment": self._environment(),
            }
            try:
                checkpoint.save(self.folder, state)
            except BenchmarkError as error:
                failed = error
        if self._agreed(failed is not None):
            raise failed or BenchmarkError("The first process could not save its checkpoint.")
