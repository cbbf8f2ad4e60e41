"""A trial and a score: the two rows that runs, protocols and third parties exchange (DESIGN.md section 8).

A trial list is a CSV. Paths are relative to the `--root` it is scored under; `;` joins several. The
first eleven columns are the exchange format; the rest stand in lists that we make.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import IO

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError

_GENDERS = {"f": 0, "0": 0, "female": 0, "m": 1, "1": 1, "male": 1}


@dataclass(frozen=True)
class Trial:
    """One row. `output` and `system` are empty in a frozen list and filled per system in `outputs.csv`.

    `other_target_voice`: an utterance of the target that no metric compares with (ground_truth emits it).
    `other_voice`: a recording of another identity of the target's gender (random_reference emits it).
    `content`: what metrics of the words judge in place of `output`: the ground truth of the voice is another recording
    of the target, the ground truth of the words is the source (DESIGN.md section 6a).
    """

    output: str = ""
    system: str = ""
    task: str = ""
    source: str = ""
    reference: str = ""
    natural_target_voice: tuple[str, ...] = ()
    source_id: str = ""
    source_gender: int | None = None
    target_id: str = ""
    target_gender: int | None = None
    transcript: str = ""
    trial: str = ""
    draw: int = 0
    split: str = ""
    other_target_voice: str = ""
    other_voice: str = ""
    content: str = ""

    @property
    def corpus(self) -> str:
        """The corpus a row of our own lists was drawn from: names are `<corpus>-<split>-<number>`."""
        return self.trial.rsplit("-", 2)[0]

    @property
    def pairing(self) -> str:
        """The gender pairing: "same" or "cross", empty where a gender is not known."""
        if self.source_gender is None or self.target_gender is None:
            return ""
        return "same" if self.source_gender == self.target_gender else "cross"


@dataclass(frozen=True)
class Score:
    """One metric of one row: `value`, or `error` saying why there is none. Never both, never neither.

    `weight`: the share of the row in a mean, where rows do not count alike (words of the transcript for WER, so that
    the mean is the corpus's WER); None everywhere else.
    """

    system: str
    trial: str
    metric: str
    value: float | None = None
    error: str | None = None
    weight: float | None = None


COLUMNS = tuple(f.name for f in fields(Trial))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ";".join(value) if isinstance(value, tuple) else str(value)


def _write(file: IO[str], trials: Iterable[Trial]) -> None:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows([_cell(v) for v in astuple(t)] for t in trials)


def write_trials(path: Path, trials: Iterable[Trial]) -> None:
    with atomic(path, "w") as file:
        _write(file, trials)


def trials_sha256(trials: Sequence[Trial]) -> str:
    """Of the CSV bytes; a frozen list has one hash wherever it is written."""
    import io

    text = io.StringIO()
    _write(text, trials)
    return hashlib.sha256(text.getvalue().encode()).hexdigest()


def read_trials(path: Path) -> list[Trial]:
    """Rows of a trial list, ours or a third party's; absent optional columns take their defaults.

    Raises:
        BenchmarkError: no such file, no `task` or `source` column, a gender that is none of F/M/0/1.
    """
    if not path.is_file():
        raise BenchmarkError(f"No trial list at {path}.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = {"task", "source"} - set(reader.fieldnames or ())
        if missing:
            raise BenchmarkError(f"{path}: column {' and '.join(sorted(missing))} missing; got {reader.fieldnames}.")
        return [_trial(row, f"{path}:{i}") for i, row in enumerate(reader, start=2)]


def _trial(row: dict[str, str], where: str) -> Trial:
    values: dict[str, object] = {c: row[c] for c in COLUMNS if row.get(c)}
    for column in ("source_gender", "target_gender"):
        if column in values:
            text = str(values[column]).strip().lower()
            if text not in _GENDERS:
                raise BenchmarkError(f"{where}: {column} is {values[column]!r}; expected F, M, 0 or 1.")
            values[column] = _GENDERS[text]
    if "natural_target_voice" in values:
        values["natural_target_voice"] = tuple(str(values["natural_target_voice"]).split(";"))
    if "draw" in values:
        values["draw"] = int(str(values["draw"]))
    return Trial(**values)  # type: ignore[arg-type]
