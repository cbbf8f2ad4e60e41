"""Controls that make one face for everybody, or one for each gender: what a likeness of faces says of no knowledge at
all, and of the gender alone (DESIGN.md section 6a)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from benchmark.corpora.manifest import SPLITS
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.image import FACE128, resized
from benchmark.system import FACE, Column, Draw, Optimizer, Phase, System

SIZE = 64
"""Pixels a side of the outputs, those of the systems of the task: a judge sees all of them equally sharp."""


@dataclass(frozen=True)
class MeanFaceSettings:
    """Nothing to set."""


class MeanFace(System):
    """`face_from_voice`: the mean of all training pictures of the run's corpora, whatever proposal and recording."""

    Settings: ClassVar[type] = MeanFaceSettings
    tasks: ClassVar[frozenset[str]] = frozenset({"face_from_voice"})

    def __init__(self, settings: MeanFaceSettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        self.inputs: Mapping[str, tuple[str, ...]] = dict.fromkeys(self.tasks, ())
        self.output = dict.fromkeys(self.tasks, FACE)
        self.faces: Tensor | None = None
        """(1, 3, 64, 64), or (2, 3, 64, 64) by gender."""

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {}

    def draws(self) -> Mapping[str, Draw]:
        return {}

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def look(self, stores: Sequence[Store]) -> None:
        """Average the training pictures.

        Raises:
            BenchmarkError: there is none.
        """
        sums = sum_pictures(stores)
        self.faces = mean_picture(sum(total for total, _ in sums.values()), sum(count for _, count in sums.values()))

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Pictures (B, 3, 64, 64) in [-1, 1].

        Raises:
            BenchmarkError: asked before `look`.
        """
        return self.of_rows(torch.zeros_like(reference["gender"]))

    def of_rows(self, which: Tensor) -> Tensor:
        if self.faces is None:
            raise BenchmarkError(f"{type(self).__name__} has looked at no pictures yet: call look(stores) first.")
        return self.faces.to(which.device)[which]


class GenderMeanFace(MeanFace):
    """`face_from_voice`: the mean of the training pictures of the reference's gender."""

    def look(self, stores: Sequence[Store]) -> None:
        """Average the training pictures of each gender.

        Raises:
            BenchmarkError: of one of them there is none.
        """
        sums = sum_pictures(stores)
        missing = [name for gender, name in enumerate(("female", "male")) if gender not in sums]
        if missing:
            raise BenchmarkError(
                f"gender_mean_face: {', '.join(s.corpus for s in stores)} has no {' and no '.join(missing)} training "
                "picture of known gender. Add a corpus that has, or leave gender_mean_face out of the systems."
            )
        self.faces = torch.cat([mean_picture(*sums[gender]) for gender in (0, 1)])

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """As of `MeanFace`.

        Raises:
            BenchmarkError: asked before `look`, or for a reference of unknown gender.
        """
        if bool((reference["gender"] < 0).any()):
            raise BenchmarkError("gender_mean_face met a reference of unknown gender; use records with genders.")
        return self.of_rows(reference["gender"])


def sum_pictures(stores: Sequence[Store]) -> dict[int, tuple[np.ndarray, int]]:
    """Gender (-1: not known) -> (sum of its training pictures, (128, 128, 3) float64 of 0..255; how many), without the
    genders that have none. Pictures are read one record at a time."""
    sums: dict[int, tuple[np.ndarray, int]] = {}
    for store in stores:
        flat, offsets = store.flat(FACE128)
        chosen = np.flatnonzero((store.index["split"] == SPLITS.index("train")) & store.index["face"])
        for record in tqdm(chosen, f"mean face: {store.corpus}", unit="record", disable=None, leave=False):
            rows = flat[offsets[record] : offsets[record + 1]]
            gender = int(store.index["gender"][record])
            total, count = sums.get(gender, (np.zeros(FACE128.tail), 0))
            sums[gender] = total + rows.sum(0, dtype=np.float64), count + len(rows)
    return sums


def mean_picture(total: np.ndarray | int, count: int) -> Tensor:
    """A sum of `count` pictures (128, 128, 3) -> (1, 3, 64, 64) float32 in [-1, 1].

    Raises:
        BenchmarkError: count is 0.
    """
    if not count:
        raise BenchmarkError("mean_face: the run's corpora hold no training picture. Add a corpus that has pictures.")
    mean = torch.from_numpy(np.asarray(total) / count / 127.5 - 1.0).permute(2, 0, 1)[None]
    return resized(mean, SIZE).float()
