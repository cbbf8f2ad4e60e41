"""Whose other face or voice stands beside an output in a forced choice of XFaVoT (papers.md 1.7, CPR).

One source and two references of different people give two outputs. Where faces are made, both are shown with one of the
voices; where voices are made, one of them is played with both pictures, and the other is never heard: any row has
a picture that can stand beside its own. A triplet is decided by the list alone, so that people
(`protocols.questionnaire`) and networks (`protocols.cpr`) are asked the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from protocols.distractors import distractors
from protocols.media_scores import is_picture, is_sound
from protocols.trial import Trial

FACE_TASKS = ("audio_guided_translation", "face_from_voice")
"""Tasks whose output is the face; the reference is its voice."""
VOICE_TASKS = ("image_guided_vc",)
"""Tasks whose output is the voice; the reference is its face."""


def triplets(rows: Sequence[Trial], same_gender: bool) -> dict[str, Trial]:
    """Trial -> the row whose face is the wrong one, of another person than the row's target and source.

    Args:
        rows: of one task, corpus, split and repeat, in any order.
        same_gender: whether the two people are of one gender. If not, a source of faces takes part unless all voices
            that it has met are of one gender, because every triplet of them would be of one gender after all.
    """
    found: dict[str, Trial] = {}
    for group in _groups(rows, same_gender):
        one_gender = {row.target_gender for row in group} in ({0}, {1})
        if same_gender or not one_gender or group[0].task in VOICE_TASKS:
            found |= distractors(group, never_source=True)
    return found


def crosses(row: Trial) -> bool:
    """Whether a face is made like a voice, or a voice like a face, of somebody who has a name."""
    kind = {FACE_TASKS: is_sound, VOICE_TASKS: is_picture}
    return bool(row.target_id) and any(row.task in tasks and fits(row.reference) for tasks, fits in kind.items())


def _groups(rows: Sequence[Trial], same_gender: bool) -> Iterator[list[Trial]]:
    """Rows whose references can stand beside each other."""
    found: dict[tuple[object, ...], list[Trial]] = defaultdict(list)
    for row in rows:
        if crosses(row) and not (same_gender and row.target_gender is None):
            source = (row.source, row.source_id) if row.task in FACE_TASKS else ()
            found[row.task, source, row.target_gender if same_gender else None].append(row)
    yield from found.values()
