"""`questionnaire`: the form with which human raters judge outputs; `score --ratings` reads what they answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import tyro

from benchmark.errors import BenchmarkError, unknown


@dataclass(frozen=True)
class Questionnaire:
    """Make a blinded form for human raters from outputs: a web page that works from a disk, and the key to it.

    Give the raters OUT/form and nothing else; their ratings.csv and OUT/key.csv go to `score`.

    Examples:
        python -m benchmark questionnaire --trials results/my_run/outputs.csv --kind cpr --out study
        python -m benchmark questionnaire --trials outputs.csv --root . --kind mapping --out study --systems cae
        python -m benchmark score --ratings ratings.csv --key study/key.csv
    """

    trials: Path
    """Outputs in the exchange format: a run's outputs.csv or anybody's list."""
    kind: Literal["cpr", "mapping"]
    """cpr: XFaVoT's triplets, a voice and two faces. mapping: CAE's test, the other face of the same gender."""
    out: Path
    """Folder of the study; it must not exist yet."""
    root: Path | None = None
    """Folder that the paths of the list start from (default: the folder of the list)."""
    systems: tuple[str, ...] = ()
    """Systems to ask about; all in the list where none is named."""
    items: int | None = None
    """Questions for each system and task; the papers' numbers by default (cpr 30, mapping 100)."""
    seed: int = 0
    """Decides which rows are asked about, in which order, and which side is which."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Questionnaire) -> int:
    from benchmark.reporting.questionnaire.form import write_study
    from benchmark.reporting.schema import provenance
    from benchmark.runner.aliases import canonical
    from protocols.questionnaire import PAPER_ITEMS, askable, build
    from protocols.trial import read_trials, trials_sha256

    root = settings.root or settings.trials.parent
    rows = [replace(row, system=canonical(row.system)) for row in read_trials(settings.trials)]
    asked = tuple(map(canonical, settings.systems))
    names = {row.system for row in rows}
    for name in asked:
        if name not in names:
            raise unknown("system in the list", name, names)
    if settings.seed < 0:
        raise BenchmarkError(f"--seed {settings.seed}: expected at least 0.")
    wanted = [row for row in rows if not asked or row.system in asked]
    there = [row for row in wanted if all((root / p).is_file() for p in (row.output, row.reference) if p)]
    if not there:
        raise BenchmarkError(f"None of {len(wanted)} rows has its files under {root}: is that the --root of the list?")
    count = PAPER_ITEMS[settings.kind] if settings.items is None else settings.items
    items = build(there, settings.kind, count, settings.seed)
    systems = sorted({item.system for item in items})
    study = {
        "systems": systems,
        "rows": len(wanted),
        "rows_without_media": len(wanted) - len(there),
        "rows_usable": len(askable(there, settings.kind)),
        "seed": settings.seed,
        "trials_sha256": trials_sha256(rows),
        "git": provenance()["git"].model_dump(),
    }
    write_study(settings.out, items, root, study)
    if settings.json:
        print((settings.out / "study.json").read_text(encoding="utf-8"))
        return 0
    print(
        f"Study {items[0].study}: {len(items)} items about {', '.join(systems)}.\n"
        f"{len(wanted) - len(there)} of {len(wanted)} rows left out because their media are missing.\n"
        f"For the raters: {settings.out / 'form'} (open index.html). For nobody but you: {settings.out / 'key.csv'}."
    )
    return 0
