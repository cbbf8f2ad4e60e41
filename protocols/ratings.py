"""What raters answered: ratings.csv (columns rater, item, answer; more are passed over) against a study's key."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import BenchmarkError
from protocols.questionnaire import SIDES, Item

COLUMNS = ("rater", "item", "answer")


@dataclass(frozen=True)
class Rating:
    """One answer of one rater; `value` is 1 where it names the right face, else 0."""

    rater: str
    item: Item
    answer: str

    @property
    def value(self) -> float:
        return float(self.answer == self.item.answer)


def read_ratings(path: Path, items: Sequence[Item]) -> list[Rating]:
    """The answers of a file, or of all .csv files of a folder; lines without an answer are questions skipped.

    Raises:
        BenchmarkError: no such file, no answer at all, a missing column, an item of another study or of none, an
            answer that is neither left nor right, an answer without rater, a rater who answers an item twice (with
            the places of both).
    """
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise BenchmarkError(f"No ratings at {path}: expected a ratings.csv, or a folder of them.")
    by_name = {item.item: item for item in items}
    seen: dict[tuple[str, str], str] = {}
    ratings = []
    for file in files:
        for where, row in _lines(file):
            rater, item, answer = (row[c].strip() for c in COLUMNS)
            if item not in by_name:
                raise _unknown_item(where, item, items[0].study)
            if not answer:
                continue
            if answer not in SIDES:
                raise BenchmarkError(
                    f"{where}: answer {answer!r}; expected left, right, or nothing for a skipped item."
                )
            if not rater:
                raise BenchmarkError(f"{where}: an answer without a rater. Give every person a code of their own.")
            if (rater, item) in seen:
                raise BenchmarkError(
                    f"Rater {rater!r} answers item {item} twice: {seen[rater, item]} and {where}. If these are two "
                    f"people, give them codes of their own; else keep one of the lines."
                )
            seen[rater, item] = where
            ratings.append(Rating(rater, by_name[item], answer))
    if not ratings:
        raise BenchmarkError(f"{path} holds no answer: every line is empty in the column answer.")
    return ratings


def agreement(ratings: Sequence[Rating]) -> dict[str, float | None]:
    """Rater -> share of their answers that the majority of the other raters gives to the same item.

    Items whose other raters are undecided, or are none, do not count; None where no item counts.
    """
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for rating in ratings:
        votes[rating.item.item][rating.answer] += 1
    hits: dict[str, list[bool]] = {rating.rater: [] for rating in ratings}
    for rating in ratings:
        others = votes[rating.item.item] - Counter([rating.answer])
        if others[SIDES[0]] != others[SIDES[1]]:
            hits[rating.rater].append(others[rating.answer] == max(others.values()))
    return {rater: sum(found) / len(found) if found else None for rater, found in hits.items()}


def _lines(file: Path) -> list[tuple[str, Mapping[str, str]]]:
    """(place, row) of every line; a byte-order mark and any line ends are read."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text, restval="")
            missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise BenchmarkError(
                    f"{file}: column {' and '.join(missing)} missing; got {reader.fieldnames}. The columns are "
                    f"{', '.join(COLUMNS)}, separated by commas."
                )
            return [(f"{file}:{reader.line_num}", row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BenchmarkError(f"{file}: not a CSV file in UTF-8 ({error}). Save it as such.") from None


def _unknown_item(where: str, item: str, study: str) -> BenchmarkError:
    other = item.rpartition("-")[0]
    if other and other != study:
        return BenchmarkError(f"{where}: item {item!r} is of study {other}, the key of study {study}. Use its own key.")
    return BenchmarkError(f"{where}: item {item!r} is not in the key; items are named {study}-<number>.")
