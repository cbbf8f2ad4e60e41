"""`grid.png` of a task of faces: a few sources meet a few references, every one with every one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.reporting.grid import Panel, write_panels
from benchmark.runner.translate import output_path
from benchmark.tasks import TASKS
from protocols.media_scores import is_sound
from protocols.trial import Trial

SOURCES, REFERENCES, LATENTS = 5, 5, 8
PROPOSALS, VOICES = 3, 4
"""Of each gender, in a task of pairs."""
_PEOPLE, _MARK = ("women", "men"), ("F", "M")


def crossed(trials: Sequence[Trial]) -> list[Trial]:
    """The pairs to translate besides a list, source by source, named `<panel>-<source>-<reference>`.

    They are people of the list's first corpus and last split (held-out speakers where there are any), of repeat 0; a
    panel is a direction. Without references a source meets its own first latents. In a task of pairs a panel is a
    split, with people of both genders: a line is one proposal with many voices, a column one voice with many proposals
    (CAE, Figure 3).
    """
    corpus = trials[0].corpus
    if TASKS[trials[0].task].pairs:
        return _mixed([trial for trial in trials if trial.corpus == corpus])
    found = []
    split = max(trial.split for trial in trials if trial.corpus == corpus)  # "unseen" comes after "seen"
    for gender in (1, 0):
        rows = [t for t in trials if (t.corpus, t.split, t.target_gender, t.repeat) == (corpus, split, gender, 0)]
        sources = _distinct(rows, lambda t: t.source_id)[:SOURCES]
        references = _distinct(rows, lambda t: t.target_id or str(t.draw))
        references = references[: REFERENCES if rows and rows[0].reference else LATENTS]
        found += _every(f"to_{_PEOPLE[gender]}", sources, references)
    return found


def _mixed(trials: Sequence[Trial]) -> list[Trial]:
    """Of each split: proposals of both genders, and voices of both, of other people while there are others."""
    found = []
    for split in dict.fromkeys(trial.split for trial in trials):
        here = [trial for trial in trials if trial.split == split]
        women_men = [[t for t in here if t.target_gender == gender] for gender in (0, 1)]
        voices = [t for own in women_men for t in _distinct(own, lambda t: t.target_id)[:VOICES]]
        heard = {t.target_id for t in voices}
        proposals = []
        for gender in (0, 1):
            own = _distinct([t for t in here if t.source_gender == gender], lambda t: t.source_id)
            proposals += sorted(own, key=lambda t: t.source_id in heard)[:PROPOSALS]
        found += _every(split, proposals, voices)
    return found


def _every(panel: str, sources: Sequence[Trial], references: Sequence[Trial]) -> list[Trial]:
    """Every source with every reference."""
    return [
        replace(
            source,
            trial=f"{panel}-{i}-{j}",
            reference=other.reference,
            target_id=other.target_id,
            target_gender=other.target_gender,
            draw=other.draw,
            other_target_face=other.other_target_face,
        )
        for i, source in enumerate(sources)
        for j, other in enumerate(references)
    ]


def _distinct(rows: Sequence[Trial], key: Callable[[Trial], str]) -> list[Trial]:
    """The first row of every value of `key`."""
    first: dict[str, Trial] = {}
    for row in rows:
        first.setdefault(key(row), row)
    return list(first.values())


def write_grid(root: Path, system: str, shown: str, pairs: Sequence[Trial]) -> None:
    """Draw `grid.png` of a run folder from the outputs of `crossed`. Above a column stands the reference, or the face
    of the person who is heard.

    Args:
        root: the run folder.
        system: name that the pairs were translated under.
        shown: name to print.
        pairs: what `crossed` gave.
    """
    panels = []
    for panel in dict.fromkeys(map(_panel, pairs)):
        here = [trial for trial in pairs if _panel(trial) == panel]
        lines = [[t for t in here if t.source == source] for source in dict.fromkeys(t.source for t in here)]
        panels.append(
            Panel(
                title=f"{shown}: {_title(here[0])} ({here[0].split})",
                left=[(_name(line[0].source_id, line[0].source_gender), root / line[0].source) for line in lines],
                top=[(_above(t), root / picture if (picture := _shown(t)) else None) for t in lines[0]],
                cells=[[root / output_path(system, trial) for trial in line] for line in lines],
            )
        )
    write_panels(root / "grid.png", panels)


def _panel(pair: Trial) -> str:
    return pair.trial.rsplit("-", 2)[0]


def _title(pair: Trial) -> str:
    if TASKS[pair.task].pairs:
        return "proposals (left) given the voices of people whose real faces stand above"
    people = _PEOPLE[pair.target_gender or 0]
    how = "in the style of" if pair.reference else "in styles drawn for"
    how = (
        f"given the voices of {people} whose real faces stand above" if is_sound(pair.reference) else f"{how} {people}"
    )
    return f"{_PEOPLE[1 - (pair.target_gender or 0)]} {how}"


def _shown(pair: Trial) -> str:
    """The picture above a column."""
    return pair.other_target_face if is_sound(pair.reference) else pair.reference


def _above(pair: Trial) -> str:
    return _name(pair.target_id, pair.target_gender) if pair.target_id else f"draw {pair.draw}"


def _name(person: str, gender: int | None) -> str:
    return person if gender is None else f"{person} {_MARK[gender]}"
