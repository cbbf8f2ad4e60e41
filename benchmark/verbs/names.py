"""`list`: what there is by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import tyro

from benchmark.verbs.show import show


@dataclass(frozen=True)
class List:
    """Show what there is by name.

    Examples:
        python -m benchmark list tasks
        python -m benchmark list systems --profile paper --json
    """

    what: tyro.conf.Positional[
        Literal["all", "tasks", "systems", "corpora", "metrics", "upstream", "vocoders", "profiles"]
    ] = "all"
    profile: str | None = None
    """With `systems`: count the parameters of every module under this profile (loads torch)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: List) -> int:
    from benchmark import listing

    if settings.what != "all":
        show(listing.rows(settings.what, settings.profile), settings.json)
        return 0
    kinds = {kind: listing.rows(kind, settings.profile) for kind in listing.KINDS}
    if settings.json:
        print(json.dumps(kinds, indent=2))
    else:
        for kind, rows in kinds.items():
            print(f"\n{kind}\n")
            show(rows, as_json=False)
    return 0
