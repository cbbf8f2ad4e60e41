"""The pictures that both sides read: frames of the embedded corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.media.image import FACE128
from benchmark.runner.corpora import open_store
from benchmark.settings import load_profile


def make_pictures(folder: Path, count: int) -> None:
    """Write `count` faces of 128 pixels (PNG), drawn from the embedded corpus."""
    store = open_store("pocket_av", None, load_profile("tiny"), seed=0)
    seen = np.flatnonzero(store.index["face"])
    draw = np.random.default_rng(0)
    for i in range(count):
        frames = store.rows(FACE128, int(draw.choice(seen)))
        Image.fromarray(frames[int(draw.integers(len(frames)))]).save(folder / f"{i:04d}.png")
