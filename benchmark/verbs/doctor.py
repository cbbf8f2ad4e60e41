"""`doctor`: what is here, what is missing, and the command that mends it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import tyro


@dataclass(frozen=True)
class Doctor:
    """Look over packages, device, disk and weights, and say what each task can run and score now.

    Exit code 0 when the default run of some task can be made, 1 when none can. Nothing is downloaded.

    Examples:
        python -m benchmark doctor
        python -m benchmark doctor --json
    """

    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Doctor) -> int:
    from benchmark.runner.doctor import examine
    from benchmark.runner.doctor.check import text

    report = examine()
    able = [task for task, runs in report.runs.items() if runs]
    if settings.json:
        print(json.dumps({"runs": report.runs, "checks": [asdict(check) for check in report.checks]}, indent=2))
    else:
        print(text(report.checks))
        print(f"\nDefault runs that can be made now: {', '.join(able) or 'none'}.")
    return 0 if able else 1
