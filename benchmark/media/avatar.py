"""A face as a drawn avatar: larger eyes, flat patches of few stronger colours, dark contours.

Plain image processing in the steps of Winnemoeller et al., "Real-time video abstraction" (SIGGRAPH 2006): smooth and
keep edges (here by Kuwahara's filter), quantise brightness, draw a difference of Gaussians over it; a warp comes before
that. It knows nobody and learns nothing: hair, skin, glasses, beard and the shape of the face go through.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

VERSION = 1
"""Of the drawing, raised with every change of a pixel: it stands in the avatars.json of a corpus."""

PIXELS = 128
LEVELS = 7
"""Steps of brightness, black and white included."""
CHROMA_STEP = 9.0
"""Width of a step of each colour difference (of 8-bit YCbCr)."""
SATURATION = 1.25
"""Factor of the colour differences."""
EYES = ((46.0, 60.0), (82.0, 60.0))
"""(x, y) of the eyes in a face that is aligned as CelebA-HQ's are."""
ENLARGE = 0.35
"""Share of the way to an eye's middle that a pixel near it looks: what is there grows by 1 / (1 - ENLARGE)."""
REACH = 8.5
"""Pixels: deviation of the warp around an eye."""
RADIUS = 2
"""Pixels: Kuwahara's quadrants have sides of RADIUS + 1. Wider ones smear eyes at 128 px; it is run twice instead."""
INK = 0.8
"""Share of the colour that a full line takes away."""
INK_STEPS = 4
"""Steps from no line to a full one; fewer look jagged, without any the colours are many again."""

Picture = NDArray[np.uint8]
Array = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_BLUE, _RED = 1.772, 1.402


def avatar(face: Picture) -> Picture:
    """A face drawn as an avatar.

    A pure function: the same picture gives the same avatar, whatever came before.

    Args:
        face: (128, 128, 3) uint8 RGB, aligned as CelebA-HQ's faces are (`benchmark.media.align`).

    Returns:
        (128, 128, 3) uint8 RGB.

    Raises:
        ValueError: another shape or type.
    """
    if face.dtype != np.uint8 or face.shape != (PIXELS, PIXELS, 3):
        raise ValueError(f"An avatar is drawn of a (128, 128, 3) uint8 face, got {face.dtype} {face.shape}.")
    warped = enlarged_eyes(face.astype(np.float32))
    drawn = quantised(kuwahara(kuwahara(warped))) * (1.0 - INK * contours(warped @ _LUMA))[..., None]
    picture: Picture = np.rint(drawn.clip(0.0, 255.0)).astype(np.uint8)
    return picture


def enlarged_eyes(face: Array) -> Array:
    """(H, W, 3) -> the same with what lies at EYES enlarged; what is further off than three times REACH stays."""
    y, x = np.mgrid[: face.shape[0], : face.shape[1]].astype(np.float32)
    from_y, from_x = y.copy(), x.copy()
    for eye_x, eye_y in EYES:
        pull = ENLARGE * np.exp(-((x - eye_x) ** 2 + (y - eye_y) ** 2) / (2.0 * REACH**2))
        from_x -= pull * (x - eye_x)
        from_y -= pull * (y - eye_y)
    return np.stack(
        [ndimage.map_coordinates(face[..., c], (from_y, from_x), order=1, mode="nearest") for c in range(3)], axis=-1
    )


def kuwahara(face: Array) -> Array:
    """(H, W, 3) in [0, 255] -> the same smoothed: a pixel takes the mean of that of the four quadrants around it in
    which the brightness varies least, so that nothing is averaged over an edge (Kuwahara et al. 1976)."""
    luma = face @ _LUMA
    planes = np.concatenate([face, luma[..., None], (luma**2)[..., None]], axis=-1)
    planes = np.pad(planes, ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)), mode="edge")
    means = ndimage.uniform_filter(planes, (RADIUS + 1, RADIUS + 1, 0), mode="nearest")
    height, width = luma.shape
    first, second = RADIUS // 2, RADIUS + RADIUS // 2
    quadrants = np.stack([means[y : y + height, x : x + width] for y in (first, second) for x in (first, second)])
    best = (quadrants[..., 4] - quadrants[..., 3] ** 2).argmin(axis=0)
    smooth: Array = np.take_along_axis(quadrants[..., :3], best[None, ..., None], axis=0)[0]
    return smooth


def quantised(face: Array) -> Array:
    """(H, W, 3) in [0, 255] -> brightness in LEVELS steps, colour differences in steps of CHROMA_STEP after they are
    made SATURATION times as strong; within [0, 255]."""
    luma = face @ _LUMA
    blue, red = (face[..., 2] - luma) / _BLUE, (face[..., 0] - luma) / _RED
    luma = np.rint(luma * ((LEVELS - 1) / 255.0)) * (255.0 / (LEVELS - 1))
    blue, red = (np.rint(SATURATION * plane / CHROMA_STEP) * CHROMA_STEP for plane in (blue, red))
    r, b = luma + _RED * red, luma + _BLUE * blue
    g = (luma - _LUMA[0] * r - _LUMA[2] * b) / _LUMA[1]
    return np.stack([r, g, b], axis=-1).clip(0.0, 255.0)


def contours(luma: Array) -> Array:
    """(H, W) in [0, 255] -> (H, W) in [0, 1], 1 on a full line: where a pixel is darker than what surrounds it, by a
    difference of Gaussians (deviations .8 and 1.6) beyond the camera's grain."""
    darker = ndimage.gaussian_filter(luma, 1.6) - ndimage.gaussian_filter(luma, 0.8)
    lines: Array = np.rint(INK_STEPS * np.tanh(np.maximum(darker - 2.0, 0.0) / 8.0)) / INK_STEPS
    return lines
