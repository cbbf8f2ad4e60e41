"""Clips of talking faces: their voice and their aligned faces, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.corpora.reading import SHORTEST
from benchmark.errors import UnreadableMedia
from benchmark.media.align import align_faces
from benchmark.media.audio import RATE, resample
from benchmark.media.video import Clip


def voice_of(clip: Clip, path: Path) -> np.ndarray:
    """(N,) float32 at 24 kHz.

    Raises:
        UnreadableMedia: the clip is mute, or its sound shorter than a quarter of a second.
    """
    if clip.wave is None:
        raise UnreadableMedia(f"{path}: the clip is mute.")
    if len(clip.wave) < SHORTEST * clip.rate:
        raise UnreadableMedia(f"{path}: {len(clip.wave) / clip.rate:.2f} s of sound; at least {SHORTEST} s are needed.")
    return resample(clip.wave, clip.rate, RATE)


def faces_of(pictures: np.ndarray, path: Path) -> np.ndarray:
    """(F, H, W, 3) uint8 -> (F, 128, 128, 3) uint8, as `align_faces`.

    Raises:
        UnreadableMedia: no picture shows a face.
    """
    try:
        return align_faces(pictures)
    except UnreadableMedia as error:
        raise UnreadableMedia(f"{path}: {error}.") from error
