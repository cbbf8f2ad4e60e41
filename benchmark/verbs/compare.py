"""`compare`: two runs, or a run and a golden file."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmark.errors import BenchmarkError


@dataclass(frozen=True)
class Compare:
    """Compare run B with run A, or with a golden file; exit code 1 on a regression, 2 on a mistake.

    Both must hold the same frozen trials: scores are compared trial by trial. Against a golden file B must reproduce
    it: a value that moves by more than its tolerance fails, in either direction. Between two runs B fails where it is
    worse: the wrong way by more than the tolerance, and beyond chance (paired differences, clustered by source and
    target speaker, one-sided, Holm's 5 % over the splits of all systems and metrics that moved). A missing row or
    item, an item that failed, a table that is not what its own scores give, other weights or another protocol version
    of a metric always fail. docs/compare.md has the rules.

    Examples:
        python -m benchmark compare results/golden/image_guided_vc-tiny.json results/my_run
        python -m benchmark compare results/monday results/tuesday --tolerances tolerances.toml
        python -m benchmark compare --write results/golden/mine.json results/my_run
        python -m benchmark compare --write results/golden/mine.json results/seed0 --band results/seed1 results/seed2
    """

    a: tyro.conf.Positional[Path]
    """A run folder, its run.json or table.json, or a golden file."""
    b: tyro.conf.Positional[Path]
    """The same; what is judged."""
    tolerances: Path | None = None
    """TOML with a table [tolerances]: "metric" or "metric system" (* stands for anything) = absolute tolerance. Goes
    before those of a golden file; what neither names has 0.002."""
    write: tyro.conf.FlagCreatePairsOff[bool] = False
    """Write the golden file A from the run B instead, with the tolerances of --tolerances or of the old file."""
    band: tuple[Path, ...] = ()
    """With --write: the same run under other seeds. What is allowed is then measured: of loss curves the standard
    deviation over all of them, of values half of the 95 % prediction interval for one more."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Compare) -> int:
    from benchmark.reporting import compare, verdict

    if settings.band and not settings.write:
        raise BenchmarkError("--band goes with --write: it says what a golden file allows.")
    if settings.write:
        compare.accept(settings.b, settings.a, settings.tolerances, settings.band)
        print(f"Written {settings.a} from {settings.b}.", file=sys.stderr)
        return 0
    found = compare.compare(compare.read(settings.a), compare.read(settings.b), settings.tolerances)
    print(json.dumps(verdict.as_json(found), indent=2) if settings.json else verdict.as_text(found))
    return 0 if found.passed else 1
