"""What a protocol is: it reads media and trial rows and yields scores; it never sees a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol as Interface

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
