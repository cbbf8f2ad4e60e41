"""What other verbs leave beside a run: tables of `styles` in its folder, tables of `reproduce` in one of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError

_VALUES = ("dataset", "corpus", "guidance", "model", "paper_metric", "metric", "split")
_CLAIMS = ("dataset", "corpus", "split", "metric", "guidance", "claim")


@dataclass(frozen=True)
class Table:
    """rows: cells as text, the first of each is its name."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Reproduced:
    """One table of a paper, or all of them. commands: what makes the runs that are missing, each with its time. total:
    what all of them take. how: where the times come from, said once."""

    title: str
    tables: tuple[Table, ...]
    commands: tuple[tuple[str, str], ...]
    total: str
    how: str = ""


def style_tables(folder: Path) -> list[Table]:
    """Of every `styles-<system>.json` in a run folder: how often a style's nearest of the other kind is its own."""
    read = [(path, _read(path)) for path in sorted(folder.glob("styles-*.json"))]
    title = "Nearest styles of the other modality"
    return [_table(f"{title}, {path.stem.removeprefix('styles-')}", lines) for path, lines in read if lines]


def read_reproduced(folder: Path) -> list[Reproduced]:
    """The tables that `reproduce --out FOLDER` wrote; first, where --all wrote them, what is said of all together.

    Raises:
        BenchmarkError: there are none.
    """
    found: list[Reproduced] = []
    for path in sorted(folder.glob("*.json")):
        made = _read(path)
        if isinstance(made, dict) and {"summary", "tables", "commands", "time"} <= made.keys():
            summary = _table("What there is of each", made["summary"])
            found.insert(0, _reproduced(f"Both papers · profile {made['profile']}", (summary,), made))
        if not isinstance(made, dict) or not {"table", "title", "profile", "rows", "claims", "commands"} <= made.keys():
            continue
        title = f"{made['title']} · profile {made['profile']}"
        tables = [_table("Ours beside the paper's", [_value(row) for row in made["rows"]])]
        tables += [_table("Does the order agree?", [_claim(c) for c in made["claims"]])] if made["claims"] else []
        found.append(_reproduced(title, tuple(tables), made))
    if not found:
        raise BenchmarkError(f"No tables in {folder}: expected the .json files of `reproduce TABLE --out {folder}`.")
    return found


def _reproduced(title: str, tables: tuple[Table, ...], made: Mapping[str, Any]) -> Reproduced:
    commands = tuple((c["command"], c.get("estimate", "")) for c in made["commands"])
    total = made["time"]["estimate"] if commands and "time" in made else ""
    return Reproduced(title, tables, commands, total, made.get("how", "") if commands else "")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path}: not readable ({error}). Remove it, or write it again.") from None


def _table(title: str, lines: Sequence[Mapping[str, Any]]) -> Table:
    columns = tuple(lines[0])
    return Table(title, columns, tuple(tuple(_text(line.get(name)) for name in columns) for line in lines))


def _value(row: Mapping[str, Any]) -> dict[str, Any]:
    spread = "" if row["sd"] is None else f" ± {row['sd']:.3g}"
    ours = "—" if row["value"] is None else f"{row['value']:.4g}{spread} ({row['seeds']} seeds)"
    return {
        **{name: row[name] for name in _VALUES},
        "paper": "LOST" if row.get("lost") else row["paper_printed"],
        "ours": ours,
        "− paper": row["difference"],
        "the text's order: ours": "; ".join(row.get("orders", ())),
        "note": "; ".join(filter(None, (row["unlike"] and f"not to be compared: {row['unlike']}", row["note"]))),
    }


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    leans = f" → {claim['leans']}" if claim["leans"] else ""
    bounds = "" if claim["low"] is None else f" [{claim['low']:+.3g}, {claim['high']:+.3g}]"
    return {
        **{name: claim[name] for name in _CLAIMS},
        "ours": f"{claim['verdict']}{leans}",
        "gain [95 %]": "" if claim["gain"] is None else f"{claim['gain']:+.3g}{bounds}",
        "seeds": len(claim["seeds"]),
        "why": claim["why"],
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
