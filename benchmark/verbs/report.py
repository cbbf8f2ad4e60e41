"""`report`: a run as one folder of HTML, to read and to send."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Report:
    """Make a page of a run that opens from a disk: tables, sound with spectrograms, pictures, distributions, curves.

    Reads the run folder and changes nothing in it but the report, which is made aside and then takes its place; a
    report that was there is replaced, any other folder is left alone. A run that broke off, or whose media were
    removed, gives a report that says so. docs/report.md describes the page.

    Examples:
        python -m benchmark report results/my_run
        python -m benchmark report results/my_run --out to_send --media-limit 15
        python -m benchmark reproduce xfavot.table5 --profile pocket --out tables
        python -m benchmark report results/my_run --reproduced tables
    """

    run: tyro.conf.Positional[Path]
    """A run folder, as `run` and `score` make them."""
    out: Path | None = None
    """Folder of the report (default: `report` in the run folder)."""
    media_limit: float = 8.0
    """Megabytes of sound and pictures in the report; trials beyond are linked to the run folder."""
    reproduced: Path | None = None
    """Folder that `reproduce --out` wrote: its tables of the papers are shown too."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Report) -> int:
    from benchmark.reporting.html.write import write_report

    made = write_report(settings.run, settings.out, settings.media_limit, settings.reproduced)
    if settings.json:
        print(json.dumps(asdict(made), indent=2))
        return 0
    print(
        f"{made.folder}/index.html: {made.bytes / 1e6:.1f} MB, {made.trials} trials, {made.copied} files of sound and "
        f"pictures; {made.linked} linked, {made.missing} missing."
    )
    return 0
