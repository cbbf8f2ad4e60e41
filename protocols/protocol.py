"""What a protocol is: it reads media and trial rows and yields scores; it never sees a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol as Interface

import numpy as np

from protocols.trial import Score, Trial


class Protocol(Interface):
    """Trial sampling apart, a protocol is metric + aggregation, versioned by its keys."""

    metrics: tuple[str, ...]
    """Keys it yields, `metric@protocol`."""
    weights: tuple[str, ...]
    """Names in benchmark/weights/weights.toml that it needs."""

    def score(self, trials: Sequence[Trial], root: Path) -> Iterator[Score]:
        """One score per row and metric, in any order, streamed (so that a killed run loses little).

        Reads `trial.output` and what it compares with under `root`. A file that cannot be read or judged
        yields a Score with `error`; equal files are computed once. A row a metric is not defined for
        (no natural target voice, say) yields nothing.
        """
        ...


@dataclass(frozen=True)
class RealPictures:
    """The real set that outputs of one corpus are compared with: its training pictures, by gender.

    sha256: of their decoded bytes, so that statistics of them can be kept. count: gender -> pictures.
    read: gender -> them, (H, W, 3) uint8 RGB, in a fixed order.
    """

    corpus: str
    sha256: str
    count: Mapping[int, int]
    read: Callable[[int], Iterator[np.ndarray]]


class Together(Protocol, Interface):
    """A protocol of several metrics that share one pass over the media.

    The runner makes one such object for all of the metrics that were asked for and are made by one class, by calling
    the class with all their arguments; `metrics` then has all their keys. `score` is called with all rows of a system
    or none, because values of sets and of sources need their rows together.
    """

    def planned(self, trials: Sequence[Trial]) -> Mapping[tuple[str, str], Sequence[str]]:
        """(system, metric) -> names of the trials that scores stand under, if every output can be read. A system whose
        planned scores are all there is not scored again."""
        ...


class AgainstReal(Together, Interface):
    """A protocol that also compares sets of outputs with a real set."""

    of_sets: tuple[str, ...]
    """The keys whose value is of a set of outputs against a real set."""

    def compare_with(self, real: Sequence[RealPictures]) -> None:
        """Called once before `score`, with the real set of every corpus of the run (or of `score --real`)."""
        ...


class AskingOwn(Together, Interface):
    """A protocol whose judge is the run's own: the face network of the system that it judges, or of a rival."""

    def ask_own(self, path: Path | None) -> None:
        """Called once before `planned` and `score`, with the file (`benchmark.upstream.face_embedding.own`) of the
        first learnt system of the run that has such a network; None where none has."""
        ...


class Remarking(Protocol, Interface):
    """A protocol that has something to say of a list, from its rows alone, without media."""

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        """What the reader of a table has to know of its values of these trials: whole sentences, each beginning with
        the metric's key; none where there is nothing to say."""
        ...


class Doubting(Remarking, Interface):
    """A protocol whose judge is not for every list."""

    def fits(self, trials: Sequence[Trial]) -> bool:
        """Whether its values of these trials mean anything; if not, `score` leaves it out unless it is named."""
        ...
