"""Rows on stdout: one JSON document or an aligned table."""

from __future__ import annotations

import json
from typing import Any

Rows = list[dict[str, Any]]


def show(rows: Rows, as_json: bool) -> None:
    """Print rows; the columns of the table are the keys of the first one."""
    if as_json:
        print(json.dumps(rows, indent=2))
    elif rows:
        heads = list(rows[0])
        cells = [[_cell(row.get(h)) for h in heads] for row in rows]
        widths = [max(len(h), *(len(line[i]) for line in cells)) for i, h in enumerate(heads)]
        for line in [heads, ["-" * w for w in widths], *cells]:
            print("  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in value.items())
    return "-" if value is None else str(value)
