"""`train`: the training part of a run."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.runner.settings import RunSettings, plan
from benchmark.verbs.show import show


@dataclass(frozen=True)
class Train(RunSettings):
    """Train a task's systems and stop; `run` with the same options goes on from there.

    Examples:
        python -m benchmark train --task image_guided_vc --systems adain_cvc
    """


def main(settings: Train) -> int:
    from benchmark.runner.run import train_all

    trained = train_all(plan(settings))
    show([{"system": name, "checkpoint": str(path)} for name, path in trained.items()], settings.json)
    return 0
