"""Whose face an output looks like: which pictures it is compared with, and the maths on their embeddings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.errors import BenchmarkError
from protocols.media_scores import is_picture, is_sound
from protocols.trial import Trial

LIKENESS = ("cos_target", "cos_input", "cos_random")
"""Families of metrics of an output and a picture: the target's, the source, somebody else's of the target's gender."""


def compared_picture(family: str, row: Trial) -> str:
    """The picture that a family of `LIKENESS` compares the output with; "" where the row has none."""
    if family == "cos_target":
        return row.other_target_face if is_sound(row.reference) else row.reference
    return {"cos_input": row.source, "cos_random": row.other_face}.get(family, "")


@dataclass(frozen=True)
class Gallery:
    """One picture of every person who is a target, in the order of the people's first trials.

    pictures: person -> the `other_target_face` of the person's first trial by name, so that the order of rows is no
    matter. genders: person -> 0, 1, or None where the list does not say.
    """

    pictures: Mapping[str, str]
    genders: Mapping[str, int | None]

    @classmethod
    def of(cls, rows: Iterable[Trial]) -> Gallery:
        """Of the rows of one corpus, split and repeat; rows without `target_id` or picture add nothing."""
        pictures: dict[str, str] = {}
        genders: dict[str, int | None] = {}
        for row in sorted(rows, key=lambda row: row.trial):
            if row.target_id and row.target_id not in pictures and is_picture(row.other_target_face):
                pictures[row.target_id], genders[row.target_id] = row.other_target_face, row.target_gender
        return cls(pictures, genders)

    def others(self, person: str) -> tuple[str, ...]:
        """The pictures of everybody but this person."""
        return tuple(picture for name, picture in self.pictures.items() if name != person)

    def of_gender(self, gender: int, but: Collection[str]) -> tuple[str, ...]:
        """The pictures of everybody of that gender but a few."""
        return tuple(p for name, p in self.pictures.items() if self.genders[name] == gender and name not in but)


def cosines(output: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """(d,) and (n, d) of any lengths -> (n,) float64; equal rows give equal values, bit for bit.

    Raises:
        BenchmarkError: an embedding is 0 or not finite, and has no direction.
    """
    rows = np.concatenate([output[None], pictures]).astype(np.float64)
    lengths = np.sqrt((rows * rows).sum(1))
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise BenchmarkError("The judge's embedding of a picture is 0 or not finite: there is no cosine.")
    rows /= lengths[:, None]
    found: np.ndarray = (rows[1:] * rows[0]).sum(1)
    return found


def centred(cosine: float, others: np.ndarray) -> float:
    """A cosine less the mean cosine (n,) of the same output with other people of the same gender, n > 0."""
    return float(cosine - others.mean())


def rank(target: float, others: np.ndarray) -> int:
    """1 + how many of the others (n,) score at least as much: a tie counts against the target."""
    return 1 + int((others >= target).sum())
