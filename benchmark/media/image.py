"""Pictures: reading, writing, and the one feature that faces are stored as."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.features import Feature

MAX_PIXELS = 50_000_000
"""Larger pictures are refused by their header alone: a few kilobytes can claim to be gigabytes."""

SIDES = range(16, 20_001)
"""Pixels a side. No face can be told in fewer, and no photograph of one is wider: such a picture is a mistake."""

MAX_BYTES = 512 << 20
"""Of a picture's file: more than `MAX_PIXELS` need in any format. Pillow holds unknown chunks in memory."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""Told by content, whatever the file is called. Others of Pillow's formats start programs (EPS) or open other files."""

RESIZE = "Pillow bilinear, antialiased"
"""What `shrink_square` does, in words, for fingerprints: the filter moves FID."""

_EIGHT_BIT = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
_SIXTEEN_BIT = {"I;16", "I;16B", "I;16L", "I;16N"}


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

    The format is told by content. Alpha is dropped, as clovaai/stargan-v2 and torchvision's folders do: what lies
    under it shows. Of 16 bits a channel the upper 8 are kept. CMYK is converted without a colour profile; greys and
    palettes become RGB. Of a phone's MPO the first picture is read, for the others are its depth and previews.

    Raises:
        UnreadableMedia: not there, not a picture, cut short, several pictures (animated), a side out of `SIDES`, more
            than `max_pixels`, more than 16 bits a channel.
    """
    if not path.is_file():
        raise UnreadableMedia(f"{path}: there is no such picture.")
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableMedia(f"{path}: a file of {path.stat().st_size} bytes; at most {MAX_BYTES} are read.")
    try:
        with _opened(path) as picture:
            _check(picture, path, max_pixels)
            upright = ImageOps.exif_transpose(picture)
            if picture.mode in _SIXTEEN_BIT:
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            return np.array(upright.convert("RGB"))
    except UnreadableMedia:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise UnreadableMedia(f"{path}: not a readable picture ({error or type(error).__name__}).") from error


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Pillow warns of bombs from 89 million pixels on; `_check` refuses them, so the warning is dropped, here alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        picture = Image.open(path, formats=_FORMATS)
    with picture:
        yield picture


def _check(picture: Image.Image, path: Path, max_pixels: int) -> None:
    width, height = picture.size
    if width * height > max_pixels:
        raise UnreadableMedia(f"{path}: {width}x{height} pixels; at most {max_pixels} are read. Scale it down.")
    if width not in SIDES or height not in SIDES:
        raise UnreadableMedia(
            f"{path}: {width}x{height} pixels; sides of {SIDES[0]} to {SIDES[-1]} are read. Is it a photograph?"
        )
    if picture.mode not in _EIGHT_BIT | _SIXTEEN_BIT:
        raise UnreadableMedia(f"{path}: pixel format {picture.mode}; save it with 8 bits a channel.")
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        raise UnreadableMedia(f"{path}: holds several pictures ({picture.format}); save the one that is meant.")


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


def resized(pictures: Tensor, pixels: int) -> Tensor:
    """(B, 3, H, H) -> (B, 3, pixels, pixels): bilinear, averaging over all that a pixel covers; H itself changes
    nothing. The suite's one filter between the sizes that systems and judges work at."""
    if pictures.shape[-2:] == (pixels, pixels):
        return pictures
    return functional.interpolate(pictures, (pixels, pixels), mode="bilinear", antialias=True)


def mirror(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """(B, 3, H, W), each turned left for right with probability 1/2."""
    turned = (torch.rand(len(pictures), generator=generator) < 0.5).to(pictures.device)
    return torch.where(turned[:, None, None, None], pictures.flip(3), pictures)


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
        # The cheapest compression: runs write thousands of small pictures, and a tighter one takes far longer.
        Image.fromarray(to_uint8(image)).save(file, format="PNG", compress_level=1)
