"""speakers.csv: the genders of a corpus that labels none, told by its user."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmark.corpora.folder_tree import GENDERS
from benchmark.corpora.reading import some
from benchmark.errors import BenchmarkError

NAME = "speakers.csv"


def read_genders(path: Path) -> dict[str, int]:
    """Speaker -> gender (0 = female, 1 = male) of a table with the columns speaker and gender; {} where there is none.

    Raises:
        BenchmarkError: other columns, a gender that is none, one speaker with two; no CSV of UTF-8 text.
    """
    genders: dict[str, int] = {}
    if path.is_file():
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                for row in csv.DictReader(file):
                    speaker, gender = str(row.get("speaker") or "").strip(), _gender(row)
                    if gender is None or not speaker:
                        raise BenchmarkError(f"{path}: expected columns speaker and gender (F or M), got {row}.")
                    if genders.setdefault(speaker, gender) != gender:
                        raise BenchmarkError(f"{path}: {speaker} stands there as F and as M.")
        except (UnicodeDecodeError, csv.Error) as error:
            raise BenchmarkError(f"{path} is no CSV of UTF-8 text ({error}). Save it as such.") from error
    return genders


def _gender(row: Mapping[str, str | None]) -> int | None:
    return GENDERS.get(str(row.get("gender")).strip().lower())


def named_genders(root: Path, table: str) -> dict[str, int]:
    """As `read_genders`, of a table named by an option: below `root`, or anywhere by an absolute path.

    Raises:
        BenchmarkError: as `read_genders`; there is no table of a name that the user chose.
    """
    if table != NAME and not (root / table).is_file():
        raise BenchmarkError(f"There is no table of genders {root / table}: a CSV with the columns speaker and gender.")
    return read_genders(root / table)


def gender_notes(speakers: Iterable[str], genders: Mapping[str, int], table: str) -> list[str]:
    """Whom `genders` lacks, and how to mend it; without the folder of the table, since results repeat notes."""
    lacking = [name for name in speakers if name not in genders]
    if not lacking:
        return []
    return [
        f"Gender not known of {some(lacking)}, who take no part in trials: the corpus labels none. Name it in "
        f"{Path(table).name} (columns speaker, gender: F or M)."
    ]
