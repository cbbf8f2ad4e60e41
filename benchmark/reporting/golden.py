"""Golden tables: small JSON files that CI compares a run with, each metric within a tolerance of its own.

The file holds `{"command": ..., "tolerances": {metric: absolute}, "rows": [...]}`; rows are keyed by corpus, system,
split and metric. Only what a run measures is kept of a row; how long it took is not golden.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.atomic import write_json
from benchmark.errors import BenchmarkError
from benchmark.reporting.schema import TableRow
from benchmark.reporting.tables import read_rows

_KEY = ("task", "corpus", "system", "split", "metric")
_EXACT = ("n", "failed")
_NEAR = ("value", "low", "high")
Key = tuple[str, ...]
TOLERANCE = 0.002
"""Of every metric in a new golden file. What trains needs more, and a measured reason in the commit."""


@dataclass(frozen=True)
class Mismatch:
    """One thing that differs; `golden` or `got` is None where that side lacks the row or the value."""

    row: str
    field: str
    golden: float | None
    got: float | None
    tolerance: float

    def __str__(self) -> str:
        if self.field == "row":
            return f"{self.row}: {'new, not in the golden file' if self.golden is None else 'missing from the run'}"
        apart = "" if None in (self.golden, self.got) else f", {self.got - self.golden:+.6g}"  # type: ignore[operator]
        return f"{self.row}: {self.field} is {self.got}, golden {self.golden}{apart} (tolerance {self.tolerance:g})"


def compare_golden(run_table: Path | Sequence[TableRow], golden: Path) -> list[Mismatch]:
    """Everything in which the run leaves the golden file: n and failed exactly, values and bounds within tolerance.

    Args:
        run_table: a table.json or its rows.
        golden: a file of `write_golden`.

    Raises:
        BenchmarkError: a file is missing or broken, or a metric has no tolerance.
    """
    rows = read_rows(run_table) if isinstance(run_table, Path) else run_table
    stored = _read(golden)
    wanted = {_key(row): row for row in stored["rows"]}
    got = {_key(cells): cells for cells in (row.cells() for row in rows)}
    found = []
    for key in {**wanted, **got}:
        name = " ".join(key)
        if key not in wanted or key not in got:
            found.append(Mismatch(name, "row", float(key in wanted) or None, float(key in got) or None, 0.0))
            continue
        tolerance = stored["tolerances"].get(key[-1])
        if tolerance is None:
            raise BenchmarkError(f'{golden} has no tolerance for {key[-1]!r}; add one under "tolerances".')
        for field in (*_EXACT, *_NEAR):
            allowed = 0.0 if field in _EXACT else float(tolerance)
            if not _near(wanted[key][field], got[key][field], allowed):
                found.append(Mismatch(name, field, wanted[key][field], got[key][field], allowed))
    return found


def verdict(mismatches: Sequence[Mismatch], golden: Path) -> str:
    """What a person reads: one line, or one line a mismatch and how to accept them."""
    if not mismatches:
        return f"Equal to {golden} within its tolerances."
    return "\n".join(
        [
            f"{len(mismatches)} differences from {golden}:",
            *(f"  {mismatch}" for mismatch in mismatches),
            "If they are meant, write the golden file again with `compare --write` and say why in the commit.",
        ]
    )


def write_golden(rows: Sequence[TableRow], path: Path, tolerances: Mapping[str, float], command: str) -> None:
    """Store rows as golden; `command` is what makes them again.

    Raises:
        BenchmarkError: a metric of the rows has no tolerance.
    """
    lacking = sorted({row.metric for row in rows} - set(tolerances))
    if lacking:
        raise BenchmarkError(f"No tolerance for {', '.join(lacking)}: every metric of a golden file needs one.")
    kept = [{field: getattr(row, field) for field in (*_KEY, *_EXACT, *_NEAR)} for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"command": command, "tolerances": dict(tolerances), "rows": kept})


def rewrite(run_table: Path, golden: Path) -> None:
    """Accept a run as golden: with the tolerances and the command of the file that was there, else with TOLERANCE.

    Raises:
        BenchmarkError: a metric is new to a golden file and has no tolerance there.
    """
    rows = read_rows(run_table)
    if golden.is_file():
        stored = _read(golden)
        write_golden(rows, golden, stored["tolerances"], stored["command"])
    else:
        command = json.loads(run_table.with_name("run.json").read_text(encoding="utf-8"))["command"]
        write_golden(rows, golden, {row.metric: TOLERANCE for row in rows}, command)


def _read(path: Path) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(row[f], str) for row in stored["rows"] for f in _KEY):
            raise TypeError("a row's key is no text")
        if not all(f in row for row in stored["rows"] for f in (*_EXACT, *_NEAR)):
            raise KeyError("n, failed, value, low or high of a row")
        return {"command": stored["command"], "tolerances": dict(stored["tolerances"]), "rows": stored["rows"]}
    except FileNotFoundError:
        raise BenchmarkError(f"No golden file at {path}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(f"{path} is no golden file: {type(error).__name__}: {error}.") from None


def _key(row: Mapping[str, Any]) -> Key:
    return tuple(row[field] for field in _KEY)


def _near(a: float | None, b: float | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= tolerance
