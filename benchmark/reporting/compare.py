"""Two runs, or a run and a golden file: what changed, and whether it is a regression (docs/compare.md).

Two questions, by what A is. A golden file must be reproduced: no value may leave its tolerance in either direction.
Between two runs the question is whether B is worse: it is where a metric moved the wrong way by more than its
tolerance and by more than chance. Chance is the paired difference, clustered two ways (DESIGN.md section 6a), with
intervals that hold together for all rows that changed: with fifty rows at 95 % each, two runs of the same quality would
nearly always look different somewhere. Controls that emit natural recordings must be the same in any two runs: where
they are not, the judge or the corpus changed, and nothing else can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.reporting.changes import Change, row_changes
from benchmark.reporting.curves import off_curve, reach, spread
from benchmark.reporting.findings import (
    FAILING,
    Finding,
    facts,
    number,
    other_protocols,
    own_account,
    same_items,
    same_rows,
    same_trials,
)
from benchmark.reporting.golden import read_golden, write_golden
from benchmark.reporting.measured import Key, Measured, read_run
from benchmark.reporting.tolerances import Tolerances, default, read_tolerances


@dataclass(frozen=True)
class Verdict:
    """reproduce: A (or B) is a golden file. tested: rows whose intervals hold together."""

    a: Measured
    b: Measured
    reproduce: bool
    tested: int
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]

    @property
    def failing(self) -> tuple[Change, ...]:
        return tuple(c for c in self.changes if c.fails)

    @property
    def passed(self) -> bool:
        return not self.failing and not any(f.status in FAILING for f in self.findings)


def read(path: Path) -> Measured:
    """A run folder, its run.json or table.json, or a golden file.

    Raises:
        BenchmarkError: none of these, or broken.
    """
    if path.is_dir():
        return read_run(path)
    return read_run(path.parent) if path.name in ("run.json", "table.json") else read_golden(path)


def compare(a: Measured, b: Measured, tolerances: Path | None = None) -> Verdict:
    """Everything in which B differs from A; tolerances: those of the file, then a golden file's, then the suite's own.

    Raises:
        BenchmarkError: a mistake in the file of tolerances.
    """
    reproduce = a.tolerances is not None or b.tolerances is not None
    tables: list[Mapping[str, float]] = (
        [read_tolerances(tolerances, {*a.subjects(), *b.subjects()})] if tolerances else []
    )
    tables += [side.tolerances for side in (a, b) if side.tolerances is not None]
    allowed = Tolerances(tuple(tables))
    protocols = other_protocols(a, b)
    if bare := [side.name for side in (a, b) if not side.trials]:
        return _of_tables(a, b, allowed, bare[0], [*protocols.values()])
    apart = same_trials(a, b)
    found = [*apart, *protocols.values(), *same_rows(a, b), *same_items(a, b), *_accounts(a, b), *facts(a, b)]
    a, b = (replace(side, rows={k: row for k, row in side.rows.items() if k[2] not in protocols}) for side in (a, b))
    tested, changes = (0, []) if apart else row_changes(a, b, allowed, reproduce)
    if reproduce and not apart:
        drifted = {(c.task, c.corpus, c.metric, c.system, c.split) for c in changes if c.status != "same"}
        found += _reproduced(a, b, allowed, drifted)
        off = off_curve(a.curves, b.curves, a.allowed or b.allowed)
        found += [Finding(status, "curve", text) for status, text in off]
    return Verdict(a, b, reproduce, tested, tuple(changes), tuple(found))


def _of_tables(a: Measured, b: Measured, allowed: Tolerances, bare: str, found: list[Finding]) -> Verdict:
    """The tables alone: a golden file of version 1 held no trials, so nothing can be paired."""
    said = Finding("note", "trials", f"{bare} is of version 1 and holds no trials: tables are compared, not trials")
    skipped = {name for finding in found for name in finding.names}
    sides = [replace(side, rows={k: row for k, row in side.rows.items() if k[2] not in skipped}) for side in (a, b)]
    found = [*found, *same_rows(a, b), *_reproduced(sides[0], sides[1], allowed, set()), said]
    return Verdict(a, b, True, 0, (), tuple(found))


def _accounts(a: Measured, b: Measured) -> list[Finding]:
    """Both must be what their own scores give: a verdict on a broken baseline is worth nothing."""
    return [replace(f, text=f"{name}: {f.text}") for name, side in (("A", a), ("B", b)) for f in own_account(side)]


def accept(run: Path, golden: Path, tolerances: Path | None = None, band: Sequence[Path] = ()) -> None:
    """Write a golden file of a run: with the tolerances of the file given, else those that the spread over `band`
    gives, else those of the golden file that was there, else the suite's own of every metric; the command of the one
    that was there stays, and what its loss curves were allowed.

    Args:
        run: what becomes golden.
        golden: the file.
        tolerances: a TOML file of them.
        band: the same run with other training seeds. Tolerances are then the largest standard deviation, over all these
            runs, of a value in the rows of a metric and system, and those of every value of a loss curve.

    Raises:
        BenchmarkError: the run's table is not what its scores give, or a metric has no tolerance.
    """
    measured = read(run)
    wrong = own_account(measured)
    if wrong:
        raise BenchmarkError(f"{run} contradicts itself and cannot be golden: {wrong[0].text}.")
    old = read_golden(golden) if golden.is_file() else None
    if old:
        measured = replace(measured, command=old.command, allowed=old.allowed, band=old.band)
    table = dict(old.tolerances or {}) if old else {metric: default(metric) for metric in measured.metrics}
    if band:
        sides = [measured, *map(read, band)]
        seeds = tuple(side.facts.get("setting", {}).get("seeds", "?") for side in sides)
        measured = replace(measured, allowed=spread([side.curves for side in sides]), band=seeds)
        table = {metric: default(metric) for metric in measured.metrics} | _spread_of_rows(sides)
    if tolerances is not None:
        table = read_tolerances(tolerances, measured.subjects())
    write_golden(measured, golden, table)


def _spread_of_rows(sides: Sequence[Measured]) -> dict[str, float]:
    """Metric and system -> how far a row of another training may lie (`reach`), the widest of its rows, where that is
    above the metric's own tolerance."""
    found: dict[str, float] = {}
    for key in [k for k in sides[0].rows if all(k in side.rows for side in sides)]:
        values = [v for side in sides if (v := side.rows[key].value) is not None]
        if len(values) == len(sides):
            name = f"{key[2]} {key[3]}"
            found[name] = max(found.get(name, 0.0), reach(values))
    return {name: value for name, value in found.items() if value > default(name.partition(" ")[0])}


def _reproduced(a: Measured, b: Measured, allowed: Tolerances, drifted: set[Key]) -> list[Finding]:
    """Each row's n and failed exactly, value and bounds within tolerance; rows whose pairs drifted are told already."""
    found = []
    for key in [k for k in a.rows if k in b.rows]:
        _, _, metric, system, _ = key
        exact, near = {"n": 0.0, "failed": 0.0}, dict.fromkeys(("value", "low", "high"), allowed(metric, system))
        off = []
        for name, tolerance in (exact | ({} if key in drifted else near)).items():
            ours, theirs = getattr(a.rows[key], name), getattr(b.rows[key], name)
            if (ours is None) != (theirs is None) or (ours is not None and abs(ours - theirs) > tolerance):
                off.append(f"{name} {number(theirs)}, A has {number(ours)}")
        if off:
            found.append(Finding("differs", "rows", f"{' '.join(key)}: {'; '.join(off)}"))
    return found
