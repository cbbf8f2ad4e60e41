"""What a corpus reader is: it lists records and decodes one of them, and does nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from benchmark.corpora.manifest import Record


@dataclass(frozen=True)
class Media:
    """One decoded record. `wave`: (N,) float32 in [-1, 1], mono, 24 kHz. `faces`: (F, 128, 128, 3) uint8 RGB."""

    wave: np.ndarray | None = None
    faces: np.ndarray | None = None


class Corpus(Protocol):
    """A corpus reader; a class in `benchmark.corpora` is made as `Reader(root, seed, **options)`.

    A reader may also have `notes: list[str]`, filled by `records`: what a reader of the results should know (wishes
    that could not be met, labels that are missing). `prepare` writes them into store.json.
    """

    name: str

    def fingerprint(self) -> dict[str, Any]:
        """Everything that decides the prepared bytes (options, seed, names and sizes of files); hashed into the
        store's name. JSON-serialisable, cheap (no decoding)."""
        ...

    def records(self) -> list[Record]:
        """All records with their splits, in a fixed order.

        Raises:
            BenchmarkError: missing or empty folder, nothing readable, too few speakers to hold some out.
        """
        ...

    def load(self, record: Record) -> Media:
        """Decode one record. Called in worker processes, so the reader pickles.

        Raises:
            UnreadableMedia: the file cannot be decoded; `prepare` lists it and goes on.
        """
        ...
