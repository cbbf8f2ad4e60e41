"""The records one column may draw from, sorted so that every draw is integer arithmetic and a gather.

Records lie sorted by gender, then speaker, so that "this gender" and "this speaker" are both contiguous. A draw
first chooses a *position* (a speaker of the group), then records of that speaker. Draws are integers throughout:
no weight is ever rounded, so that no excluded speaker slips in at an edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from benchmark.training.records import Records

Balance = Literal["gender", "speaker"] | None


class Group:
    """Records eligible for one column.

    Attributes:
        records: (M,) numbers of the records, sorted.
        bounds: (P + 1,) records of position p are records[bounds[p]:bounds[p + 1]].
        code, gender: (P,) of the speaker at each position.
        position: (S,) speaker code -> position, -1 where the speaker is not in the group.
        segment: gender -> (first position, last position + 1).
    """

    def __init__(self, records: Records, eligible: np.ndarray) -> None:
        numbers = np.flatnonzero(eligible)
        order = np.lexsort((numbers, records.speaker[numbers], records.gender[numbers]))
        self.records = numbers[order]
        speaker = records.speaker[self.records]
        heads = np.flatnonzero(np.diff(speaker, prepend=-1))
        self.bounds = np.append(heads, len(speaker))
        self.code = speaker[heads]
        self.gender = records.gender[self.records[heads]]
        self.position = np.full(records.speakers, -1, np.int64)
        self.position[self.code] = np.arange(len(self.code))
        self.segment = {
            int(g): (int(np.argmax(self.gender == g)), int((self.gender <= g).sum())) for g in np.unique(self.gender)
        }

    def __len__(self) -> int:
        """Number of speakers."""
        return len(self.code)

    def distinct(self, rng: np.random.Generator, size: int, balance: Balance) -> np.ndarray:
        """(size,) positions, none twice: drawn one after the other without replacement, each with a chance in
        proportion to its records (None), to its share of its gender's records ("gender"), or equal ("speaker")."""
        weight = np.ones(len(self)) if balance == "speaker" else np.diff(self.bounds).astype(np.float64)
        if balance == "gender":
            for low, high in self.segment.values():
                weight[low:high] /= weight[low:high].sum()
        # The smallest of independent exponentials of these rates are such a sample (Efraimidis and Spirakis 2006).
        chosen = np.argsort(rng.exponential(size=len(self)) / weight, kind="stable")[:size]
        return rng.permutation(chosen)

    def free(
        self,
        rng: np.random.Generator,
        size: int,
        balance: Balance,
        gender: np.ndarray | None,
        other: np.ndarray | None,
    ) -> np.ndarray:
        """(size,) positions, repeats allowed. `gender` (size,) and `other` (size,), a speaker code that a row must
        not have, restrict each row."""
        if gender is None and balance == "gender":
            gender = rng.choice(np.array(list(self.segment)), size)
        low, high = np.zeros(size, np.int64), np.full(size, len(self))
        if gender is not None:
            for value, (first, last) in self.segment.items():
                low[gender == value], high[gender == value] = first, last
        units = np.arange(len(self) + 1) if balance == "speaker" else self.bounds
        hole, width = units[high], np.zeros(size, np.int64)
        if other is not None:
            at = self.position[other]
            inside = (at >= low) & (at < high)
            hole = np.where(inside, units[at], hole)
            width = np.where(inside, units[at + 1] - units[at], width)
        unit = units[low] + rng.integers(0, units[high] - units[low] - width)
        unit += np.where(unit >= hole, width, 0)
        positions: np.ndarray = np.searchsorted(units, unit, "right") - 1
        return positions

    def choose(self, rng: np.random.Generator, positions: np.ndarray, count: int) -> np.ndarray:
        """(B, count) record numbers of the speakers at `positions`; no record twice in a row of a speaker who has
        `count` of them, and independent draws of one who has fewer (Floyd's algorithm, all rows at once)."""
        first, size = self.bounds[positions], np.diff(self.bounds)[positions]
        chosen = np.full((len(positions), count), -1, np.int64)
        for i in range(count):
            last = size - count + i
            pick = rng.integers(0, np.where(size >= count, last + 1, size))
            seen = (chosen == pick[:, None]).any(axis=1) & (size >= count)
            chosen[:, i] = np.where(seen, last, pick)
        numbers: np.ndarray = self.records[first[:, None] + chosen]
        return numbers

    def partners(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """(size,) record number -> that of its partner of the same gender, a permutation; -1 for other records."""
        partner = np.full(size, -1, np.int64)
        for first, last in self.segment.values():
            own = self.records[self.bounds[first] : self.bounds[last]]
            partner[own] = rng.permutation(own)
        return partner


def eligible(
    records: Records,
    modality: Literal["face", "audio"],
    pool: Literal["any", "paired", "faces", "voices"],
    offsets: Sequence[np.ndarray],
) -> np.ndarray:
    """(R,) bool: training records of the modality, in the pool, with at least a row of every feature.

    "paired": the speaker has training records of both modalities; "faces" and "voices": of that modality alone.
    """
    has = {m: np.zeros(records.speakers, bool) for m in records.present}
    for m, present in records.present.items():
        has[m][records.speaker[records.training & present]] = True
    of_pool = {
        "any": has["face"] | has["audio"],
        "paired": has["face"] & has["audio"],
        "faces": has["face"] & ~has["audio"],
        "voices": has["audio"] & ~has["face"],
    }
    fits = records.training & records.present[modality] & of_pool[pool][records.speaker]
    for rows in offsets:
        fits &= np.diff(rows) > 0
    return np.asarray(fits)
