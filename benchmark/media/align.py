"""Faces: five landmarks, then the crop that CelebA-HQ made of them.

Source: Karras et al., "Progressive growing of GANs", ICLR 2018, appendix C (the oriented square), with the
order of operations of tkarras/progressive_growing_of_gans@0b7fb0f:dataset_tool.py (shrink, mirror, four-fold
oversampled transform, Lanczos). Left out: its blur of the mirrored border, its super-resolution, its half-pixel shifts.
Landmarks come from MTCNN as facenet-pytorch ships it (github.com/timesler/facenet-pytorch, weights in the package).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from benchmark.errors import BenchmarkError, UnreadableMedia

SIZE = 128
_OVERSAMPLE = 4
_SMALLEST_FACE = 40  # pixels; smaller ones would be enlarged more than threefold
_CERTAIN = 0.9


def oriented_square(landmarks: np.ndarray) -> np.ndarray:
    """(5, 2) x, y of eye, eye, nose, mouth corner, mouth corner (each pair from image left to right) -> (4, 2) corners.

    Corners: top left, bottom left, bottom right, top right of a square that is rotated with the face, its side
    max(4 |eye to eye|, 3.6 |eyes to mouth|), its centre a tenth of the way from the eyes to the mouth.
    """
    points = landmarks.astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across, down = points[1] - points[0], mouth - eyes
    axis = across + np.array([down[1], -down[0]])
    right = axis / np.hypot(*axis) * max(2.0 * np.hypot(*across), 1.8 * np.hypot(*down))
    below = np.array([-right[1], right[0]])
    centre = eyes + 0.1 * down
    return np.stack([centre - right - below, centre - right + below, centre + right + below, centre + right - below])


def crop(image: np.ndarray, square: np.ndarray, size: int = SIZE) -> np.ndarray:
    """Cut an oriented square out of (H, W, 3) uint8, mirrored beyond its border -> (size, size, 3) uint8."""
    picture, corners = Image.fromarray(image), square.astype(np.float64)
    side = float(np.hypot(*(corners[1] - corners[0])))
    shrink = int(side / (2 * size))
    if shrink > 1:  # the transform below is bilinear: without this, large faces alias
        smaller = (max(round(picture.width / shrink), 1), max(round(picture.height / shrink), 1))
        corners = corners * (np.array(smaller) / np.array(picture.size))
        picture = picture.resize(smaller, Image.Resampling.LANCZOS)
    low = np.floor(corners.min(axis=0)).astype(int) - 2
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    columns, rows = (_mirror(low[i], high[i], picture.size[i]) for i in (0, 1))
    window = Image.fromarray(np.asarray(picture)[rows][:, columns])
    grid = (_OVERSAMPLE * size, _OVERSAMPLE * size)
    flat = tuple((corners - low).ravel())
    straight = window.transform(grid, Image.Transform.QUAD, flat, Image.Resampling.BILINEAR)
    return np.asarray(straight.resize((size, size), Image.Resampling.LANCZOS))


def _mirror(low: int, high: int, length: int) -> np.ndarray:
    """Pixel numbers low..high-1 reflected into 0..length-1, the edge pixel not repeated."""
    period = max(2 * (length - 1), 1)
    folded = np.arange(low, high) % period
    return np.minimum(folded, period - folded) if length > 1 else np.zeros_like(folded)


@cache
def _detector() -> Any:
    """MTCNN, once a process."""
    try:
        from facenet_pytorch import MTCNN
    except ImportError as error:
        raise BenchmarkError(
            "Finding faces in video needs facenet-pytorch, which is not installed. Install it with "
            "`uv sync --group video`, or with `pip install --no-deps facenet-pytorch==2.6.0`."
        ) from error
    return MTCNN(keep_all=True, select_largest=True, min_face_size=_SMALLEST_FACE, device="cpu")


def find_landmarks(image: np.ndarray) -> np.ndarray | None:
    """Five landmarks, (5, 2) float32 in the order of `oriented_square`, of the largest sure face of (H, W, 3) uint8.

    None where no face is found. The same on any number of torch threads only to rounding: callers that must
    repeat bit for bit set one thread.

    Raises:
        BenchmarkError: facenet-pytorch is not installed.
    """
    if min(image.shape[:2]) < _SMALLEST_FACE:
        return None  # MTCNN itself fails on these
    _, certainties, landmarks = _detector().detect(image, landmarks=True)
    if landmarks is None:
        return None
    sure = [points for points, certainty in zip(landmarks, certainties, strict=True) if certainty >= _CERTAIN]
    return np.asarray(sure[0], np.float32) if sure else None


def align_faces(images: np.ndarray) -> np.ndarray:
    """(F, H, W, 3) uint8 pictures of one clip -> (F, 128, 128, 3) uint8 aligned faces.

    A picture without a face takes the face of the nearest one that has it (the earlier of two).

    Raises:
        UnreadableMedia: no picture shows a face.
        BenchmarkError: facenet-pytorch is not installed.
    """
    found = [(i, points) for i, image in enumerate(images) if (points := find_landmarks(image)) is not None]
    if not found:
        raise UnreadableMedia(f"no face found in any of {len(images)} pictures")
    faces = {i: crop(images[i], oriented_square(points)) for i, points in found}
    return np.stack([faces[min(faces, key=lambda k: abs(k - i))] for i in range(len(images))])
