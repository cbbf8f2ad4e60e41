"""What human raters are asked: a voice and two faces, one of them right (`cpr@human`, `mapping@human`).

`cpr`: the cross-modal preference of XFaVoT (papers.md 1.7): one source and two references of different people give two
outputs; the voice of one is shown with both faces. `mapping`: the matching test of CAE (papers.md 2.4): the voice, the
face generated from it and another generated face of the same gender; real recordings are two faces with both voices.
docs/human_ratings.md has what the papers say and what they leave open.
"""

from __future__ import annotations

import csv
import hashlib
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError
from protocols.distractors import distractors
from protocols.media_scores import is_picture, is_sound
from protocols.trial import Trial
from protocols.triplets import FACE_TASKS, VOICE_TASKS, triplets

Kind = Literal["cpr", "mapping"]
Side = Literal["left", "right"]

SIDES: tuple[Side, Side] = ("left", "right")
PAPER_ITEMS: dict[Kind, int] = {"cpr": 30, "mapping": 100}
"""Items a system and task: XFaVoT's 30 triplets, CAE's 100 rounds."""
REAL = "ground_truth"
"""The system whose faces and voices are recordings: the ceiling of both tests."""
_RULES = {
    "cpr": "a voice, its face and the face of another target; where faces are generated, both from one source",
    "mapping": "a voice, its face and the face of another target of the same known gender",
}


@dataclass(frozen=True)
class Item:
    """One question, with its solution: a line of key.csv. Paths are relative to the trial list's root.

    item: `<study>-<number>`. pair: the two trials compared; systems that share it were asked about the same two.
    answer: the side of the face that goes with `voice`. second_voice: that of the other face, for real recordings in
    `mapping`. target and other: the people of the right and of the wrong face.
    """

    item: str
    kind: Kind
    task: str
    system: str
    pair: str
    split: str
    target_id: str
    target_gender: int | None
    other_id: str
    other_gender: int | None
    answer: Side
    voice: str
    second_voice: str
    left: str
    right: str

    @property
    def study(self) -> str:
        return self.item.rsplit("-", 1)[0]

    @property
    def genders(self) -> str:
        """Whether the two faces are of people of one gender: "same" or "cross", empty where one is not known."""
        if self.target_gender is None or self.other_gender is None:
            return ""
        return "same" if self.target_gender == self.other_gender else "cross"

    @property
    def media(self) -> tuple[str, ...]:
        """The files shown: one or two voices, then the left and the right face."""
        return tuple(filter(None, (self.voice, self.second_voice, self.left, self.right)))


COLUMNS = tuple(f.name for f in fields(Item))


def askable(rows: Iterable[Trial], kind: Kind) -> list[Trial]:
    """The rows a question can be made of: cross-modal, with a face, a voice and a named target.

    `mapping` is about faces made from voices; of recordings every face with its voice will do.
    """
    return [
        row
        for row in rows
        if row.target_id
        and is_picture(_face(row))
        and is_sound(_voice(row))
        and (kind == "cpr" or row.task in FACE_TASKS or row.system == REAL)
    ]


def build(rows: Sequence[Trial], kind: Kind, count: int, seed: int) -> list[Item]:
    """The questions of a study, in random order; a pure function of its arguments.

    `count` questions for every system and task in `rows`. No trial is the right answer twice; the right face is on the
    left in half of a system's questions. Systems with the same trials are asked about the same pairs of them.

    Raises:
        BenchmarkError: count < 1; no row is askable; too few questions can be made for a system (with the numbers).
    """
    if count < 1:
        raise BenchmarkError(f"{count} items asked for; a questionnaire has at least 1 for every system.")
    groups: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for row in askable(rows, kind):
        groups[row.task, row.system].append(row)
    if not groups:
        tasks = ", ".join(f"{n} of {task or 'no task'}" for task, n in Counter(r.task for r in rows).items())
        raise BenchmarkError(
            f"No {kind} item can be made of {len(rows)} rows ({tasks or 'none'}). Needed are outputs of "
            f"{', '.join((*FACE_TASKS, *VOICE_TASKS))}{'' if kind == 'cpr' else f' (the last by {REAL} alone)'} with a "
            f"picture on one side, a recording on the other, and a target_id."
        )
    drawn = {key: _draw(group, kind, count, seed) for key, group in groups.items()}
    short = {key: items for key, items in drawn.items() if len(items) < count}
    if short:
        raise BenchmarkError(_shortage(short, groups, kind, count, min(map(len, drawn.values()))))
    items = [item for part in drawn.values() for item in part]
    study = hashlib.sha256(repr((kind, seed, [astuple(i) for i in items])).encode()).hexdigest()[:8]
    order = np.random.default_rng([seed, zlib.crc32(study.encode())]).permutation(len(items))
    return [replace(items[j], item=f"{study}-{number:03d}") for number, j in enumerate(order.tolist(), start=1)]


def _draw(group: Sequence[Trial], kind: Kind, count: int, seed: int) -> list[Item]:
    """Up to `count` items of one system and task, not yet named."""
    rows = sorted(group, key=_name)
    task, system = rows[0].task, rows[0].system
    # The pairs depend on the task alone, so that systems with the same trials are asked about the same ones.
    rng = np.random.default_rng([seed, zlib.crc32(f"{kind}/{task}".encode())])
    order = rng.permutation(len(rows)).tolist()
    pairs = _triplets(rows, order, count) if kind == "cpr" else _mappings(rows, order, count, rng)
    sides = np.random.default_rng([seed, zlib.crc32(f"{kind}/{task}/{system}".encode())])
    answers = sides.permutation([SIDES[n % 2] for n in range(len(pairs))]).tolist()
    return [_item(a, b, kind, answer) for (a, b), answer in zip(pairs, answers, strict=True)]


def _triplets(rows: Sequence[Trial], order: Sequence[int], count: int) -> list[tuple[Trial, Trial]]:
    """Those of `cpr@any`; where every source has met voices of one gender, of `cpr@same_gender`. Recordings whose list
    has no common sources are told apart from anybody's."""
    groups: dict[tuple[object, ...], list[Trial]] = defaultdict(list)
    for row in rows:
        groups[row.split, row.split and row.corpus, row.repeat].append(replace(row, trial=_name(row)))
    found: dict[str, Trial] = {}
    for own in groups.values():
        real = distractors(own, never_source=True) if rows[0].system == REAL else {}
        found |= triplets(own, same_gender=False) or triplets(own, same_gender=True) or real
    return [(rows[i], found[name]) for i in order if (name := _name(rows[i])) in found][:count]


def _mappings(
    rows: Sequence[Trial], order: Sequence[int], count: int, rng: np.random.Generator
) -> list[tuple[Trial, Trial]]:
    """Every row with another one, those that were seldom another one first."""
    used: Counter[int] = Counter()
    pairs: list[tuple[Trial, Trial]] = []
    for i in order:
        if len(pairs) == count:
            break
        others = [j for j in range(len(rows)) if _comparable(rows[i], rows[j])]
        if others:
            fewest = min(used[j] for j in others)
            other = int(rng.choice([j for j in others if used[j] == fewest]))
            used[other] += 1
            pairs.append((rows[i], rows[other]))
    return pairs


def _item(row: Trial, other: Trial, kind: Kind, answer: Side) -> Item:
    faces = (_face(row), _face(other)) if answer == "left" else (_face(other), _face(row))
    return Item(
        item="",
        kind=kind,
        task=row.task,
        system=row.system,
        pair=f"{_name(row)} | {_name(other)}",
        split=row.split,
        target_id=row.target_id,
        target_gender=row.target_gender,
        other_id=other.target_id,
        other_gender=other.target_gender,
        answer=answer,
        voice=_voice(row),
        second_voice=_voice(other) if kind == "mapping" and row.system == REAL else "",
        left=faces[0],
        right=faces[1],
    )


def _comparable(row: Trial, other: Trial) -> bool:
    """Whether the two faces make a question of `mapping`; both come from one corpus and split where the list knows
    them."""
    if row.target_id == other.target_id or row.split != other.split or (row.split and row.corpus != other.corpus):
        return False
    return row.system == REAL or (row.target_gender is not None and row.target_gender == other.target_gender)


def _shortage(
    short: dict[tuple[str, str], list[Item]],
    groups: dict[tuple[str, str], list[Trial]],
    kind: Kind,
    count: int,
    most: int,
) -> str:
    lines = [
        f"{system or 'unnamed system'}, {task}: {len(items)} of {count} from {len(groups[task, system])} rows "
        f"({len({r.target_id for r in groups[task, system]})} targets)"
        for (task, system), items in short.items()
    ]
    mend = f"Ask for --items {most}, fewer --systems, or" if most else "Name other --systems, or"
    return f"Too few {kind} items: {'; '.join(lines)}. An item is {_RULES[kind]}. {mend} bring a longer list."


def _face(row: Trial) -> str:
    return row.output if row.task in FACE_TASKS else row.reference if row.task in VOICE_TASKS else ""


def _voice(row: Trial) -> str:
    return row.reference if row.task in FACE_TASKS else row.output if row.task in VOICE_TASKS else ""


def _name(row: Trial) -> str:
    """The trial's name, the same for every system; lists of third parties have its files instead."""
    return row.trial or f"{row.source or row.source_id} + {row.reference}"


def write_key(path: Path, items: Iterable[Item]) -> None:
    with atomic(path, "w") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(["" if v is None else v for v in astuple(item)] for item in items)


def read_key(path: Path) -> list[Item]:
    """The items of a key.csv.

    Raises:
        BenchmarkError: no such file, other columns, no item, a broken line, items of more than one study.
    """
    if not path.is_file():
        raise BenchmarkError(f"No key at {path}. `python -m benchmark questionnaire` writes key.csv beside its form.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise BenchmarkError(f"{path} is no key of a questionnaire: expected the columns {', '.join(COLUMNS)}.")
            items = [_read(row, f"{path}:{line}") for line, row in enumerate(reader, start=2)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BenchmarkError(f"{path}: not a CSV file in UTF-8 ({error}). Use the key as it was written.") from None
    studies = sorted({item.study for item in items})
    if len(studies) != 1:
        raise BenchmarkError(f"{path} holds items of {len(studies)} studies ({', '.join(studies)}); expected one.")
    if len({item.item for item in items}) < len(items):
        raise BenchmarkError(f"{path} has an item twice. Use the key as the questionnaire wrote it.")
    return items


def _read(row: dict[str, str], where: str) -> Item:
    genders = {"": None, "0": 0, "1": 1}
    whole = set(row) == set(COLUMNS) and None not in row.values()
    known = whole and row["target_gender"] in genders and row["other_gender"] in genders
    if not known or row["answer"] not in SIDES or row["kind"] not in PAPER_ITEMS:
        raise BenchmarkError(f"{where} is no item of a questionnaire. Use the key as the questionnaire wrote it.")
    values: dict[str, object] = {**row}
    values |= {name: genders[row[name]] for name in ("target_gender", "other_gender")}
    return Item(**values)  # type: ignore[arg-type]
