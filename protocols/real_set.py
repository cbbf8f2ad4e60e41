"""Features of the real set that outputs are compared with: computed once for its bytes and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmark.atomic import atomic
from benchmark.corpora.prepared import cache_root
from protocols.protocol import RealPictures

_BATCH = 64


def kept_features(
    real: RealPictures,
    gender: int,
    made_by: Sequence[str],
    features: Callable[[Sequence[np.ndarray]], np.ndarray],
    says: str,
) -> np.ndarray:
    """(n, d) float32 of the real pictures of one gender, read from the cache where it has them.

    Args:
        real: the real set.
        gender: of the pictures.
        made_by: all that decides the numbers besides the pictures: hashes of weights, the name of the preprocessing.
        features: pictures (H, W, 3) uint8 -> (n, d) float32.
        says: what the progress bar is called.
    """
    text = json.dumps([*made_by, real.sha256, gender])
    path = cache_root() / "features" / f"{hashlib.sha256(text.encode()).hexdigest()}.npy"
    kept = _read(path, real.count[gender])
    if kept is None:
        bar = tqdm(real.read(gender), says, real.count[gender], disable=None, leave=False)
        kept = np.concatenate([features(batch) for batch in _batches(bar)]).astype(np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as file:
            np.save(file, kept)
    return kept


def _batches(pictures: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    rest = iter(pictures)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _read(path: Path, rows: int) -> np.ndarray | None:
    """What lies at `path` if it is whole; a damaged file is as none and is written again."""
    if not path.is_file():
        return None
    try:
        found: np.ndarray = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return None
    whole = found.dtype == np.float32 and found.ndim == 2 and len(found) == rows and bool(np.isfinite(found).all())
    return found if whole else None
