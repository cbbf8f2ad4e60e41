"""Golden files: a small run as one JSON file in git, with the tolerance of every metric; `compare` reads it as a run.

The file holds the command that makes the run again, tolerances, facts (hashes, versions), the frozen trials, the score
of every trial and the rows of the table. Scores stand in the order of the trials, so that pairs can be formed. Where
the spread over training seeds was measured it also holds the loss curves, how far each value may move, and the seeds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmark.atomic import write_text
from benchmark.errors import BenchmarkError
from benchmark.reporting.curves import Curves
from benchmark.reporting.measured import Measured, Subject, rows_by_key
from benchmark.reporting.schema import Count, TableRow
from benchmark.reporting.tolerances import Tolerances
from protocols.trial import Score, Trial

VERSION = 2
_ROW = ("task", "corpus", "system", "split", "metric", "n", "failed", "value", "low", "high")
_COUNT = tuple(Count.model_fields)


def write_golden(run: Measured, path: Path, tolerances: Mapping[str, float]) -> None:
    """Store a run as golden.

    Args:
        run: as read from its folder.
        path: of the file; its folder is made.
        tolerances: key of `Tolerances` -> absolute tolerance.

    Raises:
        BenchmarkError: a metric of the run has no tolerance: what a golden file is held to is written in it.
    """
    told = Tolerances((tolerances,))
    lacking = [f"{metric} {system}" for metric, system in run.subjects() if told.find(metric, system) is None]
    if lacking:
        raise BenchmarkError(
            f"No tolerance for {', '.join(lacking[:4])}{' ...' if lacking[4:] else ''}: every metric of a golden file "
            f"needs one. Give them with --tolerances FILE."
        )
    document = {
        "golden": VERSION,
        "command": run.command,
        "tasks": run.tasks,
        "corpora": run.corpora,
        "systems": run.systems,
        "tolerances": dict(tolerances),
        "facts": run.facts,
        "counts": {metric: list(count.model_dump().values()) for metric, count in run.counts.items()},
        "trials": _packed([asdict(t) for t in run.trials], [c for c in asdict(Trial()) if _used(run.trials, c)]),
        "scores": {
            f"{m} {s}": _pack(run.scores[m, s], run.planned(s)) for m, s in run.subjects() if (m, s) in run.scores
        },
        "rows": _packed([row.model_dump() for row in run.rows.values()], _ROW),
        **({"band": list(run.band), "curves": _pack_curves(run)} if run.allowed else {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, _text(document) + "\n")


def read_golden(path: Path) -> Measured:
    """A golden file; one of version 1 has neither trials nor scores.

    Raises:
        BenchmarkError: no such file, or none of `write_golden`.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        if "golden" not in stored:
            return _of_version_1(stored, path)
        if stored["golden"] != VERSION:
            raise ValueError(f"golden version {stored['golden']}, expected at most {VERSION}")
        trials = tuple(_trial(cells) for cells in _unpacked(stored["trials"]))
        rows = [TableRow(**cells) for cells in _unpacked(stored["rows"])]
        bare = Measured(
            name=str(path),
            command=stored["command"],
            tasks=stored["tasks"],
            corpora=tuple(stored["corpora"]),
            systems=tuple(stored["systems"]),
            trials=trials,
            scores={},
            rows=rows_by_key(rows, str(path)),
            counts={m: Count(**dict(zip(_COUNT, cells, strict=True))) for m, cells in stored["counts"].items()},
            facts=stored["facts"],
            tolerances=stored["tolerances"],
            curves=_unpack_curves(stored.get("curves", {}), "values"),
            allowed=_unpack_curves(stored.get("curves", {}), "allowed"),
            band=tuple(stored.get("band", ())),
        )
        scores = {
            (metric, system): _unpack(stored["scores"][f"{metric} {system}"], (metric, system), bare.planned(system))
            for metric, system in bare.subjects()
            if f"{metric} {system}" in stored["scores"]
        }
        return replace(bare, scores=scores)
    except FileNotFoundError:
        raise BenchmarkError(f"No golden file at {path}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchmarkError(
            f"{path} is neither a run folder nor a golden file: {type(error).__name__}: {error}. "
            f"`compare --write {path} RUN` makes one."
        ) from None


def _of_version_1(stored: Mapping[str, Any], path: Path) -> Measured:
    """Until 877d915 a golden file held a command, a tolerance of every metric, and the rows of the table."""
    rows = [TableRow(**{"low": None, "high": None, **cells}) for cells in stored["rows"]]
    if not rows:
        raise ValueError("no rows")
    return Measured(
        name=str(path),
        command=stored["command"],
        tasks={task: list(dict.fromkeys(r.metric for r in rows if r.task == task)) for task in {r.task for r in rows}},
        corpora=tuple(dict.fromkeys(r.corpus for r in rows)),
        systems=tuple(dict.fromkeys(r.system for r in rows)),
        trials=(),
        scores={},
        rows=rows_by_key(rows, str(path)),
        counts={},
        tolerances=stored["tolerances"],
    )


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _used(trials: Sequence[Trial], column: str) -> bool:
    return any(getattr(t, column) != getattr(Trial(), column) for t in trials)


def _trial(cells: Mapping[str, Any]) -> Trial:
    voices = tuple(cells.get("natural_target_voice", ()))
    return Trial(**{**cells, "natural_target_voice": voices})


def _pack(scores: Mapping[str, Score], trials: Sequence[Trial]) -> dict[str, Any]:
    """Values (and weights and rows where there are any) in the order of `trials`, errors by trial."""
    ordered = [scores.get(t.trial) for t in trials]
    weights, rows = ([getattr(s, name) if s else None for s in ordered] for name in ("weight", "rows"))
    return {
        "values": [s.value if s else None for s in ordered],
        **({"weights": weights} if any(w is not None for w in weights) else {}),
        **({"rows": rows} if any(r is not None for r in rows) else {}),
        "errors": {s.trial: s.error for s in ordered if s and s.error is not None},
    }


def _unpack(stored: Mapping[str, Any], subject: Subject, trials: Sequence[Trial]) -> dict[str, Score]:
    metric, system = subject
    weights, counts = (stored.get(name, [None] * len(trials)) for name in ("weights", "rows"))
    found = {}
    for trial, value, weight, rows in zip(trials, stored["values"], weights, counts, strict=True):
        error = stored["errors"].get(trial.trial)
        if value is not None or error is not None:
            found[trial.trial] = Score(system, trial.trial, metric, value, error, weight, rows)
    return found


def _pack_curves(run: Measured) -> dict[str, Any]:
    """Of every term the steps, the values and what is allowed."""
    return {
        f"{network} {term}": {
            "steps": list(bounds),
            "values": [run.curves[network][term][step] for step in bounds],
            "allowed": list(bounds.values()),
        }
        for network, terms in run.allowed.items()
        for term, bounds in terms.items()
    }


def _unpack_curves(stored: Mapping[str, Any], column: str) -> Curves:
    found: dict[str, dict[str, dict[int, float]]] = {}
    for name, columns in stored.items():
        network, _, term = name.partition(" ")
        found.setdefault(network, {})[term] = dict(zip(columns["steps"], columns[column], strict=True))
    return found


def _packed(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> dict[str, Any]:
    return {"columns": list(columns), "rows": [[row[c] for c in columns] for row in rows]}


def _unpacked(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def _text(value: Any, depth: int = 0) -> str:
    """JSON with one line for every innermost list or dictionary: small, and a diff in git names the row."""
    inner = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list | tuple) else []
    row = depth >= 3 or not any(isinstance(v, dict | list | tuple) for v in inner)
    if not inner or (row and (depth > 1 or not isinstance(value, dict))):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    keys = [f"{json.dumps(k, ensure_ascii=False)}: " for k in value] if isinstance(value, dict) else [""] * len(inner)
    lines = [f"{' ' * (depth + 1)}{key}{_text(v, depth + 1)}" for key, v in zip(keys, inner, strict=True)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([opening, ",\n".join(lines), f"{' ' * depth}{closing}"])
