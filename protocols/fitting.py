"""How well a face and a voice go together, to matchers that no contestant has met: what forced choices share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol as Interface

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.media.audio import read_wave, to_int16
from benchmark.media.mel64 import MEL64
from benchmark.upstream.matcher.load import WEIGHTS, matcher
from protocols.contest import Contest
from protocols.embedded import is_embedded
from protocols.face64 import embedded, face64
from protocols.media_scores import PerContent, is_picture
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


def chosen(right: np.ndarray, wrong: np.ndarray) -> float:
    """Scores (J,) by J judges -> the share of them to whom the right one scores more; a tie is half a judge."""
    return float(np.where(right == wrong, 0.5, right > wrong).mean())


def of_two_faces(vectors: np.ndarray) -> float:
    """(own face, other face, own voice) (3, J, E) -> `chosen`."""
    own, other, voice = vectors.astype(np.float64)
    return chosen((own * voice).sum(axis=1), (other * voice).sum(axis=1))


class Fitting(Contest):
    """A contest that embedded matchers of voices with faces decide: those of `weights`, each with one vote."""

    weights: tuple[str, ...] = (WEIGHTS,)

    def __init__(self, *keys: str) -> None:
        super().__init__(*keys)
        self._faces = PerContent(face64, self._seen)
        self._voices = PerContent(mel_of, self._heard)

    def _seen(self, pictures: Sequence[Tensor]) -> Sequence[np.ndarray]:
        by_judge = [embedded(judge.face, pictures) for judge in self._judges]
        return [np.stack(vectors) for vectors in zip(*by_judge, strict=True)]

    def _heard(self, mels: Sequence[Tensor]) -> Sequence[np.ndarray]:
        return [np.concatenate([embedded(judge.voice, [mel]) for judge in self._judges]) for mel in mels]

    @property
    def _judges(self) -> Sequence[Matcher]:
        return [matcher(file) for file in self.weights]

    def embed(self, paths: Collection[Path]) -> Mapping[Path, np.ndarray | BenchmarkError]:
        """Files -> (J, E) each, by every judge."""
        pictures = [path for path in paths if is_picture(path.name)]
        return self._faces(pictures) | self._voices(path for path in paths if path not in set(pictures))

    def fits(self, trials: Sequence[Trial]) -> bool:
        """Whether the embedded matchers know such faces and voices."""
        return is_embedded(trials)
