"""`weights`: the published networks that metrics use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import tyro

from benchmark.verbs.show import Rows, show


@dataclass(frozen=True)
class Weights:
    """The published networks that metrics use: where they are, whether their bytes are right.

    Examples:
        python -m benchmark weights list
        python -m benchmark weights get nisqa.tar
        BENCHMARK_WEIGHTS=/data/weights python -m benchmark weights verify
    """

    action: tyro.conf.Positional[Literal["list", "verify", "get"]]
    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Which (default: all)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Weights) -> int:
    from benchmark import weights as store

    names = settings.names or store.names()
    if settings.action == "get":
        for name in settings.names or [n for n in names if store.entry(n).fetchable]:
            store.get(name)
    rows: Rows = store.status(names)
    show(rows, settings.json)
    return 1 if settings.action == "verify" and any(row["verified"] is False for row in rows) else 0
