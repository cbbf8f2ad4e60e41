"""Brows, eyes and mouth: small drawings on the face in head space, moved by the expression."""

from __future__ import annotations

import numpy as np

from benchmark.corpora.pocket.face_look import Look
from benchmark.corpora.pocket.face_maths import Array, bell, bump, cover, lay, linear, noise, ramp
from benchmark.corpora.pocket.face_shape import Shape


def brows(skin: Array, hair: Array, shape: Shape, look: Look, raised: float, x: Array, y: Array) -> None:
    """Two tapered strokes of short hairs."""
    a = np.abs(x)
    t = (a - shape.eye_x + 9.0) * (1.0 / 20.0)
    middle = shape.brow_y - 1.6 * raised - (2.6 - 1.2 * shape.man) * np.sin(np.clip(t, 0.0, 1.15) * 2.6) + 1.6
    thick = shape.brow_weight * ramp(t, 1.12, 0.55) * (0.75 + 0.25 * ramp(t, 0.0, 0.3))
    stroke = cover(np.abs(y - middle) - thick, 1.6) * ramp(t, -0.06, 0.08) * ramp(t, 1.1, 0.95)
    grain = noise("strand", y + 0.9 * a, x, 2.5, look.seed + 5)
    lay(skin, hair, stroke * np.clip(0.86 + 0.3 * grain, 0.0, 1.0))


def eye(
    image: Array,
    gloss: Array,
    shape: Shape,
    look: Look,
    lid: float,
    gaze: tuple[float, float],
    side: float,
    x: Array,
    y: Array,
) -> None:
    """One eye on a patch of the face: ball, iris, pupil, lids, lashes. `gloss` takes the shine of the cornea."""
    u = (x * side - shape.eye_x) * (1.0 / shape.eye_width)
    v = y + 0.9 * u * (1.0 - 0.9 * shape.age) - 0.2
    arch = np.clip(1.0 - u * u, 0.0, 1.0)
    wide = shape.eye_open * (1.0 - lid)
    upper = -wide * arch * (1.0 - 0.18 * u) + 0.3
    lower = 0.46 * shape.eye_open * (1.0 - 0.3 * lid) * arch * (1.0 + 0.15 * u) + 0.3
    tone = linear(look.skin)
    # Crease of the upper lid; with age the lid hoods it.
    crease = upper - 2.2 + 0.8 * shape.age - 0.9 * u * u
    lay(image, tone * 0.30, 0.6 * bell((v - crease) / 0.9) * ramp(np.abs(u), 1.2, 0.7))
    inside = cover(np.maximum(upper - v, v - lower), 1.1) * ramp(np.abs(u), 1.04, 0.94)
    white = linear((0.87 - 0.05 * shape.age, 0.85 - 0.07 * shape.age, 0.83 - 0.09 * shape.age)) * (1.0 - 0.28 * u * u)
    lay(image, white * (0.45 + 0.55 * ramp(v - upper, 0.0, 3.2)), inside)
    radius = 0.3 * shape.eye_width + 1.75
    ix = x * side - shape.eye_x - side * gaze[0]
    iy = v + 0.35 - gaze[1]
    r = np.sqrt(ix * ix + iy * iy)
    iris = linear(look.iris)
    ball = iris * (0.9 + 0.9 * ramp(r, 0.9 * radius, 0.3 * radius)) * (0.65 + 0.35 * ramp(v - upper, 0.0, 2.5))
    lay(image, ball, inside * cover(r - radius))
    lay(image, iris * 0.12, inside * 0.75 * bell((r - radius) / 0.7))
    lay(image, np.full((3, 1, 1), 0.002, np.float32), inside * cover(r - 0.42 * radius))
    gloss += 0.8 * inside * cover(np.sqrt(np.square(ix * side + 1.3) + np.square(iy + 1.4)) - 0.8)
    lash = linear((0.10, 0.07, 0.06))
    thick = 0.75 + 0.75 * look.makeup
    line = cover(np.abs(v - upper + 0.35 * thick) - 0.55 * thick, 1.2) * ramp(np.abs(u + 0.02), 1.16, 0.98)
    lay(image, lash, line * (0.72 + 0.28 * look.makeup))
    wing = (
        cover(np.abs(v - upper + 0.9 * np.clip(u - 0.75, 0.0, None) * 4.0 + 0.6) - 0.6)
        * ramp(u, 0.7, 1.0)
        * ramp(u, 1.4, 1.15)
    )
    lay(image, lash, wing * 0.8 * look.makeup)
    lay(image, tone * 0.22, (0.35 + 0.3 * look.makeup) * bell((v - lower - 0.3) / 0.7) * ramp(np.abs(u), 1.1, 0.8))


def mouth(image: Array, gloss: Array, shape: Shape, look: Look, smile: float, gape: float, x: Array, y: Array) -> None:
    """Lips on a patch of the face, parted by `gape` (0..1) over teeth and dark, corners drawn by `smile`."""
    width = shape.mouth_width * (1.0 + 0.2 * smile - 0.05 * gape)
    u = x * (1.0 / width)
    square = u * u
    arch = np.clip(1.0 - square, 0.0, 1.0)
    line = shape.mouth_y - (0.5 + 4.2 * smile) * square + 1.2 * smile - 0.3
    part = (1.2 * smile * gape + 6.5 * gape) * arch
    top = line - 0.25 * part
    base = line + 0.75 * part
    bow = 1.0 - 0.32 * bell(u / 0.16) + 0.1 * bell((np.abs(u) - 0.3) / 0.2)
    upper = top - (0.8 * shape.lip + 0.4) * arch * bow
    lower = base + (shape.lip + 0.6) * arch * (1.0 - 0.25 * square)
    tone = linear(look.skin)
    natural = tone * linear((0.90, 0.62 + 0.03 * shape.man, 0.64 + 0.03 * shape.man))
    natural += (linear((0.66, 0.38, 0.37)) - natural) * (0.5 * (1.0 - tone.mean()))  # lips are paler than dark skin
    colour = natural + (linear((0.70, 0.20, 0.24)) * (0.45 + 0.55 * tone[0]) - natural) * (0.85 * look.makeup)
    pale = np.float32(0.3 * shape.age)
    colour = colour + (tone * 0.8 - colour) * pale
    ends = ramp(np.abs(u), 1.03, 0.93)
    lips = cover(np.maximum(upper - y, y - lower), 1.3) * ends
    lay(image, colour * (0.82 + 0.25 * ramp(y - line, -1.0, 2.0)), lips * 0.92)
    cracks = noise("strand", x, y, 2.0, look.seed + 33)
    lay(image, colour * 0.6, lips * np.clip(cracks, 0.0, 1.0) * (0.15 + 0.25 * shape.age))
    gloss += lips * (0.16 + 0.12 * look.makeup) * bump(x / (0.45 * width), (y - base - 0.55 * shape.lip) / 1.3)
    hole = cover(np.maximum(top - y, y - base), 1.1) * ends * ramp(part, 0.2, 1.2)
    lay(image, linear((0.24, 0.07, 0.07)), hole)
    teeth = hole * cover(y - top - 0.62 * part, 1.2) * ramp(np.abs(u), 0.86, 0.6) * (0.35 + 0.65 * smile)
    lay(image, linear((0.93, 0.90, 0.84)) * (0.75 + 0.25 * bell(u / 0.8)), teeth)
    seam = bell((y - line) / (0.75 + 0.15 * shape.man)) * ramp(np.abs(u), 1.12, 0.96) * ramp(part, 1.8, 0.6)
    lay(image, tone * linear((0.42, 0.22, 0.22)), seam * 0.85)
    corner = bump((np.abs(x) - width) / 1.6, (y - line - 0.3) / 1.3)
    lay(image, tone * linear((0.5, 0.35, 0.34)), corner * 0.55)
