"""How an upstream network of ours is made: what is trained, on which pool, for how long, and what it is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from benchmark.corpora.prepared import Store
from benchmark.system import Trainable


@dataclass(frozen=True)
class Recipe:
    """One shipped network.

    corpus: the pool it is trained on; no contestant is (DESIGN.md section 6).
    build: (store) -> what the trainer trains.
    network: what of it is shipped, after training.
    train: settings of `benchmark.training.loop.TrainSettings` besides seed and device.
    evaluate: (weight file, store) -> figures for its record, measured on recordings that were not trained on.
    describe: (store) -> what a loader needs besides the weights; stands in the record.
    """

    corpus: str
    build: Callable[[Store], Trainable]
    network: Callable[[Trainable], nn.Module]
    train: Mapping[str, Any]
    evaluate: Callable[[Path, Store], Mapping[str, float]]
    describe: Callable[[Store], Mapping[str, Any]]


def warm_half_cosine(step: int, warm_up: int, steps: int) -> float:
    """Factor of the learning rate: up to 1 in `warm_up` steps, then along half a cosine to 0 at `steps`."""
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1.0 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))
