"""Which of two faces goes with a voice: held-out matchers in the place of the raters of XFaVoT's figure 5 (CPR).

`cpr@any`: the wrong face is of anybody else. `cpr@same_gender`: of somebody of the target's gender. Which triplets are
asked stands in `protocols.triplets`, what each key means in docs/protocols.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.upstream.matcher.load import JUDGES
from protocols.contest import Question
from protocols.embedded import strangers
from protocols.fitting import Fitting, of_two_faces
from protocols.media_scores import is_picture, is_sound
from protocols.trial import Trial
from protocols.triplets import FACE_TASKS, triplets

_WHY = {
    "cpr@any": "a row needs a reference of the other modality, target_id, and a row of somebody else, who is not its "
    'source; where faces are made, of the same source, which has met voices of both genders (genders = "both" under '
    "[trials.audio_guided_translation] draws such a list)",
    "cpr@same_gender": "a row needs a reference of the other modality, target_id, target_gender, and a row of somebody "
    "else of that gender, who is not its source; where faces are made, of the same source",
}


class Cpr(Fitting):
    """`keys`: cpr@any and cpr@same_gender; a row's value is the share of the judges that choose its own face."""

    weights = JUDGES

    def questions(self, rows: Sequence[Trial]) -> Iterator[Question]:
        for metric in self.metrics:
            for row, other in _pairs(metric, rows):
                if row.task in FACE_TASKS:
                    lacks = "" if other.output else f"{other.trial}, whose output is the wrong face, has none."
                    yield Question(metric, row, (row.output, other.output, row.reference), of_two_faces, lacks)
                else:
                    yield Question(metric, row, (row.reference, other.reference, row.output), of_two_faces)

    def answers(self, row: Trial) -> bool:
        return not (is_sound if row.task in FACE_TASKS else is_picture)(row.output)

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        """What the matchers do not know; how many rows have no triplet, and of which sources."""
        said = [f"{', '.join(self.metrics)}: judged by {len(JUDGES)} trainings of a network, not by people."]
        said += strangers(self.metrics, trials)
        for metric in self.metrics:
            met = sum(len(_pairs(metric, rows)) for rows in self.together(trials))
            if met < len(trials):
                said.append(f"{metric}: {len(trials) - met} of {len(trials)} rows have no triplet: {_WHY[metric]}.")
        return said


def _pairs(metric: str, rows: Sequence[Trial]) -> list[tuple[Trial, Trial]]:
    found = triplets(rows, same_gender=metric == "cpr@same_gender")
    return [(row, found[row.trial]) for row in rows if row.trial in found]
