"""Splits: pure functions of record ids, speakers, genders and a seed; the order of files on disk plays no part.

Every choice ranks names by a hash of (seed, name), so that a recording that is added or lost moves no other one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.corpora.manifest import Record
from benchmark.errors import BenchmarkError, unknown

SEEN_SHARE = 0.1
_SEEN_AT_LEAST = 3

HeldOut = int | float | Sequence[str]
"""A number of speakers, a share of them in (0, 1), or their names."""


@dataclass(frozen=True)
class Assignment:
    """`records` in the order given, their splits set; `held_out`: the "unseen" speakers; `notes`: what was not met."""

    records: list[Record]
    held_out: tuple[str, ...]
    notes: list[str]


def assign(records: Sequence[Record], held_out: HeldOut, seed: int) -> Assignment:
    """Set the split of every record.

    Held-out speakers' recordings are "unseen". Of every other speaker a tenth is "seen" (but three where three are
    no more than a third: a trial needs a reference, a ground truth and a recording to compare with), the rest "train";
    records with a voice, with a picture and with both are counted apart, so that all kinds are on both sides.

    A number or share that passes half of the speakers is cut to a third of them, at least one, and the cut is noted;
    in so small a corpus those with the fewest recordings go, to leave the more for training, but of the speakers
    with several recordings a third too, because one with a single recording cannot be the target of a trial. Names are
    taken as they are. 0 holds nobody out.

    Raises:
        BenchmarkError: one speaker and somebody to hold out; a name that no record has; nobody left to train on; a
            negative number or a share outside (0, 1); two records of one id; a speaker of two genders.
    """
    ids = {r.id for r in records}
    if len(ids) < len(records):
        raise BenchmarkError(f"{len(records)} records share {len(ids)} ids; every record needs its own.")
    genders: dict[str, int | None] = {}
    for record in records:
        if genders.setdefault(record.speaker, record.gender) != record.gender:
            raise BenchmarkError(f"Speaker {record.speaker!r} has two genders; mend the corpus's speaker table.")
    sizes = Counter(r.speaker for r in records)
    unseen, notes = _hold_out(genders, sizes, held_out, seed)
    seen = _seen(records, unseen, seed)
    return Assignment(
        [replace(r, split="unseen" if r.speaker in unseen else "seen" if r.id in seen else "train") for r in records],
        tuple(sorted(unseen)),
        notes,
    )


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _hold_out(
    genders: Mapping[str, int | None], sizes: Mapping[str, int], held_out: HeldOut, seed: int
) -> tuple[set[str], list[str]]:
    if not isinstance(held_out, int | float):
        names = {held_out} if isinstance(held_out, str) else set(held_out)
        for name in sorted(names - set(genders)):
            raise unknown("speaker to hold out", name, genders)
        if names and names == set(genders):
            raise BenchmarkError(f"Cannot hold out all {len(names)} speakers: nobody would be left to train on.")
        return names, []
    wanted = _count(held_out, len(genders))
    if wanted == 0:
        return set(), []
    if len(genders) < 2:
        raise BenchmarkError(
            f"Cannot hold out {wanted} of the speakers: that takes at least 2 speakers, got {len(genders)} speaker"
            f"{'' if len(genders) == 1 else 's'}. Add speakers, or set held_out to 0."
        )
    order = sorted(genders, key=lambda name: _rank(seed, name))
    if 2 * wanted <= len(genders):
        return _balanced(genders, order, wanted), []
    order.sort(key=lambda name: sizes[name])
    several, single = [n for n in order if sizes[n] > 1], [n for n in order if sizes[n] == 1]
    targets = max(len(several) // 3, int(len(several) > 1))
    rest = max(1, len(genders) // 3) - targets
    chosen = _balanced(genders, several, targets) | _balanced(genders, single, rest)
    cut = f"Held-out speakers: {wanted} wanted, {len(chosen)} taken of the {len(genders)} there are"
    return chosen, [f"{cut} ({', '.join(sorted(chosen))})."]


def _count(held_out: int | float, speakers: int) -> int:
    if isinstance(held_out, float):
        if not 0.0 < held_out < 1.0:
            raise BenchmarkError(f"held_out as a share lies between 0 and 1, got {held_out}.")
        return max(1, round(held_out * speakers))
    if held_out < 0:
        raise BenchmarkError(f"held_out is a number of speakers, got {held_out}.")
    return held_out


def _balanced(genders: Mapping[str, int | None], order: Sequence[str], count: int) -> set[str]:
    """First in order, first taken, in turns between the genders; the last of a gender only when nobody else is left."""
    waiting: dict[int | None, list[str]] = {}
    for name in reversed(order):
        waiting.setdefault(genders[name], []).append(name)
    taken: Counter[int | None] = Counter()
    chosen: set[str] = set()
    while len(chosen) < count:
        group = min(
            (g for g in waiting if waiting[g]),
            key=lambda g: (len(waiting[g]) == 1, taken[g], -len(waiting[g]), order.index(waiting[g][-1])),
        )
        chosen.add(waiting[group].pop())
        taken[group] += 1
    return chosen


def _seen(records: Sequence[Record], unseen: set[str], seed: int) -> set[str]:
    groups: dict[tuple[str, bool, bool], list[str]] = {}
    for record in records:
        if record.speaker not in unseen:
            kind = (record.speaker, record.audio is None, record.image is None)
            groups.setdefault(kind, []).append(record.id)
    seen: set[str] = set()
    for ids in groups.values():
        count = max(round(SEEN_SHARE * len(ids)), min(_SEEN_AT_LEAST, len(ids) // 3))
        seen.update(sorted(ids, key=lambda i: _rank(seed, i))[:count])
    return seen
