"""The clips that both sides read: speech of the embedded corpus, or anybody's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from benchmark.errors import BenchmarkError
from benchmark.media.audio import RATE, WAVE24K
from benchmark.runner.corpora import open_store
from benchmark.settings import load_profile
from protocols.media_scores import is_sound

_SECONDS = (4.0, 6.0)


def make_clips(folder: Path, count: int) -> None:
    """Write `count` clips of 4 to 6 s (16 bit, 24 kHz, WAV): joined recordings of the embedded corpus, no two alike."""
    store = open_store("pocket_av", None, load_profile("tiny"), seed=0)
    spoken = np.flatnonzero(store.index["audio"])
    draw = np.random.default_rng(0)
    for i in range(count):
        length = round(RATE * draw.uniform(*_SECONDS))
        parts: list[np.ndarray] = []
        while sum(map(len, parts)) < length:
            parts.append(store.rows(WAVE24K, int(draw.choice(spoken))))
        soundfile.write(folder / f"{i:04d}.wav", np.concatenate(parts)[:length], RATE, subtype="PCM_16")


def link_clips(folder: Path, source: Path, count: int) -> None:
    """Link up to `count` sound files of `source`, by name, under the names the peers look for (*.wav).

    Raises:
        BenchmarkError: fewer than two sound files there.
    """
    found = sorted(path for path in source.rglob("*") if is_sound(path.name))[:count] if source.is_dir() else []
    if len(found) < 2:
        raise BenchmarkError(f"{source}: {len(found)} sound files; at least 2 are needed to compare speeds.")
    for i, path in enumerate(found):
        (folder / f"{i:04d}.wav").symlink_to(path.resolve())
