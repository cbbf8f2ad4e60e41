"""Which of two faces belongs to a voice: a held-out matcher in the place of the raters of CAE's table 2.

`mapping@pocket`: the output and another output of the same system, made of another person's voice for a target of the
same gender. `mapping@pocket:pairs`: both faces and both voices, the right assignment against the wrong one. What each
key means stands in docs/protocols.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from protocols.contest import Question
from protocols.distractors import distractors
from protocols.embedded import strangers
from protocols.fitting import Fitting, chosen, of_two_faces
from protocols.media_scores import is_sound
from protocols.trial import Trial


def of_two_pairs(vectors: np.ndarray) -> float:
    """(own face, other face, own voice, other voice) (4, J, E) -> `chosen` of the sums of the two assignments."""
    own, other, voice, other_voice = vectors.astype(np.float64)

    def fit(face: np.ndarray, heard: np.ndarray) -> np.ndarray:
        by_judge: np.ndarray = (face * heard).sum(axis=1)
        return by_judge

    return chosen(fit(own, voice) + fit(other, other_voice), fit(own, other_voice) + fit(other, voice))


class Mapped(Fitting):
    """`keys`: mapping@pocket and mapping@pocket:pairs."""

    def questions(self, rows: Sequence[Trial]) -> Iterator[Question]:
        for row, other in _pairs(rows):
            lacks = "" if other.output else f"{other.trial}, whose output it is to be told apart from, has none."
            for metric in self.metrics:
                if metric.endswith(":pairs"):
                    files = (row.output, other.output, row.reference, other.reference)
                    yield Question(metric, row, files, of_two_pairs, lacks)
                else:
                    yield Question(metric, row, (row.output, other.output, row.reference), of_two_faces, lacks)

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        """What the matcher does not know; rows that meet nobody."""
        said = strangers(self.metrics, trials)
        met = sum(len(_pairs(rows)) for rows in self.together(trials))
        if met < len(trials):
            said.append(
                f"{', '.join(self.metrics)}: {len(trials) - met} of {len(trials)} rows have no value: a row needs a "
                "recording as its reference, target_id and target_gender, and a row of somebody else of that gender."
            )
        return said


def _pairs(rows: Sequence[Trial]) -> list[tuple[Trial, Trial]]:
    """(row, distractor) in the order of the rows, within the target's gender."""
    groups: dict[int, list[Trial]] = defaultdict(list)
    for row in rows:
        if is_sound(row.reference) and row.target_id and row.target_gender is not None:
            groups[row.target_gender].append(row)
    found = {trial: other for own in groups.values() for trial, other in distractors(own).items()}
    return [(row, found[row.trial]) for row in rows if row.trial in found]
