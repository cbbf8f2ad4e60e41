"""A trial and a score: the two rows that runs, protocols and third parties exchange (DESIGN.md section 8).

A trial list is a CSV. Paths are relative to the `--root` it is scored under; `;` joins several. The first
eleven columns are the exchange format (`source_id` and `target_id` name speakers, not recordings: intervals
are clustered by them); the rest stand in lists that we make.
"""

from __future__ import annotations

import csv
import hashlib
import io
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path, PureWindowsPath
from typing import IO

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError

_GENDERS = {"f": 0, "0": 0, "0.0": 0, "female": 0, "m": 1, "1": 1, "1.0": 1, "male": 1}
"""pandas writes 0.0 and 1.0 where a column has an empty cell."""
_PATHS = (
    "output",
    "source",
    "reference",
    "natural_target_voice",
    "other_target_voice",
    "other_voice",
    "content",
    "other_target_face",
    "other_face",
)
_NUMBERS = ("draw", "repeat")
_SEVERAL = "natural_target_voice"
_LONGEST_NAME = 255
_SEPARATORS = {";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True)
class Trial:
    """One row. `output` and `system` are empty in a frozen list and filled per system in `outputs.csv`.

    `other_target_voice`: an utterance of the target that no metric compares with (ground_truth emits it).
    `other_voice`: a recording of another identity of the target's gender (random_reference emits it).
    `content`: what metrics of the words and their intonation judge in place of `output`: the ground truth of the voice
    is another recording of the target, that of the words is the source (DESIGN.md section 6a).
    `other_target_face`, `other_face`: the same two for pictures; where a corpus has no other picture of the target, the
    first is the reference itself.
    `draw`: which of the outputs of one source this is, in tasks that give several (ten in the papers' image tasks).
    `repeat`: which repetition of the whole draw this is (`--n-seeds`).
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
    other_target_face: str = ""
    other_face: str = ""
    repeat: int = 0

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

    `rows`: set where the value is not of this row but of a whole set of so many outputs (FID). The score stands under
    the first row of the set that has an output; the other rows of the set have none.
    """

    system: str
    trial: str
    metric: str
    value: float | None = None
    error: str | None = None
    weight: float | None = None
    rows: int | None = None


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
    text = io.StringIO()
    _write(text, trials)
    return hashlib.sha256(text.getvalue().encode()).hexdigest()


@dataclass(frozen=True)
class TrialFile:
    """A trial list on disk. rows: line of the file -> row. ignored: columns that the format does not have."""

    rows: Mapping[int, Trial]
    ignored: tuple[str, ...]


def read_trials(path: Path) -> list[Trial]:
    """Rows of a frozen list, one of ours.

    Raises:
        BenchmarkError: as `read_trial_file`, which needs `task` and `source` here.
    """
    return list(read_trial_file(path, ("task", "source")).rows.values())


def read_trial_file(path: Path, required: Sequence[str]) -> TrialFile:
    """A trial list, ours or a third party's; absent optional columns take their defaults. Blanks round cells, a byte
    order mark and lines without any content are no matter; paths come out with `/` and without `.` and `..`.

    Paths are judged by how they are written: a link inside the root may lead anywhere, as its owner wished.

    Raises:
        BenchmarkError: no such file, not a CSV in UTF-8, no rows, a `required` column that is missing, a line with more
            or fewer cells than the header, a gender that is none of F/M/0/1, a path that leaves the root or
            that no file can have. Messages name line and column.
    """
    records = _records(path)
    try:
        _, header = next(records)
    except StopIteration:
        raise BenchmarkError(f"{path} is empty; expected a CSV with a header line.") from None
    missing, twice = [c for c in required if c not in header], {c for c in header if header.count(c) > 1}
    if missing:
        raise BenchmarkError(
            f"{path}: column {' and '.join(missing)} missing; its header line has {', '.join(header)}. "
            f"The columns of a trial list: {', '.join(COLUMNS)}.{_separator(header)}"
        )
    if twice:
        raise BenchmarkError(f"{path}: column {' and '.join(sorted(twice))} stands twice in the header.")
    rows = {}
    for line, cells in records:
        if len(cells) != len(header):
            raise BenchmarkError(
                f"{path}:{line} has {len(cells)} cells, the header {len(header)}. A cell with a comma needs quotes."
            )
        rows[line] = _trial(dict(zip(header, cells, strict=True)), f"{path}:{line}")
    if not rows:
        raise BenchmarkError(f"{path} has a header and no rows.")
    return TrialFile(rows, tuple(c for c in header if c not in COLUMNS))


def _separator(header: Sequence[str]) -> str:
    """What to do about a list whose cells no comma parts, as spreadsheets of many countries write it."""
    found = next((name for sign, name in _SEPARATORS.items() if len(header) == 1 and sign in header[0]), None)
    return f" Its cells are parted by {found}: save it as CSV with commas." if found else ""


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line it begins at, cells without blanks round them) of every record with any content."""
    if not path.is_file():
        raise BenchmarkError(f"{path} is a folder, no trial list." if path.is_dir() else f"No trial list at {path}.")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BenchmarkError(f"{path}:{line} is not UTF-8. Save the list as CSV UTF-8.") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BenchmarkError(f"{path}:{line} has a NUL byte: the list is damaged, or no CSV.")
    # Strict, because a quote that is never closed would otherwise swallow all rows after it.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise BenchmarkError(f"{path}:{line} is no CSV: {error}.") from None
        if any(cells):
            yield line, cells


def _trial(row: Mapping[str, str], where: str) -> Trial:
    values: dict[str, object] = {c: row[c] for c in COLUMNS if row.get(c)}
    for column in ("source_gender", "target_gender"):
        if column in values:
            text = str(values[column]).lower()
            if text not in _GENDERS:
                raise BenchmarkError(f"{where}: {column} is {values[column]!r}; expected F, M, 0 or 1.")
            values[column] = _GENDERS[text]
    for column in _PATHS:
        if column in values:
            several = [part.strip() for part in row[column].split(";")] if column == _SEVERAL else [row[column]]
            inside = tuple(_inside(path, f"{where}: {column}") for path in several if path)
            values[column] = inside if column == _SEVERAL else inside[0]
    for column in _NUMBERS:
        if column in values:
            if not row[column].isdecimal():
                raise BenchmarkError(f"{where}: {column} is {row[column]!r}; expected a whole number.")
            values[column] = int(row[column])
    return Trial(**values)  # type: ignore[arg-type]


def _inside(text: str, where: str) -> str:
    """A relative path in its shortest form.

    Raises:
        BenchmarkError: absolute (here or on Windows), one that climbs out of the folder it starts from, or one with a
            part of more than 255 bytes, which no file system takes.
    """
    path = posixpath.normpath(text.replace("\\", "/"))
    windows = PureWindowsPath(text)
    if path.startswith("/") or windows.drive or windows.root or path.split("/")[0] == "..":
        raise BenchmarkError(f"{where} is {text!r}, outside the root. Paths are relative to --root and stay in it.")
    if max(len(part.encode()) for part in path.split("/")) > _LONGEST_NAME:
        raise BenchmarkError(f"{where} is {text[:60]!r}..., too long for a file's name. Are two columns swapped?")
    return path
