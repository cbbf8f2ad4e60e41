"""`upstream`: make again what the suite ships."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from benchmark.errors import BenchmarkError
from benchmark.verbs.show import show


@dataclass(frozen=True)
class Upstream:
    """Train a network that the suite ships (a judge, or one used inside training losses) by its recipe.

    The folder then holds NAME.safetensors and NAME.json, its record: settings, corpus, commit, device, time and what it
    is worth on recordings it was not trained on. What is shipped lies in benchmark/weights/pocket/.

    Examples:
        python -m benchmark upstream face_embedding
        python -m benchmark upstream recogniser --out results/recogniser-1 --seed 1 --json
    """

    name: tyro.conf.Positional[str]
    """One of the names of `python -m benchmark list upstream`."""
    out: Path | None = None
    """Folder (default results/upstream-NAME). The same command resumes it."""
    seed: int = 0
    """Decides the pool's people, initial weights, batches and noise."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks compute; auto takes a GPU where there is one."""
    jobs: int | None = None
    """Worker processes of preparing the pool (default: the number of cores)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Upstream) -> int:
    from benchmark.runner.upstream import make_network

    if settings.seed < 0 or (settings.jobs is not None and settings.jobs < 1):
        raise BenchmarkError(f"--seed {settings.seed} --jobs {settings.jobs}: at least 0 and at least 1, please.")
    out = settings.out or Path("results") / f"upstream-{settings.name}"
    path, record = make_network(settings.name, out, settings.seed, settings.device, settings.jobs)
    row = {"file": str(path), "parameters": record["parameters"], "seconds": record["seconds"], **record["evaluation"]}
    show([row], settings.json)
    return 0
