"""`compare`: a run against a golden file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Compare:
    """Compare a run's table with a golden file; exit code 1 where they differ by more than its tolerances.

    Examples:
        python -m benchmark compare results/golden/image_guided_vc-tiny.json results/my_run
    """

    golden: tyro.conf.Positional[Path]
    run: tyro.conf.Positional[Path]
    """A run folder or its table.json."""
    write: tyro.conf.FlagCreatePairsOff[bool] = False
    """Write the golden file from the run instead, with the tolerances of the old one if there is one."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Compare) -> int:
    from benchmark.reporting import golden

    table = settings.run / "table.json" if settings.run.is_dir() else settings.run
    if settings.write:
        golden.rewrite(table, settings.golden)
        return 0
    mismatches = golden.compare_golden(table, settings.golden)
    if settings.json:
        print(json.dumps([m.__dict__ for m in mismatches], indent=2))
    else:
        print(golden.verdict(mismatches, settings.golden))
    return 1 if mismatches else 0
