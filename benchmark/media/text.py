"""Transcripts: the one normaliser that metrics of the words use, and the text feature that recognisers train on.

The normaliser moves a WER by points, so it is part of the metric's key (`wer@espnet:<model>:en1`): change it only
under another name.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from torch import Tensor

from benchmark.media.features import TRANSCRIPT, Feature

NORMALISER = "en1"
_APOSTROPHES = str.maketrans({sign: "'" for sign in "’‘‛ʼ`´＇"})
_NOT_WORD = re.compile(r"[^\w']|_|(?<!\w)'|'(?!\w)")


def normalise(text: str) -> str:
    """A transcript as words: lower case, one blank between words.

    NFKC; letters, digits and apostrophes inside a word are kept, every other sign is a blank. Numbers are not spelled
    out and accents are kept. Idempotent.
    """
    # Before NFKC, which makes a blank of an acute accent that stands alone; after it, because it writes ʼ anew.
    plain = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).translate(_APOSTROPHES).lower()
    return " ".join(_NOT_WORD.sub(" ", unicodedata.normalize("NFKC", plain)).split())


def _bytes(rows: np.ndarray) -> np.ndarray:
    return np.frombuffer(normalise(rows.tobytes().decode()).encode(), np.uint8)


def _batch(rows: Tensor) -> Tensor:
    return rows.long()


TEXT = Feature(
    name="text",
    modality="audio",
    dtype="uint8",
    tail=(),
    rate=None,
    source=TRANSCRIPT,
    compute=_bytes,
    batch=_batch,
    spec={"normaliser": NORMALISER, "encoding": "utf-8"},
)
"""The normalised transcript as UTF-8 bytes, (B, T) int64, padded with 0; `text_rows` says how many are a row's own."""
