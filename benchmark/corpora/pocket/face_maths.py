"""The few soft shapes that faces are drawn with, and the noise that breaks their smoothness. Everything is float32."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmark.corpora.pocket.identity import rng

Array = np.ndarray
Colour = tuple[float, float, float]
SIZE = 128
"""Pixels a side of every picture; one head unit is one pixel at scale 1."""


@cache
def pixels() -> tuple[Array, Array]:
    """Positions x and y (128, 128) of the pixel centres, origin in the middle of the eye line (0.47 of the height)."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    return x + np.float32(0.5 - 64.0), y + np.float32(0.5 - 60.0)


def bell(t: Array) -> Array:
    """A bump of height 1 and half-width about 0.64: a Gaussian's look without its exp."""
    u = 1.0 + t * t
    u *= u
    return np.asarray(np.reciprocal(u, out=u))


def bump(x: Array, y: Array) -> Array:
    """The round bump of two coordinates."""
    u = 1.0 + x * x
    u += y * y
    u *= u
    return np.asarray(np.reciprocal(u, out=u))


def ramp(t: Array, low: float, high: float) -> Array:
    """Smooth step from 0 at `low` to 1 at `high` (high < low runs backwards)."""
    u = np.clip((t - low) * (1.0 / (high - low)), 0.0, 1.0)
    return u * u * (3.0 - 2.0 * u)


def cover(distance: Array, soft: float = 1.0) -> Array:
    """Coverage of a pixel from its signed distance to an edge (negative inside), `soft` pixels wide."""
    return np.clip(0.5 - distance * (1.0 / soft), 0.0, 1.0)


def linear(colour: Colour) -> Array:
    """(3, 1, 1) light of an sRGB-like colour; a gamma of 2 keeps the way back a square root."""
    return np.square(np.array(colour, np.float32)).reshape(3, 1, 1)


def lay(image: Array, colour: Array, alpha: Array) -> None:
    """Lay a colour (3, ...) over an image (3, H, W) in place."""
    image += (colour - image) * alpha


@cache
def _table(kind: str) -> Array:
    """(256, 256) periodic noise in about [-1, 1]: "strand" is long in y, "skin" is fine, "cloud" is coarse."""
    waves = np.fft.fftfreq(256) * 256.0
    fy, fx = np.abs(waves[:, None]), np.abs(waves[None, :])
    if kind == "strand":
        band = np.exp(-((fy / 3.0) ** 2)) * (1.0 / (1.0 + (fx / 18.0) ** 2)) * (fx > 2)
    elif kind == "curl":
        band = np.exp(-(((np.hypot(fx, fy) - 26.0) / 9.0) ** 2))
    elif kind == "skin":
        band = 1.0 / (1.0 + (np.hypot(fx, fy) / 24.0) ** 2)
    else:
        band = np.exp(-((np.hypot(fx, fy) / 3.0) ** 2))
    band = band * (fy + fx > 0)
    white = rng("face-noise", kind).standard_normal((256, 256))
    table = np.fft.ifft2(np.fft.fft2(white) * band).real
    scaled: Array = np.clip(table / table.std() / 2.0, -1.5, 1.5).astype(np.float32)
    return scaled


def noise(kind: str, x: Array, y: Array, scale: float, offset: int = 0) -> Array:
    """Noise of `kind` at (x, y), `scale` table cells a unit, bilinear (strands, long in y, across x only)."""
    table = _table(kind).ravel()
    u = x * scale
    u0 = np.floor(u)
    column = u0.astype(np.int32) + offset
    row = (np.floor(y * scale).astype(np.int32) + (offset * 7 + 512)) & 255
    row <<= 8
    column &= 255
    after, part = (column + 1) & 255, u - u0
    value = table.take(row + column)
    value += (table.take(row + after) - value) * part
    if kind == "strand":
        return value
    below = (row + 256) & 0xFFFF
    second = table.take(below + column)
    second += (table.take(below + after) - second) * part
    v = y * scale
    return np.asarray(value + (second - value) * (v - np.floor(v)))
