"""A network knows one mel: whoever would feed it another is told."""

from __future__ import annotations

import json
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.media.features import Feature

STARGANV2_VC = "a3ca08a763806c73"
"""Hash of the mel that the three networks published with StarGANv2-VC were trained on (yl4579/StarGANv2-VC@985df557:
meldataset.py, written out in `benchmark.media.mel`). Written here and not read from the feature, so that a feature that
is changed one day no longer fits them, and they say so."""


def recorded_mel(file: Path) -> str | None:
    """What the record beside a shipped weight file says of its mel: a hash, or nothing."""
    mel = json.loads(file.with_suffix(".json").read_text(encoding="utf-8")).get("mel")
    return None if mel is None else str(mel)


def check_mel(trained: str | None, mel: Feature, file: Path, mend: str) -> None:
    """See that a network may be fed the suite's mel.

    Args:
        trained: what it was trained on: a hash of the suite's, or another mel in words.
        mel: what it would be fed.
        file: its weights, for the message.
        mend: what the reader may do, in a sentence.

    Raises:
        BenchmarkError: they differ.
    """
    if trained != mel.hash:
        known = trained or "its record names none"
        raise BenchmarkError(
            f"{file} was trained on another mel than the suite's {mel.name} ({known}, expected {mel.hash}). {mend}"
        )
