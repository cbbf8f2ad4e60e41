"""A view: everything that varies between two pictures of one person."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.corpora.pocket.face_maths import Array, Colour


@dataclass(frozen=True)
class View:
    """Pose, light, expression, surroundings and camera of one picture; the defaults are a passport picture.

    Angles in radians: yaw > 0 looks to the viewer's right, pitch > 0 up, roll > 0 clockwise; light_azimuth > 0
    comes from the viewer's right, light_elevation > 0 from above. scale is a factor, shifts and gaze are pixels.
    smile, mouth_open: 0..1; brow_raise: -1..1; lid: -0.2 (wide open) .. 1 (closed); warmth: -1 (blue) .. 1
    (orange); colours are sRGB in 0..1; noise is the deviation of the camera's grain in 8-bit steps.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    light_azimuth: float = 0.35
    light_elevation: float = 0.5
    light: float = 1.0
    ambient: float = 0.38
    warmth: float = 0.0
    smile: float = 0.15
    mouth_open: float = 0.0
    brow_raise: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    lid: float = 0.0
    background: tuple[Colour, Colour] = ((0.62, 0.66, 0.70), (0.42, 0.46, 0.52))
    background_angle: float = 1.2
    clothes: Colour = (0.22, 0.28, 0.40)
    noise: float = 0.0
    grain: int = 0


def _colour(rng: np.random.Generator, low: float, high: float, chroma: float) -> Colour:
    """A random colour of limited brightness and chroma."""
    base = rng.uniform(low, high)
    r, g, b = np.clip(base + chroma * rng.standard_normal(3), 0.03, 0.97)
    return float(r), float(g), float(b)


def draw_view(rng: np.random.Generator) -> View:
    """A view as a camera might catch it: yaw within about 26 degrees, half of the people smiling."""
    uniform, normal = rng.uniform, rng.standard_normal
    smile = float(uniform(0.25, 1.0) if uniform() < 0.5 else uniform(0.0, 0.2))
    gape = float(uniform(0.15, 0.6) if uniform() < 0.35 else 0.0)
    first = _colour(rng, 0.12, 0.88, 0.06)
    second = tuple(float(np.clip(c + 0.09 * normal(), 0.03, 0.97)) for c in first)
    return View(
        yaw=float(np.clip(0.21 * normal(), -0.45, 0.45)),
        pitch=float(np.clip(0.07 * normal(), -0.17, 0.17)),
        roll=float(np.clip(0.04 * normal(), -0.1, 0.1)),
        scale=float(1.0 + 0.03 * np.clip(normal(), -2.0, 2.0)),
        shift_x=float(np.clip(1.2 * normal(), -3.0, 3.0)),
        shift_y=float(np.clip(1.2 * normal(), -3.0, 3.0)),
        light_azimuth=float(uniform(-1.1, 1.1)),
        light_elevation=float(uniform(0.0, 0.9)),
        light=float(uniform(0.8, 1.15)),
        ambient=float(uniform(0.28, 0.52)),
        warmth=float(np.clip(0.4 * normal(), -1.0, 1.0)),
        smile=smile,
        mouth_open=gape,
        brow_raise=float(np.clip(0.35 * normal(), -0.8, 1.0)),
        gaze_x=float(np.clip(0.8 * normal(), -2.0, 2.0)),
        gaze_y=float(np.clip(0.3 * normal(), -0.7, 0.7)),
        lid=float(np.clip(0.07 * normal() + 0.22 * smile * uniform(), -0.12, 0.35)),
        background=(first, (second[0], second[1], second[2])),
        background_angle=float(uniform(0.0, 2.0 * math.pi)),
        clothes=_colour(rng, 0.06, 0.8, 0.11),
        noise=float(uniform(0.5, 2.5)),
        grain=int(rng.integers(1 << 30)),
    )


def key_light(view: View) -> tuple[float, float, float]:
    """Unit vector to the main light in view space (y down)."""
    c = math.cos(view.light_elevation)
    return c * math.sin(view.light_azimuth), -math.sin(view.light_elevation), c * math.cos(view.light_azimuth)


def shine(view: View, normal: tuple[Array, Array, Array], shadow: Array | float = 1.0) -> Array:
    """Light (3, H, W) that a surface of this normal sends back. Red is wrapped furthest round, as through skin."""
    lx, ly, lz = key_light(view)
    nx, ny, nz = normal
    facing = nx * lx + ny * ly + nz * lz
    tint = (1.0 + 0.10 * view.warmth, 1.0, 1.0 - 0.14 * view.warmth)
    sky = (view.ambient * (0.72 - 0.28 * ny + 0.28 * nz))[None]
    lit = np.empty((3, *facing.shape), np.float32)
    for channel, wrap in enumerate((0.34, 0.22, 0.18)):
        lit[channel] = np.maximum((facing + wrap) * (view.light * tint[channel] * 0.95 / (1.0 + wrap)), 0.0) * shadow
    lit += sky
    return lit


def glint(view: View, normal: tuple[Array, Array, Array], tight: int) -> Array:
    """Highlight (H, W) of the main light; `tight` doublings of a squared cosine."""
    lx, ly, lz = key_light(view)
    size = math.sqrt(2.0 + 2.0 * lz)
    half = np.maximum((normal[0] * lx + normal[1] * ly + normal[2] * (lz + 1.0)) / size, 0.0)
    for _ in range(tight):
        half = half * half
    return half * view.light
