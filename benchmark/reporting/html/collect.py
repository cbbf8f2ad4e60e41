"""A run folder -> what its report shows; whatever a run that broke off has not written is left empty, and said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from PIL import Image
from pydantic import TypeAdapter, ValidationError

from benchmark.errors import BenchmarkError
from benchmark.reporting import tables
from benchmark.reporting.schema import DifferenceRow, RunRecord, TableRow
from benchmark.reporting.store import RunFolder, read_scores
from benchmark.tasks import TASKS
from protocols.trial import Score, Trial, read_trials

_CAPTIONS = {
    "grid": "Sources down the left side, references (or the people who are heard) along the top.",
    "trials": "Trials of the frozen list side by side.",
    "styles": "Styles of people held out, by t-SNE; a colour a person, discs for faces, triangles for voices.",
    "retrieval": "Whom outputs are most like: the nearest faces by the embedded judge.",
}
"""Pictures that the suite draws, by their name up to a `-`; others may have a PNG text `Description`."""


@dataclass(frozen=True)
class Training:
    """The losses of one network: term -> (step, value) pairs. source: where they were read."""

    name: str
    source: str
    terms: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Picture:
    """A picture of the whole run, drawn by whoever filled the folder. sheet: of trials, which a report shows itself."""

    path: Path
    caption: str
    sheet: bool


@dataclass(frozen=True)
class Run:
    """A run folder as read. root: of the paths of `rows`, which name system and output. lacks: what is not there."""

    folder: Path
    root: Path
    record: RunRecord
    trials: Sequence[Trial]
    rows: Sequence[Trial]
    scores: Sequence[Score]
    table: Sequence[TableRow]
    differences: Sequence[DifferenceRow]
    caption: Sequence[str]
    trainings: Sequence[Training]
    pictures: Sequence[Picture]
    lacks: Sequence[str]

    @property
    def failed(self) -> list[Score]:
        return [score for score in self.scores if score.error is not None]


def read_run(folder: Path) -> Run:
    """Read a run folder, finished or not; nothing in it is changed.

    Raises:
        BenchmarkError: not a run folder, or its files do not belong together.
    """
    files = RunFolder(folder)
    record, lacks = files.read(), []
    trials = read_trials(files.trials) if files.trials.is_file() else []
    if not trials:
        lacks.append("The run had not drawn its trials yet: there are no tables, no sound and no pictures.")
    scores = read_scores(files.scores) if files.scores.is_file() else []
    if trials and not scores:
        lacks.append("Nothing was scored yet: there are no tables and no distributions.")
    outputs = folder / "outputs.csv"
    rows = read_trials(outputs) if outputs.is_file() else [t for t in trials if t.output]
    if trials and not rows:
        lacks.append("The list names no outputs: no sound and no pictures of trials are shown.")
    table, differences = _tables(folder, record, trials, scores)
    return Run(
        folder=folder,
        root=Path(record.given.root) if record.given else folder,
        record=record,
        trials=trials,
        rows=rows,
        scores=scores,
        table=table,
        differences=differences,
        caption=tables.caption(record, trials).splitlines() if trials else record.notes,
        trainings=[*_trained_here(folder), *_shipped(record)],
        pictures=_pictures(folder, record),
        lacks=lacks,
    )


def _tables(
    folder: Path, record: RunRecord, trials: Sequence[Trial], scores: Sequence[Score]
) -> tuple[list[TableRow], list[DifferenceRow]]:
    """Those that the run wrote; of one that broke off before, what its scores give so far."""
    rows, differences = folder / "table.json", folder / "differences.json"
    if record.status == "finished" and rows.is_file() and differences.is_file():
        try:
            return tables.read_rows(rows), TypeAdapter(list[DifferenceRow]).validate_json(differences.read_bytes())
        except ValidationError as error:
            raise BenchmarkError(f"{differences} is no list of differences: {error}") from None
    if not trials or not scores:
        return [], []
    return tables.table_rows(record, trials, scores), tables.difference_rows(record, trials, scores)


def _trained_here(folder: Path) -> list[Training]:
    logs = sorted(folder.glob("systems/**/train.jsonl"))
    return [
        Training(log.parent.name, str(log.relative_to(folder)), terms)
        for log in logs
        if (terms := _terms(_whole_lines(log)))
    ]


def _shipped(record: RunRecord) -> list[Training]:
    """The training records of the networks that the suite shipped for this run, found by the hash of their weights."""
    used = {facts.checkpoint_sha256 for facts in record.facts.values() if facts.network == "shipped"}
    found = []
    for file in resources.files("benchmark.weights").joinpath("pocket").iterdir() if used else ():
        if file.name.endswith(".json") and (shipped := json.loads(file.read_text(encoding="utf-8")))["sha256"] in used:
            found.append(Training(shipped["name"], f"the record shipped as {file.name}", _terms(shipped["curve"])))
    return sorted(found, key=lambda training: training.name)


def _whole_lines(log: Path) -> list[dict[str, float]]:
    """Without a last line that a full disk or a kill cut short."""
    lines = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def _terms(lines: Sequence[Mapping[str, float]]) -> dict[str, list[tuple[float, float]]]:
    """`phase/term` keys alone: learning rates, gradient norms and speeds are in the log."""
    names = dict.fromkeys(key for line in lines for key in line if "/" in key)
    losses = [name for name in names if "/lr/" not in name and "/grad_norm/" not in name]
    return {name: [(line["step"], line[name]) for line in lines if name in line] for name in losses}


def _pictures(folder: Path, record: RunRecord) -> list[Picture]:
    faces = record.task in TASKS and TASKS[record.task].source == "face"
    sheet = "trials" if faces else "grid"
    return [
        Picture(path, _CAPTIONS["trials"] if path.stem == sheet else _said(path), path.stem == sheet)
        for path in sorted(folder.glob("*.png"))
    ]


def _said(path: Path) -> str:
    """What is known of a picture, else what is written in it, else its name."""
    if (known := path.stem.partition("-")[0]) in _CAPTIONS:
        return f"{_CAPTIONS[known]} {path.stem.removeprefix(known).lstrip('-')}".strip()
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            return str(picture.info.get("Description") or path.stem.replace("_", " "))
    except (OSError, SyntaxError):  # the report says so where the picture would stand
        return path.stem.replace("_", " ")
