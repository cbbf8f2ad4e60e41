"""The faces of the embedded corpus: a small analytic head, lit, dressed and photographed (docs/pocket_faces.md).

A picture is made back to front: background, far hair, body, ears, head with its painted features, glasses, near
hair. Every pixel asks once where its line of sight meets the head; features are soft shapes in head space, so they
turn with it, and light falls on the normals of head and relief together.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from benchmark.corpora.pocket import face_body, face_hair, face_parts, face_skin
from benchmark.corpora.pocket.face_look import Look, look_of
from benchmark.corpora.pocket.face_maths import SIZE, Array, bump, cover, lay, linear, pixels
from benchmark.corpora.pocket.face_shape import (
    EYE_DEPTH,
    Pose,
    Profile,
    Shape,
    Surface,
    head_profile,
    meet,
    relief,
    shape_of,
)
from benchmark.corpora.pocket.face_view import View, draw_view, glint, key_light, shine
from benchmark.corpora.pocket.identity import Identity

__all__ = ["View", "draw_view", "render"]


@lru_cache(maxsize=256)
def _person(identity: Identity) -> tuple[Shape, Look, Profile, Profile]:
    """What all pictures of a person share."""
    shape, look = shape_of(identity), look_of(identity)
    return shape, look, head_profile(shape), face_hair.hair_profile(shape, look)


def _sight(view: View, pose: Pose) -> tuple[Array, Array]:
    """View-space x and y of every pixel: the eyes stay in place, as in an aligned picture."""
    px, py = pixels()
    zoom = 1.05 * view.scale
    c, s = math.cos(view.roll) / zoom, math.sin(view.roll) / zoom
    px, py = px - view.shift_x, py - view.shift_y
    ex, ey, _ = pose.project(0.0, 0.0, EYE_DEPTH)
    return px * c + py * s + ex, py * c - px * s + ey


def _patch(x: Array, y: Array, cx: float, cy: float, half_x: float, half_y: float) -> tuple[slice, slice]:
    """The rows and columns that hold all pixels within a box of view space, found from its (nearly) regular grid."""
    step = max(abs(float(x[0, 1] - x[0, 0])), 0.5)
    near = np.abs(x[SIZE // 2] - cx).argmin(), np.abs(y[:, SIZE // 2] - cy).argmin()
    rows = slice(max(int(near[1] - half_y / step), 0), int(near[1] + half_y / step) + 1)
    return rows, slice(max(int(near[0] - half_x / step), 0), int(near[0] + half_x / step) + 1)


def _paint(shape: Shape, look: Look, view: View, pose: Pose, s: Surface, x: Array, y: Array) -> tuple[Array, Array]:
    """Albedo (3, H, W) and gloss (H, W) of the face."""
    hair = face_hair.hair_colour(shape, look)
    skin = face_skin.complexion(shape, look, s.x, s.y)
    gloss = np.zeros_like(s.x)
    if shape.man:
        face_skin.grow_beard(skin, hair, shape, look, s.x, s.y)
    mx, my, _ = pose.project(0.0, shape.mouth_y, EYE_DEPTH)
    box = (slice(None), *_patch(x, y, mx, my + 2.0, 24.0, 17.0))
    face_parts.mouth(skin[box], gloss[box[1:]], shape, look, view.smile, view.mouth_open, s.x[box[1:]], s.y[box[1:]])
    for side in (-1.0, 1.0):
        ex, ey, _ = pose.project(side * shape.eye_x, 0.0, EYE_DEPTH)
        box = (slice(None), *_patch(x, y, ex, ey, 17.0, 13.0))
        at = s.x[box[1:]], s.y[box[1:]]
        face_parts.eye(skin[box], gloss[box[1:]], shape, look, view.lid, (view.gaze_x, view.gaze_y), side, *at)
    brow = 0.55 * hair + 0.05 * linear(look.skin)
    face_parts.brows(skin, brow, shape, look, view.brow_raise, s.x, s.y)
    for side in (-1.0, 1.0):
        nostril = bump(
            (s.x - side * 4.1 * shape.nose_width) / 2.0, (s.y - shape.nose_tip - 2.6 + 0.12 * np.abs(s.x)) / 1.2
        )
        lay(skin, linear(look.skin) * linear((0.34, 0.20, 0.18)), 0.85 * nostril)
    return skin, gloss


def _head(
    image: Array, shape: Shape, look: Look, view: View, pose: Pose, solid: Profile, smooth: Surface, x: Array, y: Array
) -> None:
    """Draw the face over `image`; `smooth` is the head before its relief."""
    lift = relief(shape, view.smile, smooth.x, smooth.y)
    s = meet(solid, pose, x, y, lift)
    height = relief(shape, view.smile, s.x, s.y)
    creases = face_skin.folds(shape, view.smile, view.brow_raise, s.x, s.y)
    skin, gloss = _paint(shape, look, view, pose, s, x, y)
    skin *= 1.0 - 0.34 * creases
    height -= 0.7 * creases
    dy, dx = np.gradient(height)
    nx, ny, nz = s.normal
    nx, ny = nx - 0.9 * dx, ny - 0.9 * dy
    size = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz)
    normal = (nx * size, ny * size, nz * size)
    lx, ly, _ = key_light(view)
    ahead = np.roll(height, (round(-3.5 * ly), round(-3.5 * lx)), (0, 1))
    shadow = 1.0 - 0.45 * np.clip((ahead - height - 1.0) * 0.16, 0.0, 1.0)
    lit = shine(view, normal, shadow) * skin
    lit += (0.03 + 0.2 * skin) * glint(view, normal, 4) + gloss * view.light
    lay(image, lit, cover(smooth.edge))


def render(identity: Identity, view: View) -> npt.NDArray[np.uint8]:
    """One picture of a person: (128, 128, 3) uint8 RGB, a pure function of its arguments.

    The middle of the eyes lies at (64 + shift_x, 60 + shift_y). `identity.hidden` is not looked at; complexion,
    hair, beard and glasses come from `identity.name` (and gender).
    """
    shape, look, solid, shell = _person(identity)
    pose = Pose(view.yaw, view.pitch)
    x, y = _sight(view, pose)
    image = face_body.background(view)
    hair = meet(shell, pose, x, y)
    if look.style.end > 30.0:
        face_hair.back_hair(image, shape, look, hair)
    half = float(solid.width.max())
    if look.style.bun:
        face_body.bun(image, shape, face_hair.hair_colour(shape, look), view, pose, look, x, y)
    head = meet(solid, pose, x, y)
    lx, _, _ = key_light(view)
    shade = 1.0 - 0.62 * np.roll(cover(head.edge, 9.0), (8, round(-5.0 * lx)), (0, 1))
    face_body.body(image, shape, look, view, x, y, shade)
    face_body.ears(image, shape, look, view, pose, half, x, y)
    _head(image, shape, look, view, pose, solid, head, x, y)
    if look.glasses != "none":
        face_body.glasses(image, shape, look, view, pose, half, x, y, cover(head.edge))
    if look.style.cover > 0.0:
        beside = cover(-head.edge - 1.2, 2.0)
        face_hair.front_hair(image, shape, look, hair, float(shell.width.max()), beside, view)
    picture = np.sqrt(np.clip(image, 0.0, 1.0)) * 255.0
    if view.noise > 0.0:
        grain = np.random.default_rng(view.grain).standard_normal((SIZE, SIZE), np.float32)
        picture += grain * view.noise
    return np.ascontiguousarray(np.clip(picture + 0.5, 0.0, 255.0).astype(np.uint8).transpose(1, 2, 0))
