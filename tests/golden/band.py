"""The short training of results/golden/training.json under several training seeds, on the corpus and trials of seed 0.

    python tests/golden/band.py /tmp/band 0 1 2 3 4
    python -m benchmark compare --write results/golden/training.json /tmp/band/0 --band /tmp/band/1 /tmp/band/2 ...

`run --seed` would draw other people and other trials too; here initial weights, batches and noise alone differ, so the
spread is that of training.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmark.cli import main
from benchmark.runner.corpora import open_store
from protocols.trials import draw_trials

COMMAND = "run --task image_guided_vc --profile results/golden/training.toml --systems adain_cvc"
METRICS = "--metrics spksim@resemblyzer"


def of_seed_0(stores: Any, task: str, reference: Any, settings: Any, seed: int, repeats: int) -> Any:
    return draw_trials(stores, task, reference, settings, 0, repeats)


def store_of_seed_0(name: str, root: Any, profile: Any, seed: int, jobs: int | None) -> Any:
    return open_store(name, root, profile, 0, jobs)


def measure(folder: Path, seed: int) -> None:
    line = [*COMMAND.split(), *METRICS.split(), "--seed", str(seed), "--jobs", "1", "--out", str(folder / str(seed))]
    with (
        patch("benchmark.runner.run.open_store", store_of_seed_0),
        patch("benchmark.runner.trials.draw_trials", of_seed_0),
        patch.object(sys, "argv", ["benchmark", *line]),
    ):
        try:
            main(line)
        except SystemExit as stop:
            if stop.code:
                raise


if __name__ == "__main__":
    list(map(partial(measure, Path(sys.argv[1])), map(int, sys.argv[2:])))
