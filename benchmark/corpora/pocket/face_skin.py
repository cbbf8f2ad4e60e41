"""The skin of a face: complexion, folds and spots of age, stubble and beard, all painted in head space."""

from __future__ import annotations

import numpy as np

from benchmark.corpora.pocket.face_look import Look
from benchmark.corpora.pocket.face_maths import Array, bell, bump, lay, linear, noise, ramp
from benchmark.corpora.pocket.face_shape import Shape


def folds(shape: Shape, smile: float, raised: float, x: Array, y: Array) -> Array:
    """Depth (0 to about 1) of wrinkles at head-space (x, y); grows with age and with expression."""
    a, age = np.abs(x), shape.age
    mouth, tip = shape.mouth_y, shape.nose_tip
    start, end = 6.5 * shape.nose_width + 2.5, shape.mouth_width + 5.0 + smile
    t = (y - tip + 2.0) * (1.0 / (mouth + 4.0 - tip + 2.0))
    cheek = bell((a - start - (end - start) * t - 1.2 * t * (1.0 - t)) / 1.7) * ramp(t, -0.2, 0.15) * ramp(t, 1.25, 0.8)
    depth = (0.06 + 0.9 * age + 0.3 * smile) * cheek
    corner = bell((a - end + 0.06 * (y - mouth - 5.0)) / 1.5) * ramp(y, mouth + 1.0, mouth + 5.0)
    depth += 0.75 * age * age * corner * ramp(y, mouth + 15.0, mouth + 8.0)
    outer = shape.eye_x + shape.eye_width + 2.0
    ray = np.clip(a - outer, 0.0, None)
    fan = sum(bell((y - 0.6 + k * (0.55 * ray + 1.0)) / 0.8) for k in (-1.2, 0.0, 1.2))
    depth += (
        (0.75 * age + 0.2 * smile * age) * fan * ramp(a, outer - 1.0, outer + 1.0) * ramp(a, outer + 8.0, outer + 3.0)
    )
    bag = (a - shape.eye_x + 0.5) * (1.0 / shape.eye_width)
    arc = bell((y - 6.8 - 1.6 * age + 2.6 * bag * bag) / 1.4) * ramp(np.abs(bag), 1.35, 0.7)
    depth += (0.1 + 0.75 * age) * arc
    brow = shape.brow_y - 3.5
    lines = sum(bell((y - brow + 4.6 * k + 0.006 * x * x + 0.5 * np.sin(x * 0.25 + 2.0 * k)) / 0.95) for k in (1, 2, 3))
    depth += (0.65 * age + 0.25 * max(raised, 0.0)) * lines * ramp(a, 27.0, 14.0)
    depth += 0.6 * age * bell((a - 2.8) / 0.9) * ramp(y, brow - 3.0, brow) * ramp(y, -3.0, -7.0)
    return np.asarray(depth)


def complexion(shape: Shape, look: Look, x: Array, y: Array) -> Array:
    """Albedo (3, H, W), linear, of the skin without lips, brows and eyes."""
    a, age = np.abs(x), shape.age
    tone = linear(look.skin)
    skin = np.empty((3, *x.shape), np.float32)
    mottle = noise("skin", x, y, 2.0, look.seed)
    skin[:] = tone * (1.0 + (0.03 + 0.05 * age) * mottle)
    flush = bump((a - 20.0) / 11.0, (y - 15.0) / 8.0) * (0.5 + 0.5 * look.makeup)
    flush += bump(x / 8.0, (y - shape.nose_tip) / 6.0) * 0.5
    lay(skin, tone * linear((1.02, 0.86, 0.86)), 0.8 * flush)
    shadow = bump((a - shape.eye_x + 1.0) / 10.0, (y - 5.0 - age) / 4.0) * (0.25 + 0.4 * age)
    lay(skin, tone * linear((0.78, 0.68, 0.70)), shadow)
    lid = bump((a - shape.eye_x) / 9.5, (y + 4.0) / 3.5)
    lay(
        skin,
        tone * linear((0.80 - 0.12 * look.makeup, 0.70 - 0.14 * look.makeup, 0.70 - 0.08 * look.makeup)),
        0.6 * lid,
    )
    # Old skin is paler in chroma and blotched: the mean of the channels moves in, spots come up.
    lay(skin, skin.mean(0, keepdims=True) * linear((1.04, 1.0, 0.93)), np.asarray(0.35 * age, np.float32))
    spots = np.clip(noise("curl", x, y, 1.5, look.seed + 91) - 0.6, 0.0, 0.5) * (
        0.5 * look.freckles * ramp(a, 34.0, 20.0) + 0.6 * age
    )
    lay(skin, tone * linear((0.72, 0.58, 0.50)), spots)
    return skin


def beard_mask(shape: Shape, look: Look, x: Array, y: Array) -> tuple[Array, float]:
    """Where the beard grows (H, W in 0..1) and how dense it is; clean-shaven men keep a shadow."""
    a = np.abs(x)
    mouth, tip = shape.mouth_y, shape.nose_tip
    edge = shape.mouth_width + 3.0
    line = np.interp(
        a, [0.0, 6.0, edge, 0.5 * (edge + 31.0), 31.0], [tip + 5.5, tip + 6.0, mouth - 4.5, mouth - 9.0, 4.0]
    )
    whole = ramp(y - line.astype(np.float32), -1.5, 2.0)
    lip = ramp(y - 0.22 * a, tip + 4.0, tip + 6.5) * ramp(y - 0.18 * a, mouth + 2.5, mouth - 0.5)
    lip = lip * ramp(a, edge + 1.0, edge - 3.0)
    if look.beard == "moustache":
        return lip, 0.9
    if look.beard == "goatee":
        bare = bump((a - 8.0) / 4.5, (y - mouth - 6.5) / 2.5)
        return whole * ramp(a + 0.15 * (y - mouth), edge + 2.5, edge - 1.5) * (1.0 - 0.7 * bare), 0.85
    return whole, {"full": 0.93, "stubble": 0.55, "none": 0.36}[look.beard]


def grow_beard(skin: Array, hair: Array, shape: Shape, look: Look, x: Array, y: Array) -> None:
    """Lay beard or beard shadow over the skin in place."""
    mask, dense = beard_mask(shape, look, x, y)
    grain = noise("curl", x, y, 3.2, look.seed + 17)
    if dense < 0.6:
        lay(
            skin,
            0.45 * linear(look.skin) * linear((0.86, 0.92, 1.0)) + 0.4 * hair,
            mask * dense * np.clip(1.0 + 0.35 * grain, 0.0, 1.0),
        )
    else:
        lay(skin, hair * (1.0 + 0.35 * grain), mask * dense)
