"""What surrounds a face: background, neck, shoulders and clothes, ears, glasses."""

from __future__ import annotations

import math

import numpy as np

from benchmark.corpora.pocket.face_look import Look
from benchmark.corpora.pocket.face_maths import Array, bell, bump, cover, lay, linear, noise, pixels, ramp
from benchmark.corpora.pocket.face_shape import EYE_DEPTH, Pose, Shape
from benchmark.corpora.pocket.face_view import View, glint, shine


def background(view: View) -> Array:
    """Two colours run into each other, with out-of-focus clouds. (3, 128, 128)."""
    x, y = pixels()
    t = 0.5 + (x * math.cos(view.background_angle) + y * math.sin(view.background_angle)) * (1.0 / 150.0)
    t = t + 0.35 * noise("cloud", x, y, 0.9, view.grain & 255)
    first, second = (linear(c) for c in view.background)
    return np.asarray(first + (second - first) * np.clip(t, 0.0, 1.0))


def body(image: Array, shape: Shape, look: Look, view: View, x: Array, y: Array, shade: Array) -> None:
    """Neck and dressed shoulders; `shade` (H, W) is the shadow of the head, 1 where none falls."""
    a = np.abs(x)
    fat = 2.0 * shape.full
    neck = (
        shape.neck + 0.022 * np.square(np.clip(y - 44.0, 0.0, None)) + 0.004 * np.square(np.clip(44.0 - y, 0.0, None))
    )
    shoulder = 63.0 - 2.5 * shape.man - 1.6 * fat + 13.0 * np.square(np.clip((a - 18.0) / 46.0, 0.0, None))
    edge = np.maximum(np.minimum((a - neck) * 0.9, shoulder - y), 24.0 - y)
    across = np.clip(x / (neck + 6.0), -1.0, 1.0)
    rounded = np.sqrt(1.0 - across * across)
    normal = (across, np.full_like(across, 0.05), rounded)
    cords = 1.0 - (0.10 + 0.25 * shape.age) * bell((a - 9.0 + 0.12 * (y - 50.0)) / 2.2)
    rings = 1.0 - (0.05 + 0.3 * shape.age) * (
        bell((y - 56.0 + 0.006 * x * x) / 1.2) + bell((y - 62.0 + 0.006 * x * x) / 1.2)
    )
    lay(image, linear(look.skin) * 0.93 * cords * rings * shine(view, normal, shade), cover(edge))
    # The neckline, one of three by the person: crew, open collar, low scoop.
    cut = look.seed % 3
    hem = (59.0, 66.0, 62.0)[cut] - (0.012, 0.0, 0.008)[cut] * x * x - (0.0, 0.55, 0.0)[cut] * a - 0.6 * fat
    cloth = np.maximum(shoulder - 1.2 - y, hem - y)
    bulge = np.clip(x / 75.0, -1.0, 1.0)
    weave = noise("skin", x, y, 4.0, look.seed + 40)
    fall = (bulge, np.full_like(bulge, -0.35), np.sqrt(np.maximum(1.0 - bulge * bulge - 0.12, 0.05)))
    crease = 1.0 + 0.07 * weave - 0.25 * bell((y - hem) / 1.6)
    lay(image, linear(view.clothes) * crease * shine(view, fall, 0.5 + 0.5 * shade), cover(cloth))


def ears(image: Array, shape: Shape, look: Look, view: View, pose: Pose, half: float, x: Array, y: Array) -> None:
    """Both ears; the head, drawn later, hides the one that is turned away."""
    for side in (-1.0, 1.0):
        ex, ey, _ = pose.project(side * (half + 0.8), 7.0, -5.0)
        u, v = (x - ex) * (1.0 / 5.6), (y - ey) * (1.0 / (11.0 + shape.age))
        lean = u - side * 0.25 * -v
        r = np.sqrt(lean * lean + v * v)
        inner = bump((lean - side * 0.1) / 0.55, (v + 0.1) / 0.6)
        facing = math.sin(pose.yaw) * -side
        normal = (np.full_like(u, side * 0.55), np.full_like(u, -0.05), np.full_like(u, 0.80 + 0.1 * facing))
        tone = linear(look.skin) * linear((1.0, 0.92, 0.92)) * (1.0 - 0.5 * inner) * (0.85 + 0.25 * ramp(r, 0.6, 0.9))
        lay(image, tone * shine(view, normal), cover((r - 1.0) * 6.0))


def glasses(
    image: Array, shape: Shape, look: Look, view: View, pose: Pose, half: float, x: Array, y: Array, face: Array
) -> None:
    """Frame, bridge, temples and a faint reflection; worn in all pictures of the person."""
    wide, high, corner = {"round": (8.6, 8.4, 8.2), "square": (9.8, 7.4, 3.0), "wide": (10.8, 6.8, 4.6)}[look.glasses]
    colour = linear(look.frame) * (0.7 + 0.3 * view.light)
    turn = math.cos(pose.yaw)
    rim = 0.5 * look.rim
    ends = []
    for side in (-1.0, 1.0):
        cx, cy, _ = pose.project(side * (shape.eye_x + 0.6), 1.6, EYE_DEPTH + 4.0)
        u, v = np.abs(x - cx) * (1.0 / turn) - (wide - corner), np.abs(y - cy) - (high - corner)
        outside = np.sqrt(np.square(np.maximum(u, 0.0)) + np.square(np.maximum(v, 0.0)))
        distance = outside + np.minimum(np.maximum(u, v), 0.0) - corner
        lens = cover(distance)
        streak = bell((x - cx + 0.8 * (y - cy) + 4.0) / 3.0) * 0.035
        lay(image, np.ones((3, 1, 1), np.float32), lens * (0.008 + streak))
        lay(image, colour, cover(np.abs(distance) - rim) * 0.95)
        ends.append((cx - side * wide * turn, cy))
        # Temple: from the outer corner of the lens back to the ear.
        x0, y0, _ = pose.project(side * (shape.eye_x + 0.6 + wide), -1.5, EYE_DEPTH + 2.0)
        x1, y1, _ = pose.project(side * (half + 1.0), 0.0, -2.0)
        t = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1.0), 0.0, 1.0)
        gap = np.sqrt(np.square(x - x0 - t * (x1 - x0)) + np.square(y - y0 - t * (y1 - y0)))
        lay(image, colour, cover(gap - rim) * 0.9 * face)
    (xl, yl), (xr, yr) = ends
    t = (x - xl) / max(xr - xl, 1.0)
    arc = np.abs(y - yl - (yr - yl) * t + 1.5 + 4.0 * t * (1.0 - t)) - rim
    lay(image, colour, cover(arc) * cover(np.abs(t - 0.5) * (xr - xl) - 0.5 * (xr - xl)) * 0.95)


def bun(image: Array, shape: Shape, colour: Array, view: View, pose: Pose, look: Look, x: Array, y: Array) -> None:
    """Hair tied up behind the crown."""
    cx, cy, _ = pose.project(0.0, -52.0, -22.0)
    u, v = (x - cx) * (1.0 / 15.0), (y - cy) * (1.0 / 11.0)
    r2 = u * u + v * v
    normal = (u, v, np.sqrt(np.maximum(1.0 - r2, 0.05)))
    streak = noise("strand", y + 0.4 * x, x, 1.6, look.seed + 23)
    lit = shine(view, normal) * (1.0 + 0.4 * streak)
    lay(image, colour * lit + 0.04 * glint(view, normal, 3), cover((np.sqrt(r2) - 1.0) * 11.0, 1.6))
