"""`ship`: from a training to the files that the suite brings along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmark.verbs.show import show


@dataclass(frozen=True)
class Ship:
    """Write what the suite ships of a finished training: NAME.safetensors, all that translating needs, and its record.

    The record (NAME.json) holds settings, corpora, commit, device, time, losses and, where a run scored the network,
    its scores. Runs that would train the same network take the shipped one from then on; --from-scratch trains it.

    Examples:
        python -m benchmark train --task image_guided_translation --systems starganv2 --from-scratch --out results/s
        python -m benchmark ship results/s starganv2
        python -m benchmark ship results/s starganv2 --scored results/image_guided_translation-pocket-0123abcd
    """

    run: tyro.conf.Positional[Path]
    """Folder of a run or of `train`, under a profile of the suite and on embedded corpora."""
    network: tyro.conf.Positional[str]
    """Name of the learnt system."""
    out: Path | None = None
    """Where to (default: the suite's own folder, benchmark/weights/pocket)."""
    scored: Path | None = None
    """Run folder whose scores of this network go into the record (default: those of the first folder, if any)."""
    jobs: int | None = None
    """Worker processes, where a corpus must be prepared again (default: the number of cores)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Ship) -> int:
    from benchmark.runner.ship import ship

    path, record = ship(settings.run, settings.network, settings.out, settings.scored, settings.jobs)
    row = {"file": str(path), "bytes": record.bytes, "steps": record.training["steps"], "seconds": record.seconds}
    show([{**row, "parameters": record.parameters, "scores": len(record.evaluation)}], settings.json)
    return 0
