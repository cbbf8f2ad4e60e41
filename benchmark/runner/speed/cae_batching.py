"""`cae_batching`: a training step of CAE on 16 pairs at once against the same step accumulated over its 16 pairs.

The paper trains with one pair at a time, for each pair needs a decoder of its own. Both sides are our code, in the
paper's form: a gate for every weight, 204 million parameters in the controller, an optimiser step of all three phases.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor

from benchmark.media.image import FACE128, read_image, shrink_square
from benchmark.runner.speed.measure import Comparison, Side
from benchmark.system import Batch, Step
from benchmark.training.optimisers import Optimisers
from methods.cae.system import CAE, CAESettings

PAIRS = 16
SETTINGS = CAESettings(voice_network="pocket", batch=PAIRS, crop=300, flip=False, lr=0.0)
"""With a rate of 0 optimisers compute what they always do and every round sees the same weights. 300 voiced frames are
3 s; what they say is not looked at, so they are noise."""
_SPEAKERS = 924
_SEED = 0


def batching() -> Comparison:
    """Both sides take one whole step (three phases, three optimisers) a run, of one and the same system."""
    torch.manual_seed(_SEED)
    system = CAE(SETTINGS, _SPEAKERS).train()
    for name in system.upstream:
        system.get_submodule(name).eval()
    optimisers = Optimisers(system, Fabric(accelerator="cpu", devices=1))
    return Comparison(
        lambda folder: Side("ours", _Step(system, optimisers, pairs(folder), 1)),
        lambda folder: Side("accumulation over batches of 1", _Step(system, optimisers, pairs(folder), None)),
        "s a pair",
        tolerance=1e-3,
    )


def pairs(folder: Path) -> Batch:
    """Every picture as a face and the next one as its target, with drawn voices."""
    files = sorted(folder.iterdir())
    rows = torch.from_numpy(np.stack([shrink_square(read_image(path))[None] for path in files]))
    faces, generator = FACE128.batch(rows), torch.Generator().manual_seed(_SEED)
    who = torch.arange(len(files))
    voices = torch.randn(2, len(files), 1, 64, SETTINGS.crop, generator=generator)

    def column(key: str, media: Tensor, shift: int) -> Mapping[str, Tensor]:
        return {key: media, "speaker": (who + shift) % len(files)}

    return {
        "face": column("face128", faces, 0),
        "voice": column("mel64", voices[0], 1),
        "target": column("face128", faces.roll(-1, 0), 1),
        "own_voice": column("mel64", voices[1], 0),
    }


class _Step:
    """What the trainer does at a step, in so many `pieces` (None: as many as there are pairs)."""

    def __init__(self, system: CAE, optimisers: Optimisers, batch: Batch, pieces: int | None) -> None:
        self.system, self.optimisers = system, optimisers
        rows = torch.arange(len(batch["face"]["speaker"]))
        cuts = rows.chunk(pieces or len(rows))
        self.batches = [
            {name: {k: v[cut] for k, v in column.items()} for name, column in batch.items()} for cut in cuts
        ]

    def __call__(self) -> list[float]:
        """The three phases; the terms of all, and the norm of every optimiser's gradient."""
        values: dict[str, float] = {}
        for phase in self.system.phases():
            self.optimisers.focus(phase.steps)
            for batch in self.batches:
                step = Step(0, torch.Generator().manual_seed(_SEED), np.random.default_rng(_SEED), lambda x: x)
                terms = self.system(phase.name, batch, step)
                (torch.stack(list(terms.values())).sum() / len(self.batches)).backward()  # type: ignore[no-untyped-call]
                for name, term in terms.items():
                    key = f"{phase.name}/{name}"
                    values[key] = values.get(key, 0.0) + term.item() / len(self.batches)
            norms = self.optimisers.norms(phase.steps)
            self.optimisers.step(phase.steps, 0, norms)
            values |= {f"{phase.name}/{name}": norm.item() for name, norm in norms.items()}
        return list(values.values())
