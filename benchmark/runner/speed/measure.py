"""Two sides of a comparison, timed in turns on the same clips."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from time import perf_counter

import torch
from tqdm import tqdm

from benchmark.errors import BenchmarkError

Values = Sequence[float] | Sequence[str]


@dataclass(frozen=True)
class Side:
    """One implementation, ready to go: `run` reads the clips and gives one value for each, in the order of names."""

    name: str
    run: Callable[[], Values]


@dataclass(frozen=True)
class Comparison:
    """`ours`, `peer`: folder of clips -> a side. `tolerance`: how far apart numbers may lie (texts: not at all)."""

    ours: Callable[[Path], Side]
    peer: Callable[[Path], Side]
    unit: str
    tolerance: float = 0.0


@dataclass(frozen=True)
class Row:
    """`ours`, `peer`: in `unit`; `ratio` > 1: we are faster. None where nothing fair was measured; `note` says why."""

    name: str
    ours: float | None
    peer: float | None
    peer_name: str
    ratio: float | None
    unit: str
    n: int
    device: str
    note: str = ""


def measure(
    name: str,
    build: Callable[[], Comparison],
    warm: Path,
    folder: Path,
    rounds: int = 2,
    clock: Callable[[], float] = perf_counter,
) -> Row:
    """Both sides once on the few clips of `warm`, then in turns on those of `folder`; the best round of each counts.

    A row without ratio where a package, weights or a model is absent, or where the sides' values differ.
    """
    n, device = len(list(folder.iterdir())), f"cpu, {torch.get_num_threads()} threads"
    try:
        comparison = build()
        for side in (comparison.ours(warm), comparison.peer(warm)):
            side.run()
        sides = (comparison.ours(folder), comparison.peer(folder))
    except ModuleNotFoundError as error:
        note = f"Package {error.name} is absent. Get it with: uv sync --group dev"
        return Row(name, None, None, "", None, "", n, device, note)
    except BenchmarkError as error:
        return Row(name, None, None, "", None, "", n, device, str(error))
    ours, peer = math.inf, math.inf
    for _ in tqdm(range(rounds), name, disable=None, leave=False):
        our_values, our_seconds = _timed(sides[0], clock)
        peer_values, peer_seconds = _timed(sides[1], clock)
        ours, peer = min(ours, our_seconds / n), min(peer, peer_seconds / n)
        difference = unlike(our_values, peer_values, comparison.tolerance)
        if difference:
            return Row(name, None, None, sides[1].name, None, comparison.unit, n, device, difference)
    return Row(name, ours, peer, sides[1].name, peer / ours, comparison.unit, n, device)


def _timed(side: Side, clock: Callable[[], float]) -> tuple[Values, float]:
    start = clock()
    values = side.run()
    return values, clock() - start


def unlike(ours: Values, peer: Values, tolerance: float) -> str:
    """How the values of two sides differ; empty where they agree."""
    if len(ours) != len(peer):
        return f"No ratio: {len(ours)} values of ours, {len(peer)} of the peer."
    for i, (a, b) in enumerate(zip(ours, peer, strict=True)):
        if not _alike(a, b, tolerance):
            return f"No ratio: clip {i} is {a!r} for us and {b!r} for the peer; allowed is {tolerance:g}."
    return ""


def _alike(ours: object, peer: object, tolerance: float) -> bool:
    if isinstance(ours, float) and isinstance(peer, float):
        return abs(ours - peer) <= tolerance
    return ours == peer


_PACKAGES = ("torch", "numpy", "scipy", "nisqa", "resemblyzer", "librosa", "espnet", "lpips", "pytorch-fid")


def versions(packages: Sequence[str] = _PACKAGES) -> str:
    """Name and version of what the times depend on, as installed."""
    installed = {dist.name.lower(): dist.version for dist in distributions()}
    return ", ".join(f"{package} {installed.get(package, 'absent')}" for package in packages)
