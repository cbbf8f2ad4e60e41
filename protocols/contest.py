"""Metrics with a value a row that takes other rows of the list: who else an output could be mistaken for.

A metric says of each row which files it is about and how their embeddings become a value; what all of them share is
here: rows that belong together, files embedded once, errors that stay with their rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmark.errors import BenchmarkError
from protocols.media_scores import NO_OUTPUT, is_sound
from protocols.protocol import RealPictures
from protocols.sets import corpus_of
from protocols.trial import Score, Trial

_TOGETHER = 48  # files embedded in one go: enough to fill batches, few enough to be held


@dataclass(frozen=True)
class Question:
    """What one metric asks of one row.

    files: whose embeddings (n, d) `answer` takes, in this order, the row's output among them. lacks: why there is no
    answer although the metric is defined for the row.
    """

    metric: str
    row: Trial
    files: tuple[str, ...]
    answer: Callable[[np.ndarray], float]
    lacks: str = ""


class Contest(ABC):
    """A protocol of several keys (`protocols.protocol.Together`); `metrics` are those that it was made with."""

    weights: tuple[str, ...] = ()

    def __init__(self, *keys: str) -> None:
        self.metrics = keys
        self._corpora: tuple[str, ...] = ()

    def compare_with(self, real: Sequence[RealPictures]) -> None:
        """Which corpora there are: people of two of them are never in one gallery."""
        self._corpora = tuple(r.corpus for r in real)

    @abstractmethod
    def questions(self, rows: Sequence[Trial]) -> Iterator[Question]:
        """What is asked of all rows of one system, task, corpus, split and repeat; decided by the list alone."""

    def answers(self, row: Trial) -> bool:
        """Whether the row's output, by its name, is of the kind that is judged; one that is missing is."""
        return not is_sound(row.output)

    @abstractmethod
    def embed(self, paths: Collection[Path]) -> Mapping[Path, np.ndarray | BenchmarkError]:
        """Files -> (d,) each, or why there is none. What was embedded once is not embedded again."""

    def planned(self, trials: Sequence[Trial]) -> dict[tuple[str, str], list[str]]:
        """(system, metric) -> the trials its scores stand under."""
        found: dict[tuple[str, str], list[str]] = {}
        for rows in self.together(trials):
            for question in self._asked(rows):
                found.setdefault((question.row.system, question.metric), []).append(question.row.trial)
        return found

    def score(self, trials: Sequence[Trial], root: Path) -> Iterator[Score]:
        """One score for every row and metric that is defined for it. A file that cannot be read, of the row's own or of
        somebody it is compared with, is an error of the row: with fewer to be mistaken for it would be easier.

        Raises:
            MissingWeights, BenchmarkError: the judge is not to be had.
        """
        for rows in self.together(trials):
            questions = list(self._asked(rows))
            names = list(dict.fromkeys(name for q in questions if not q.lacks and q.row.output for name in q.files))
            found: dict[str, np.ndarray | BenchmarkError] = {}
            with tqdm(total=len(names), desc=f"likeness of {rows[0].system}", disable=None, leave=False) as bar:
                for some in (names[start : start + _TOGETHER] for start in range(0, len(names), _TOGETHER)):
                    vectors = self.embed([root / name for name in some])
                    found |= {name: vectors[root / name] for name in some}
                    bar.update(len(some))
            yield from (_answered(question, found) for question in questions)

    def together(self, trials: Sequence[Trial]) -> list[list[Trial]]:
        """The rows of each system, task, corpus, split and repeat, in the order of the list."""
        found: dict[tuple[str, str, str, str, int], list[Trial]] = {}
        for t in trials:
            place = t.system, t.task, corpus_of(t, self._corpora), t.split, t.repeat
            found.setdefault(place, []).append(t)
        return list(found.values())

    def _asked(self, rows: Sequence[Trial]) -> Iterator[Question]:
        return (question for question in self.questions(rows) if self.answers(question.row))


def _answered(question: Question, found: Mapping[str, np.ndarray | BenchmarkError]) -> Score:
    row = question.row

    def failed(why: str) -> Score:
        return Score(row.system, row.trial, question.metric, error=why)

    if not row.output or question.lacks:
        return failed(question.lacks if row.output else NO_OUTPUT)
    vectors = []
    for name in question.files:
        vector = found[name]
        if isinstance(vector, BenchmarkError):
            return failed(str(vector) if name == row.output else f"{name}: {vector}")
        vectors.append(vector)
    try:
        return Score(row.system, row.trial, question.metric, value=question.answer(np.stack(vectors)))
    except BenchmarkError as error:
        return failed(str(error))
