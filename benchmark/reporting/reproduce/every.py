"""All tables of both papers at once: a summary, every table, and each missing run named once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.reporting.layout import Block, to_markdown
from benchmark.reporting.reproduce import page
from benchmark.reporting.reproduce.lines import Reproduction, commands_of, time_of_all

NAME = "papers"
"""Of the files of all tables, beside those of each."""
WITHOUT_RESULTS = (
    "Tables without results: XFaVoT 1 (losses by source of the style) and 6 to 9 (layers), CAE 1 (layers)."
)
_VERDICTS = ("agrees", "disagrees", "undecided", "no run")


def as_markdown(found: Sequence[Reproduction]) -> str:
    return to_markdown(_blocks(found), _caption(found))


def as_json(found: Sequence[Reproduction]) -> dict[str, Any]:
    """One document: the summary, every table as by itself, and the commands of all."""
    commands = commands_of(found)
    return {
        "profile": found[0].profile,
        "summary": list(_summary(found)),
        "tables": [page.as_json(one) for one in found],
        "commands": page.command_records(commands),
        "time": page.time_record(time_of_all(commands)),
        "how": found[0].how,
        "without_results": WITHOUT_RESULTS,
    }


def write(folder: Path, found: Sequence[Reproduction]) -> None:
    """The files of every table, and `papers.md`, `.tex`, `.csv` and `.json` of all, each atomically.

    Raises:
        BenchmarkError: the folder cannot be written.
    """
    for one in found:
        page.write(folder, one)
    rows = [{"table": one.table.name, **row} for one in found for row in page.records(one)]
    page.write_files(folder, NAME, rows, _blocks(found), _caption(found), as_json(found))


def _caption(found: Sequence[Reproduction]) -> str:
    return f"{WITHOUT_RESULTS}\n{page.caption(found)}"


def _blocks(found: Sequence[Reproduction]) -> list[Block]:
    summary = list(_summary(found))
    rows = tuple(tuple(str(value) for value in line.values()) for line in summary)
    title = f"The tables of both papers · profile {found[0].profile}"
    about = (
        "Values: of the table, on seen and on unseen people. Orders: what text or numbers claim, on seen and on unseen "
        "people."
    )
    return [Block(title, tuple(summary[0]), rows, f"\n{about}"), *(b for one in found for b in page.blocks(one))]


def _summary(found: Sequence[Reproduction]) -> Iterator[dict[str, Any]]:
    """A line a table: its values, those that are LOST, those we have, verdicts on its orders, runs missing."""
    for one in found:
        said = Counter[str](judged.verdict.status for judged in one.judged)
        yield {
            "table": one.table.name,
            "values": len(one.lines),
            "LOST": sum(not line.cell.value for line in one.lines),
            "ours": sum(line.mean is not None for line in one.lines),
            "orders": len(one.judged),
            **{verdict: said[verdict] for verdict in _VERDICTS},
            "runs missing": len(one.needed),
        }
