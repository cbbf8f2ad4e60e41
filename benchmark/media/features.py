"""Features: what lies in a prepared store and how rows of it become batch tensors.

A feature is stored as flat rows (one frame, one sample or one picture a row) with per-record offsets.
Two are decoded by a corpus (`face128`, `wave24k`); all others are derived from one of those by a pure
function and cached under the hash of its spec. All of them are listed in `benchmark.media.catalogue`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from torch import Tensor

TRANSCRIPT = "transcript"
"""The source of features that are computed from the manifest's transcript: its UTF-8 bytes, (T,) uint8."""


@dataclass(frozen=True)
class Feature:
    """One front end.

    Attributes:
        name: store key.
        modality: side it belongs to.
        dtype, tail: on disk, a row is `tail` values of `dtype`.
        rate: rows per second (audio), None for pictures.
        source: the feature it is computed from, TRANSCRIPT, or None when a corpus decodes it.
        compute: rows of `source` of one record -> rows of this feature, float32 before the cast to `dtype`.
            float64 or integer maths inside is its own affair. None when a corpus decodes it.
        batch: rows (B, T, *tail) as stored or freshly computed -> the tensor systems see.
        spec: everything that changes the numbers; its hash names the cache and the mel of a network.
        short: what a record shorter than a crop of training is filled up with: digital silence as the feature shows
            it, or the record itself, over and over.
    """

    name: str
    modality: Literal["face", "audio"]
    dtype: str
    tail: tuple[int, ...]
    rate: float | None
    source: str | None
    compute: Callable[[np.ndarray], np.ndarray] | None
    batch: Callable[[Tensor], Tensor]
    spec: dict[str, Any] = field(default_factory=dict)
    short: Literal["silence", "repeat"] = "silence"

    @property
    def hash(self) -> str:
        """First 16 hex digits of the sha256 of the spec."""
        text = json.dumps({"name": self.name, "dtype": self.dtype, "tail": self.tail, **self.spec}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
