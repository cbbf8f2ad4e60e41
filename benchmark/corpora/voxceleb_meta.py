"""vox1_meta.csv: who VoxCeleb1's people are, and by which names VGGFace has their pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from benchmark.errors import BenchmarkError

Part = Literal["train", "validation", "test"]
INITIALS: Mapping[Part, str] = {"validation": "AB", "test": "CDE", "train": "FGHIJKLMNOPQRSTUVWXYZ"}
"""Of names. F to Z train in cmu-mlsp/reconstructing_faces_from_voices@469e249:config.py; that A and B are for
validation and C to E for test fits the counts that others give (924, 112, 189)."""
_COLUMNS = ("VoxCeleb1 ID", "VGGFace1 ID", "Gender", "Nationality", "Set")
_GENDERS = {"f": 0, "m": 1}


@dataclass(frozen=True)
class Person:
    """A row of the table. `id`: of VoxCeleb1. `name`: of VGGFace, blanks as "_". `gender`: 0 = female, 1 = male."""

    id: str
    name: str
    gender: int
    nationality: str

    @property
    def part(self) -> Part:
        """Of the split by initial."""
        return next(part for part, initials in INITIALS.items() if self.name[0].upper() in initials)


def read_meta(path: Path) -> list[Person]:
    """The people of a vox1_meta.csv (tab-separated UTF-8), in its order.

    Raises:
        BenchmarkError: no such file, other columns, not UTF-8; with the line: a cell missing or empty, another gender
            than f or m, a person twice, a name that no folder can have or that begins with no letter from A to Z.
    """
    if not path.is_file():
        raise BenchmarkError(
            f"There is no {path}. Put VoxCeleb1's vox1_meta.csv there: it says whose face goes with which voice."
        )
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter="\t"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BenchmarkError(f"{path} is no table of UTF-8 text ({error}).") from error
    if not rows or tuple(cell.strip() for cell in rows[0]) != _COLUMNS:
        raise BenchmarkError(
            f"{path}: its first line is {rows[0] if rows else 'not there'}; expected the tab-separated columns "
            f"{', '.join(_COLUMNS)}, as in VoxCeleb1's vox1_meta.csv (VoxCeleb2's table is another)."
        )
    people: list[Person] = []
    taken: set[str] = set()
    for number, row in enumerate(rows[1:], start=2):
        cells = [cell.strip() for cell in row]
        if any(cells):
            person = _person(cells, f"{path}, line {number}")
            if {person.id, person.name} & taken:
                raise BenchmarkError(f"{path}, line {number}: {person.id}, {person.name} stands in an earlier line.")
            taken |= {person.id, person.name}
            people.append(person)
    return people


def _person(cells: list[str], where: str) -> Person:
    if len(cells) != len(_COLUMNS) or not all(cells):
        raise BenchmarkError(f"{where}: {cells}; expected a value in each of {', '.join(_COLUMNS)}.")
    id_, name, gender, nationality, _ = cells
    if gender.lower() not in _GENDERS:
        raise BenchmarkError(f"{where}: gender {gender!r}; expected f or m.")
    if not "A" <= name[0].upper() <= "Z" or PurePosixPath(name).name != name:
        raise BenchmarkError(f"{where}: name {name!r}; expected the name of a folder, beginning with a letter A to Z.")
    return Person(id_, name, _GENDERS[gender.lower()], nationality)
