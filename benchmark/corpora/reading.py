"""What readers of folders share: listings, texts and names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.corpora.splits import HeldOut
from benchmark.errors import UnreadableMedia
from benchmark.media.audio import RATE, read_wave

SHORTEST = 0.25
"""Seconds. Shorter sounds hold no speech, and no spectrum or metric is made for them."""


def read_voice(path: Path) -> np.ndarray:
    """A sound file as (N,) float32 at 24 kHz.

    Raises:
        UnreadableMedia: as `read_wave`; shorter than a quarter of a second.
    """
    wave = read_wave(path)
    if len(wave) < SHORTEST * RATE:
        raise UnreadableMedia(f"{path}: {len(wave) / RATE:.2f} s of sound; at least {SHORTEST} s are needed.")
    return wave


def read_text(path: Path) -> str | None:
    """The text of a file with every run of blanks and line ends as one blank; None where there is no text to read.

    Bytes that are no UTF-8 become U+FFFD; a byte-order mark goes.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:  # a recording without its text is still a recording
        return None
    return " ".join(text.split()) or None


def listing(root: Path, paths: Iterable[Path]) -> dict[str, Any]:
    """Names (relative to `root`) and sizes of files as one hash, whatever their order: the files of a fingerprint.

    A file that is not there counts too; its size is None.
    """
    rows = sorted([path.relative_to(root).as_posix(), _size(path)] for path in paths)
    return {"count": len(rows), "sha256": hashlib.sha256(json.dumps(rows).encode()).hexdigest()}


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def held_out_key(held_out: HeldOut) -> int | float | str | list[str]:
    """`held_out` as a fingerprint takes it."""
    return held_out if isinstance(held_out, int | float | str) else sorted(held_out)


def natural(name: str) -> tuple[str, int, str]:
    """Sort key: s2 before s10."""
    match = re.fullmatch(r"(\D*)(\d+)(.*)", name)
    return (match[1], int(match[2]), match[3]) if match else (name, -1, "")


def some(names: Iterable[str], at_most: int = 5) -> str:
    """Names for a message: "a, b" or "a, b, c, d, e and 7 more"."""
    listed = list(names)
    more = f" and {len(listed) - at_most} more" if len(listed) > at_most else ""
    return ", ".join(listed[:at_most]) + more
