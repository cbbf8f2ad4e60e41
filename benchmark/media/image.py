"""Pictures: reading, writing, and the one feature that faces are stored as."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.features import Feature

MAX_PIXELS = 50_000_000
"""Larger pictures are refused by their header alone: a few kilobytes can claim to be gigabytes."""

RESIZE = "Pillow bilinear, antialiased"
"""What `shrink_square` does, in words, for fingerprints: the filter moves FID."""

_EIGHT_BIT = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}


def _face_batch(rows: Tensor) -> Tensor:
    """(B, 1, 128, 128, 3) uint8 -> (B, 3, 128, 128) float32 in [-1, 1]."""
    if rows.shape[1] != 1:
        raise ValueError(f"A face batch takes one picture a row, got rows of shape {tuple(rows.shape)}.")
    return rows[:, 0].permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1.0


FACE128 = Feature(
    name="face128",
    modality="face",
    dtype="uint8",
    tail=(128, 128, 3),
    rate=None,
    source=None,
    compute=None,
    batch=_face_batch,
    spec={"pixels": 128, "colour": "RGB", "alignment": "celeba_hq five-point quad"},
)
"""Aligned RGB faces; a row is one picture. See `benchmark.media.align` for what aligned means."""


def read_image(path: Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """One picture as (H, W, 3) uint8 RGB, turned upright by its EXIF tag.

    Raises:
        UnreadableMedia: not there, not a picture, cut short, more than `max_pixels`, more than 8 bits a channel.
    """
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            if width * height > max_pixels:
                raise UnreadableMedia(f"{path}: {width}x{height} pixels; at most {max_pixels} are read. Scale it down.")
            if picture.mode not in _EIGHT_BIT:
                raise UnreadableMedia(f"{path}: pixel format {picture.mode}; save it with 8 bits a channel.")
            return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
    # Pillow's decoders raise all of these on damaged files, and a bomb error of its own on absurd headers.
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UnreadableMedia(f"{path}: not a readable picture ({error}).") from error


def shrink_square(image: np.ndarray, pixels: int = 128) -> np.ndarray:
    """The largest centred square of (H, W, 3) uint8 RGB -> (pixels, pixels, 3) uint8.

    Pillow's bilinear filter, which averages over all that a pixel covers when it shrinks: the resize of
    clovaai/stargan-v2@875b70a:core/data_loader.py, in training and in evaluation.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(image[top : top + side, left : left + side])
    return np.array(square.resize((pixels, pixels), Image.Resampling.BILINEAR))


def to_uint8(image: Tensor) -> np.ndarray:
    """(..., 3, H, W) float in [-1, 1] -> (..., H, W, 3) uint8; values beyond are clipped.

    Rounds as torchvision.utils.save_image does: floor(255 x + 0.5) of x in [0, 1].
    """
    unit = ((image.detach().float() + 1.0) / 2.0).clamp(0.0, 1.0)
    return (unit * 255.0 + 0.5).to(torch.uint8).movedim(-3, -1).cpu().numpy()


def write_png(path: Path, image: Tensor) -> None:
    """Write (3, H, W) float in [-1, 1] as PNG, atomically.

    Raises:
        BenchmarkError: the picture holds NaN or infinity.
        OSError: as the disk says.
    """
    if not bool(torch.isfinite(image).all()):
        raise BenchmarkError(f"{path.name}: the picture holds NaN or infinite values and was not written.")
    with atomic(path) as file:
        Image.fromarray(to_uint8(image)).save(file, format="PNG")
