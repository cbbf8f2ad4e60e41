"""The head as a surface: an ellipse for every height, a relief on its front, and the pose that turns it.

Head space has its origin between the eyes on the axis of the skull: x to the viewer's right, y down, z towards
the viewer, in pixels of a picture at scale 1. View space is head space after yaw and pitch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.corpora.pocket.face_maths import Array, bell, bump, ramp
from benchmark.corpora.pocket.identity import Identity

EYE_DEPTH = 33.0
"""z of the eyes: the point that stays where CelebA-HQ puts it, however the head turns."""
_TOP, _STEP, _ROWS = -64.0, 0.5, 340
_Y = _TOP + _STEP * np.arange(_ROWS)


@dataclass(frozen=True)
class Shape:
    """Sizes of one face, in head units; ageing and fullness are 0..1 and about -1..1."""

    man: float
    age: float  # 0 at 18 years, 1 at 80
    full: float
    jaw: float
    chin: float  # y of the chin
    eye_x: float
    eye_width: float
    eye_open: float
    brow_y: float
    brow_weight: float
    nose_tip: float  # y
    nose_width: float
    mouth_y: float
    mouth_width: float
    lip: float  # thickness of the lower lip
    neck: float  # half-width


def shape_of(identity: Identity) -> Shape:
    """The drivers of the voice, made visible. `hidden` is not read."""
    man, age = float(identity.gender), (identity.age - 18.0) / 62.0
    return Shape(
        man=man,
        age=age,
        full=0.5 * identity.size,
        jaw=0.5 * identity.jaw + 0.42 * (2.0 * man - 1.0),
        chin=50.0 + 2.5 * man + 0.3 * identity.size + 0.9 * identity.jaw,
        eye_x=15.6 + 1.0 * identity.eyes,
        eye_width=8.6 + 0.85 * identity.eyes - 0.3 * man,
        eye_open=4.6 + 0.62 * identity.eyes - 0.5 * man - 0.9 * age,
        brow_y=-11.6 - 1.7 * identity.brow + 1.8 * man + 0.8 * age,
        brow_weight=1.95 + 0.5 * identity.brow + 0.95 * man,
        nose_tip=18.5 + 1.6 * identity.nose + 0.8 * man + 1.0 * age,
        nose_width=1.0 + 0.11 * identity.nose + 0.1 * man + 0.08 * age,
        mouth_y=32.5 + 0.9 * identity.nose + 0.8 * man,
        mouth_width=12.0 + 0.5 * man + 0.8 * identity.lips,
        lip=3.9 * math.exp(0.33 * identity.lips) * (1.0 - 0.12 * man) * (1.0 - 0.22 * age),
        neck=18.0 + 5.0 * man + 2.9 * identity.size,
    )


@dataclass(frozen=True)
class Pose:
    """A turned head; positive yaw looks to the viewer's right, positive pitch looks up (radians)."""

    yaw: float
    pitch: float

    def project(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """A point of head space in view space."""
        cy, sy, cp, sp = math.cos(self.yaw), math.sin(self.yaw), math.cos(self.pitch), math.sin(self.pitch)
        depth = z * cy - x * sy
        return x * cy + z * sy, y * cp - depth * sp, y * sp + depth * cp


@dataclass(frozen=True)
class Profile:
    """Half-width and half-depth of a head-like solid over y, as tables of `_Y`."""

    width: Array
    depth: Array
    top: float
    bottom: float


def profile(knots_y: list[float], width: list[float], depth: list[float], top: float, bottom: float) -> Profile:
    """A solid through knots, rounded off at its ends: blunt below, domed above."""
    middle = 0.5 * (top + bottom)
    rise = np.clip((middle - _Y) / (middle - top), 0.0, 1.0)
    fall = np.clip((_Y - middle) / (bottom - middle), 0.0, 1.0)
    cap = np.sqrt(np.clip(1.0 - rise**3.2 - fall**7.5, 1e-4, 1.0))
    smooth = np.hanning(23)
    smooth /= smooth.sum()

    def table(values: list[float]) -> Array:
        padded = np.pad(np.interp(_Y, knots_y, values), 11, mode="edge")
        return np.asarray((np.convolve(padded, smooth, "valid") * cap).astype(np.float32))

    return Profile(table(width), table(depth), top, bottom)


def head_profile(shape: Shape) -> Profile:
    """Skull, cheeks and jaw: size fills the lower half, the jaw squares it, age lets it sag."""
    full, jaw, sag = shape.full, shape.jaw, shape.age
    width = [31.5, 33.0, 34.0 + 0.4 * full, 34.2 + 2.2 * full, 33.0 + 4.0 * full + 0.6 * jaw]
    width += [29.0 + 4.4 * full + 3.0 * jaw + 0.8 * sag, 22.0 + 3.8 * full + 6.0 * jaw + 2.0 * sag]
    width += [13.5 + 2.4 * full + 5.2 * jaw + 1.0 * sag]
    depth = [33.0, 36.0, 38.5, 38.0, 37.5, 36.5, 35.0, 32.0]
    return profile([-52.0, -34.0, -14.0, 3.0, 16.0, 29.0, 41.0, shape.chin], width, depth, -51.0, shape.chin)


@dataclass(frozen=True)
class Surface:
    """What every pixel sees of a solid: head-space point, outward normal in view space, distance to the outline."""

    x: Array
    y: Array
    z: Array
    normal: tuple[Array, Array, Array]
    edge: Array


def meet(solid: Profile, pose: Pose, px: Array, py: Array, lift: Array | None = None) -> Surface:
    """Where the line of sight of each pixel (px, py in view space) meets the solid raised by `lift` (in z)."""
    cy, sy, cp, sp = math.cos(pose.yaw), math.sin(pose.yaw), math.cos(pose.pitch), math.sin(pose.pitch)
    slope_w = np.gradient(solid.width, _STEP).astype(np.float32)
    slope_d = np.gradient(solid.depth, _STEP).astype(np.float32)
    y = py * cp + (EYE_DEPTH * 0.8) * sp
    for _ in range(2):
        row = np.clip((y - _TOP) * (1.0 / _STEP), 0.0, _ROWS - 1.001)
        low = row.astype(np.int32)
        part = row - low
        w = solid.width.take(low)
        w += (solid.width.take(low + 1) - w) * part
        d = solid.depth.take(low)
        d += (solid.depth.take(low + 1) - d) * part
        iw, idp = 1.0 / (w * w), 1.0 / (d * d)
        a = iw * (sy * sy) + idp * (cy * cy)
        b = px * (idp - iw) * (cy * sy)
        c = px * px * (iw * (cy * cy) + idp * (sy * sy)) - 1.0
        depth = (np.sqrt(np.maximum(b * b - a * c, 0.0)) - b) / a
        if lift is not None:
            depth += lift
        z2 = (depth + py * sp) / cp
        y = py * cp + z2 * sp
    x = px * cy - depth * sy
    z = px * sy + depth * cy
    wp, dp = slope_w.take(low), slope_d.take(low)
    outline = np.sqrt(w * w * (cy * cy) + d * d * (sy * sy))
    lean = (w * wp * (cy * cy) + d * dp * (sy * sy)) / outline
    edge = (np.abs(px) - outline) / np.sqrt(1.0 + lean * lean)
    edge = np.maximum(edge, np.maximum(y - solid.bottom, solid.top - y))
    nx, nz = x * iw, z * idp
    ny = -(x * nx * wp / w + z * nz * dp / d)
    vx, v1 = nx * cy + nz * sy, nz * cy - nx * sy
    vy, vz = ny * cp - v1 * sp, ny * sp + v1 * cp
    size = 1.0 / np.sqrt(vx * vx + vy * vy + vz * vz + 1e-12)
    return Surface(x, y, z, (vx * size, vy * size, vz * size), edge)


def relief(shape: Shape, smile: float, x: Array, y: Array) -> Array:
    """Height of the features over the smooth head at head-space (x, y)."""
    a, age, man = np.abs(x), shape.age, shape.man
    tip, wide, mouth = shape.nose_tip, shape.nose_width, shape.mouth_y
    t = np.clip((y + 9.0) * (1.0 / (tip + 9.0)), 0.0, 1.0)
    nose = (2.5 + 6.0 * t) * ramp(y + 0.32 * np.sqrt(x * x + 4.0), tip + 7.1, tip - 1.9) * ramp(y, -14.0, 4.0)
    h = nose * bell(x / ((4.8 + 3.2 * t) * wide))
    h += 4.2 * bump(x / (5.0 * wide), (y - tip + 1.0) / 5.0)
    h += 3.2 * bump((a - 6.6 * wide) / 3.2, (y - tip) / 3.6)
    h -= (3.4 + 0.8 * age) * bump((a - shape.eye_x + 1.5) / 11.0, (y + 1.0) / 7.0)
    h += 2.2 * bump((a - shape.eye_x) / 9.0, y / 5.0)
    h += (1.2 + 1.3 * man) * bump((a - 13.0) / 15.0, (y + 9.5) / 5.0)
    h += (1.6 + 1.4 * smile + 1.0 * shape.full) * bump((a - 21.0) / 10.0, (y - 15.0 + smile) / 8.0)
    h -= (1.2 + 1.2 * age - 0.9 * shape.full) * bump((a - 25.0) / 8.0, (y - 27.0) / 8.0)
    h += 1.8 * bump(x / 15.0, (y - mouth) / 10.0)
    h += shape.lip * 0.4 * bump(x / 9.0, (y - mouth - 0.55 * shape.lip) / 2.8)
    h -= 1.7 * bump(x / 9.0, (y - mouth - 8.0) / 3.0)
    h += (2.2 + 0.7 * man) * bump(x / (9.5 + 2.0 * man), (y - shape.chin + 6.0) / 6.0)
    h -= 0.7 * bump(x / 2.0, (y - 0.5 * (tip + mouth) - 1.5) / 4.0)
    return np.asarray(h)
