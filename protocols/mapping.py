"""Which of two faces belongs to a voice: a held-out matcher in the place of the raters of CAE's table 2.

`mapping@pocket`: the output and another output of the same system, made of another person's voice for a target of the
same gender. `mapping@pocket:pairs`: both faces and both voices, the right assignment against the wrong one. What each
key means stands in docs/protocols.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol as Interface

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.media.audio import read_wave, to_int16
from benchmark.media.mel64 import MEL64
from benchmark.upstream.matcher.load import WEIGHTS, matcher
from protocols.contest import Contest, Question
from protocols.distractors import distractors
from protocols.embedded import is_embedded, strangers
from protocols.face64 import embedded, face64
from protocols.media_scores import PerContent, is_picture, is_sound
from protocols.trial import Trial

SHORTEST = 25
"""Frames of voice (0.25 s, a syllable or two) that are matched with a face at least."""


class Matcher(Interface):
    """Voices and faces in one space: the dot product of two is how well they fit."""

    def voice(self, mel: Tensor) -> Tensor:
        """Mel64 (B, 1, 64, T) -> (B, E) of length 1."""
        ...

    def face(self, pictures: Tensor) -> Tensor:
        """(B, 3, 64, 64) in [-1, 1] -> (B, E) of length 1."""
        ...


def mel_of(path: Path) -> Tensor:
    """(1, 64, T) of the voiced part of a recording.

    Raises:
        BenchmarkError: as `read_wave`; less than 0.25 s of it are voiced.
    """
    assert MEL64.compute is not None
    rows = torch.from_numpy(MEL64.compute(to_int16(read_wave(path))))
    if len(rows) < SHORTEST:
        raise BenchmarkError(
            f"{path}: {len(rows) / 100:.2f} s of voice are heard in it; a face is matched with {SHORTEST / 100:g} s at "
            "least. Is it silent?"
        )
    batch: Tensor = MEL64.batch(rows[None])
    return batch[0]


def chosen(right: float, wrong: float) -> float:
    """1 where the right one scores more, 0 where the wrong one does, 0.5 on a tie."""
    return 0.5 if right == wrong else float(right > wrong)


def of_two_faces(vectors: np.ndarray) -> float:
    """(own face, other face, own voice) (3, E) -> `chosen`."""
    own, other, voice = vectors.astype(np.float64)
    return chosen(float(own @ voice), float(other @ voice))


def of_two_pairs(vectors: np.ndarray) -> float:
    """(own face, other face, own voice, other voice) (4, E) -> `chosen` of the sums of the two assignments."""
    own, other, voice, other_voice = vectors.astype(np.float64)
    right = float(own @ voice) + float(other @ other_voice)
    return chosen(right, float(own @ other_voice) + float(other @ voice))


class Mapped(Contest):
    """`keys`: mapping@pocket and mapping@pocket:pairs."""

    weights = (WEIGHTS,)

    def __init__(self, *keys: str) -> None:
        super().__init__(*keys)
        self._faces = PerContent(face64, lambda pictures: embedded(self._matcher.face, pictures))
        self._voices = PerContent(mel_of, lambda mels: [embedded(self._matcher.voice, [mel])[0] for mel in mels])

    @property
    def _matcher(self) -> Matcher:
        found: Matcher = matcher("pocket")
        return found

    def questions(self, rows: Sequence[Trial]) -> Iterator[Question]:
        for row, other in _pairs(rows):
            lacks = "" if other.output else f"{other.trial}, whose output it is to be told apart from, has none."
            for metric in self.metrics:
                if metric.endswith(":pairs"):
                    files = (row.output, other.output, row.reference, other.reference)
                    yield Question(metric, row, files, of_two_pairs, lacks)
                else:
                    yield Question(metric, row, (row.output, other.output, row.reference), of_two_faces, lacks)

    def embed(self, paths: Collection[Path]) -> Mapping[Path, np.ndarray | BenchmarkError]:
        pictures = [path for path in paths if is_picture(path.name)]
        return self._faces(pictures) | self._voices(path for path in paths if path not in set(pictures))

    def fits(self, trials: Sequence[Trial]) -> bool:
        """Whether the embedded matcher knows such faces and voices."""
        return is_embedded(trials)

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
