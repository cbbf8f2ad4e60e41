"""`grid.png` of a task of faces: a few sources meet a few references, every one with every one, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.reporting.grid import Panel, write_panels
from benchmark.runner.translate import output_path
from protocols.trial import Trial

SOURCES, REFERENCES, LATENTS = 5, 5, 8
_PEOPLE = ("women", "men")


def crossed(trials: Sequence[Trial]) -> list[Trial]:
    """The pairs to translate besides a list, source by source, named `<direction>-<source>-<reference>`.

    They are people of the list's first corpus and last split (held-out speakers where there are any), of repeat 0.
    Without references a source meets its own first latents.
    """
    corpus, found = trials[0].corpus, []
    split = max(trial.split for trial in trials if trial.corpus == corpus)  # "unseen" comes after "seen"
    for gender in (1, 0):
        rows = [t for t in trials if (t.corpus, t.split, t.target_gender, t.repeat) == (corpus, split, gender, 0)]
        sources = _distinct(rows, lambda t: t.source_id)[:SOURCES]
        references = _distinct(rows, lambda t: t.target_id or str(t.draw))
        references = references[: REFERENCES if rows and rows[0].reference else LATENTS]
        for i, source in enumerate(sources):
            for j, other in enumerate(references):
                name = f"to_{_PEOPLE[gender]}-{i}-{j}"
                pair = replace(source, reference=other.reference, target_id=other.target_id, draw=other.draw)
                found.append(replace(pair, trial=name))
    return found


def _distinct(rows: Sequence[Trial], key: Callable[[Trial], str]) -> list[Trial]:
    """The first row of every value of `key`."""
    first: dict[str, Trial] = {}
    for row in rows:
        first.setdefault(key(row), row)
    return list(first.values())


def write_grid(root: Path, system: str, shown: str, pairs: Sequence[Trial]) -> None:
    """Draw `grid.png` of a run folder from the outputs of `crossed`.

    Args:
        root: the run folder.
        system: name that the pairs were translated under.
        shown: name to print.
        pairs: what `crossed` gave.
    """
    panels = []
    for gender in dict.fromkeys(trial.target_gender for trial in pairs):
        here = [trial for trial in pairs if trial.target_gender == gender]
        how = "in the style of" if here[0].reference else "in styles drawn for"
        lines = [[t for t in here if t.source == source] for source in dict.fromkeys(t.source for t in here)]
        panels.append(
            Panel(
                title=f"{shown}: {_PEOPLE[1 - (gender or 0)]} {how} {_PEOPLE[gender or 0]} ({here[0].split})",
                left=[(line[0].source_id, root / line[0].source) for line in lines],
                top=[(t.target_id or f"draw {t.draw}", root / t.reference if t.reference else None) for t in lines[0]],
                cells=[[root / output_path(system, trial) for trial in line] for line in lines],
            )
        )
    write_panels(root / "grid.png", panels)
