"""records.csv: a folder of recordings described by a table, row by row, in any layout."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from benchmark.corpora.folder_tree import GENDERS, Item
from benchmark.corpora.manifest import SPLITS
from benchmark.errors import BenchmarkError

NAME = "records.csv"
COLUMNS = ("audio", "image", "speaker", "gender", "split", "transcript", "id")
_GENDERS = {**GENDERS, "0": 0, "1": 1, "": None}


def read_table(path: Path) -> list[Item]:
    """The items of a records.csv, one a row, in the order of the rows; rows without any value are passed over.

    Columns (comma-separated, UTF-8, any order): `speaker`, and `audio` or `image` or both; if wanted `gender` (F, M,
    female, male, 0, 1, empty = not known), `split` (train, seen or unseen; in all rows or in none), `transcript`, `id`.
    Paths are relative to the table's folder and stay inside it.

    Raises:
        BenchmarkError: with the line: a column missing or not known, a row of another length, a value not allowed, a
            path that is absolute or leads out of the folder, one sound or id in two rows, not UTF-8, no row.
    """
    items: list[Item] = []
    lines: dict[str, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            names = [name.strip().lower() for name in next(reader, [])]
            _check_columns(path, names)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                where = f"{path}, line {reader.line_num}"
                if len(cells) != len(names):
                    raise BenchmarkError(f"{where}: {len(cells)} cells where the first line names {len(names)}.")
                item = _item(dict(zip(names, (cell.strip() for cell in cells), strict=True)), where)
                for key in (item.audio, item.name if "id" in names else None):
                    if key and lines.setdefault(key, reader.line_num) != reader.line_num:
                        raise BenchmarkError(f"{where}: {key} stands in line {lines[key]} already.")
                items.append(item)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BenchmarkError(f"{path} is no CSV of UTF-8 text ({error}). Save it as such.") from error
    if not items:
        raise BenchmarkError(f"{path} has no rows below its first line.")
    if len({item.split is None for item in items}) > 1:
        raise BenchmarkError(f"{path}: some rows name a split and some do not. Name it in all rows or in none.")
    return items


def _check_columns(path: Path, names: list[str]) -> None:
    strange = [name for name in names if name not in COLUMNS]
    if strange or len(set(names)) < len(names) or "speaker" not in names or not {"audio", "image"} & set(names):
        raise BenchmarkError(
            f"{path}: columns {', '.join(names) or '(none)'}. Expected speaker, and audio or image or both, and if "
            f"wanted {', '.join(COLUMNS[3:])}; each once, and no others."
        )


def _item(row: Mapping[str, str], where: str) -> Item:
    audio, image = (_inside(row.get(column, ""), f"{where}: {column}") for column in ("audio", "image"))
    main = audio or image
    if main is None:
        raise BenchmarkError(f"{where}: neither audio nor image.")
    if not row["speaker"]:
        raise BenchmarkError(f"{where}: no speaker.")
    gender, split = row.get("gender", "").lower(), row.get("split", "").lower()
    if gender not in _GENDERS:
        raise BenchmarkError(f"{where}: gender {row['gender']!r}; expected F, M, female, male, 0, 1, or nothing.")
    if split not in ("", *SPLITS):
        raise BenchmarkError(f"{where}: split {row['split']!r}; expected {', '.join(SPLITS)}, or nothing in all rows.")
    name = row.get("id") or str(PurePosixPath(main).with_suffix(""))
    return Item(
        name,
        row["speaker"],
        _GENDERS[gender],
        audio,
        image,
        " ".join(row.get("transcript", "").split()) or None,
        next((s for s in SPLITS if s == split), None),
    )


def _inside(text: str, where: str) -> str | None:
    """A path that stays below the root, as POSIX text; None for nothing."""
    if not text:
        return None
    path, other = PurePosixPath(text), PureWindowsPath(text)
    if path.is_absolute() or other.drive or other.root or ".." in path.parts or ".." in other.parts or "\0" in text:
        raise BenchmarkError(f"{where} {text!r} leads out of the folder. Paths are relative to it, without '..'.")
    if not path.name:
        raise BenchmarkError(f"{where} {text!r} names no file.")
    return str(path)
