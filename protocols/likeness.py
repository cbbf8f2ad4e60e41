"""Whose face an output looks like, against everybody else it could look like, by the embedded judge of faces.

`cos_*@pocket:centred` and `retrieval_top<k>@pocket`; the raw cosines are among `protocols.pictures`. What each key
means stands in docs/protocols.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.upstream.face_judge.load import WEIGHTS
from protocols.chance import chances, sought, top
from protocols.contest import Contest, Question
from protocols.embedded import is_embedded, strangers
from protocols.gallery import Gallery, centred, compared_picture, cosines, rank
from protocols.looking import Looking, Seen
from protocols.media_scores import is_picture
from protocols.trial import Trial

_JUDGE = "pocket"


class Likeness(Contest):
    """`keys`: of `benchmark.registry.PROTOCOLS`, as cos_target@pocket:centred."""

    weights = (WEIGHTS,)

    def __init__(self, *keys: str) -> None:
        super().__init__(*keys)
        self._looking = Looking()

    def questions(self, rows: Sequence[Trial]) -> Iterator[Question]:
        gallery = Gallery.of(rows)
        for row in rows:
            for metric in self.metrics:
                k = top(metric)
                question = _centred(metric, row, gallery) if k is None else _retrieval(metric, k, row, gallery)
                if question is not None:
                    yield question

    def embed(self, paths: Collection[Path]) -> Mapping[Path, np.ndarray | BenchmarkError]:
        return {path: _identity(seen) for path, seen in self._looking({p: {_JUDGE} for p in paths}).items()}

    def fits(self, trials: Sequence[Trial]) -> bool:
        """Whether the embedded judge knows such pictures."""
        return is_embedded(trials)

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        """What the judge does not know; how many are searched for among how many, and what chance gives."""
        said = strangers(self.metrics, trials)
        for rows in self.together(trials):
            said += chances(self.metrics, rows, Gallery.of(rows).genders)
        planned = {(system, name) for (system, _), names in self.planned(trials).items() for name in names}
        bare = sum((t.system, t.trial) not in planned for t in trials)
        if bare:
            said.append(
                f"{', '.join(self.metrics)}: {bare} of {len(trials)} rows have no value: a row needs other_target_face "
                "and target_id; for centred cosines genders, what it is compared with (source and source_id; "
                "other_face), and somebody else of that gender among the targets."
            )
        return list(dict.fromkeys(said))


def _identity(seen: Seen | BenchmarkError) -> np.ndarray | BenchmarkError:
    if isinstance(seen, BenchmarkError):
        return seen
    assert seen.face is not None
    return seen.face.identity


def _centred(metric: str, row: Trial, gallery: Gallery) -> Question | None:
    """What is taken off is of third people, neither source nor target, of the gender of the person compared with."""
    family = metric.partition("@")[0]
    gender = row.source_gender if family == "cos_input" else row.target_gender
    known = row.target_id and (row.source_id or family != "cos_input")
    others = gallery.of_gender(gender, (row.source_id, row.target_id)) if known and gender is not None else ()
    picture = compared_picture(family, row)
    if not is_picture(picture) or not others:
        return None
    return Question(metric, row, (row.output, picture, *others), _less_others)


def _less_others(vectors: np.ndarray) -> float:
    found = cosines(vectors[0], vectors[1:])
    return centred(found[0], found[1:])


def _retrieval(metric: str, k: int, row: Trial, gallery: Gallery) -> Question | None:
    """Not defined where everybody would be among the first k."""
    person = sought(metric, row)
    if person not in gallery.pictures or len(gallery.pictures) <= k:
        return None
    files = (row.output, gallery.pictures[person], *gallery.others(person))
    return Question(metric, row, files, partial(_found, k=k))


def _found(vectors: np.ndarray, k: int) -> float:
    found = cosines(vectors[0], vectors[1:])
    return float(rank(found[0], found[1:]) <= k)
