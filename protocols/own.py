"""Whose face an output looks like to the network that the system itself was trained against (`@own`).

This is what CAE's authors measured (papers.md 2.4, 2.5 #20 and #21). That judge has seen the contestant's data and has
taught it; beside it stand the same measures by a judge that has not (`@pocket`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.upstream.face_embedding.own import OwnJudge, read_own
from protocols.chance import chances, sought, top
from protocols.contest import Contest, Question
from protocols.face64 import embedded, face64
from protocols.gallery import compared_picture, cosines, rank
from protocols.media_scores import PerContent, is_picture
from protocols.trial import Trial


class Own(Contest):
    """`keys`: of `benchmark.registry.PROTOCOLS`, as retrieval_top5@own."""

    def __init__(self, *keys: str) -> None:
        super().__init__(*keys)
        self._judge: OwnJudge | None = None
        self._embedded: PerContent[Tensor, np.ndarray] | None = None

    def ask_own(self, path: Path | None) -> None:
        """Called once before `planned`, with the file of the run's own judge, or None where no system has one; then
        nothing is planned.

        Raises:
            BenchmarkError: not a file of `write_own`.
        """
        if path is not None:
            self._judge = judge = read_own(path)
            self._embedded = PerContent(face64, partial(embedded, judge.embedding))

    def questions(self, rows: Sequence[Trial]) -> Iterator[Question]:
        if self._judge is None:
            return
        classes = self._judge.speakers
        for row in rows:
            for metric in self.metrics:
                k, picture = top(metric), compared_picture(metric.partition("@")[0], row)
                if k is None and is_picture(picture):
                    yield Question(metric, row, (row.output, picture), _cosine)
                elif k is not None and (who := sought(metric, row)) in classes and len(classes) > k:
                    yield Question(metric, row, (row.output,), partial(_found, self._judge, classes.index(who), k))

    def embed(self, paths: Collection[Path]) -> Mapping[Path, np.ndarray | BenchmarkError]:
        assert self._embedded is not None
        return self._embedded(paths)

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        """That there is no such judge, or whom it knows and what chance gives."""
        named = ", ".join(self.metrics)
        if self._judge is None:
            return [f"{named}: no system of this list has a classifier of its own."]
        said = [f"{named}: this judge has seen the training data and has taught a contestant; that of @pocket has not."]
        for rows in self.together(trials):
            genders = {t.source_id: t.source_gender for t in rows} | {t.target_id: t.target_gender for t in rows}
            said += chances(self.metrics, rows, {name: genders.get(name) for name in self._judge.speakers})
        return list(dict.fromkeys(said))


def _cosine(vectors: np.ndarray) -> float:
    return float(cosines(vectors[0], vectors[1:])[0])


def _found(judge: OwnJudge, place: int, k: int, vectors: np.ndarray) -> float:
    """Whether the class at `place` is among the first k; the softmax keeps the order of the logits."""
    with torch.no_grad():
        scores = judge.scores(torch.from_numpy(vectors.astype(np.float32)))[0].numpy()
    return float(rank(scores[place], np.delete(scores, place)) <= k)
