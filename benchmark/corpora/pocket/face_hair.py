"""Hair: a shell around the head with an opening for the face, streaked along the way its strands fall."""

from __future__ import annotations

import numpy as np

from benchmark.corpora.pocket.face_look import HairStyle, Look
from benchmark.corpora.pocket.face_maths import Array, bell, cover, lay, linear, noise, ramp
from benchmark.corpora.pocket.face_shape import Profile, Shape, Surface, profile
from benchmark.corpora.pocket.face_view import View, glint, shine


def hair_colour(shape: Shape, look: Look, streak: Array | float = 0.0) -> Array:
    """Albedo (3, ...): the colour of youth mixed with grey, strand by strand, from 26 to 44 years on."""
    years = 18.0 + 62.0 * shape.age
    share = np.float32(min(max((years - look.greys + 25.0) / 54.0, 0.0), 1.0) ** 2)
    grey = np.clip(share + 0.9 * share * (1.0 - share) * streak, 0.0, 1.0)
    young = linear(look.hair)
    mixed: Array = young + (linear((0.80, 0.80, 0.80)) * 0.95 - young) * grey
    return mixed


def hair_profile(shape: Shape, look: Look) -> Profile:
    """The shell: hugs the skull above the ears, hangs straight below them."""
    style = look.style
    full, side, end = shape.full, style.side, style.end
    top = -51.0 - style.top * (1.0 - 0.75 * baldness(shape, look))
    if end > 30.0:
        low = 34.5 + side + 0.8 * full
        knots = [-56.0, -34.0, -14.0, 6.0, 26.0, end - 8.0, end]
        width = [32.0 + side, 33.5 + side, 34.6 + side, low + 0.5, low + 1.5, low + 1.0, low - 5.0]
        depth = [36.0, 39.0 + 0.4 * side, 40.0 + 0.3 * side, 40.0, 38.0, 36.0, 34.0]
    else:
        knots = [-56.0, -34.0, -14.0, 0.0, 8.0, end]
        hug = 34.2 + 0.9 * full
        width = [31.0 + side, 33.2 + side, hug + side, hug + 0.7 * side, hug - 0.5 + 0.3 * side, hug - 2.5]
        depth = [36.0, 38.5 + 0.5 * side, 40.0 + 0.4 * side, 39.0, 38.0, 37.0]
    return profile(knots, width, depth, top, end)


def baldness(shape: Shape, look: Look) -> float:
    """How far the hair line has gone back, 0..1: with age, sooner in some, much more in men."""
    return shape.age * (0.25 + 0.75 * look.recedes) * (0.25 + 0.75 * shape.man)


def _mask(shape: Shape, look: Look, s: Surface, half: float, beside: Array) -> Array:
    """Where the shell carries hair: above the hair line or around the face opening; `beside` is 1 off the head."""
    style, a = look.style, np.abs(s.x)
    q = a / half
    gone = baldness(shape, look)
    jag = (
        2.2
        * noise("strand", s.x * 1.3, s.y * 0.3, 1.6, look.seed + 61)
        * (0.35 + 0.65 * (style.fringe > 0.0) + 0.6 * style.curl)
    )
    thin = 1.0 - 0.35 * gone * ramp(s.y, -20.0, -40.0) * (1.0 - beside)
    if style.opening < 0.9 and style.fringe == 0.0:
        # Hair that falls from the parting leaves an arch open over the face.
        rise = np.maximum((-2.0 - s.y) * (1.0 / (34.0 + 6.0 * gone)), 0.0)
        across = (s.x - 0.5 * look.part * rise + style.wave * np.sin(0.16 * s.y + look.seed)) / (
            half * style.opening + jag
        )
        fall = np.abs(across) - 0.05 * ramp(s.y, 0.0, 20.0) + 0.10 * ramp(s.y, 22.0, 60.0)
        return cover(17.0 * (1.0 - np.sqrt(fall * fall + rise * rise)), 2.5) * thin
    front = np.interp(q, [0.0, 0.35, 0.6, 0.75, 0.82, 0.87, 1.0], [-33.0, -32.3, -28.5, -19.0, -8.0, 6.0, 11.0]).astype(
        np.float32
    )
    front -= gone * (7.0 + 8.0 * bell((q - 0.5) / 0.3)) * ramp(q, 0.9, 0.6)
    side = -1.0 if look.part > 0 else 1.0
    front += (style.fringe + style.sweep * np.clip((s.x - look.part) * side / 22.0, -0.5, 1.0)) * ramp(q, 0.95, 0.7)
    mask = cover(s.y - front - jag, 3.6 if style.fringe == 0.0 else 2.0)
    if style.opening < 1.0:
        swing = style.wave * np.sin(0.16 * s.y + look.seed)
        opening = half * style.opening + 1.6 * bell((s.y - 14.0) / 22.0) - swing
        mask = np.maximum(mask, cover(opening - a - jag, 2.0) * ramp(s.y, -30.0, -14.0))
    # Past the outline of the head one looks into the hair of the far side.
    return np.asarray(np.maximum(mask * thin, beside * ramp(s.y, 10.0, 2.0)))


def _edge(style: HairStyle, look: Look, s: Surface) -> Array:
    """Outline of the shell, frayed by strands or curls."""
    frizz = noise("curl", s.x, s.y, 1.2, look.seed) * (3.2 * style.curl)
    frizz += noise("strand", s.x, s.y, 1.5, look.seed + 3) * (0.8 + 0.25 * style.wave)
    return cover(s.edge + frizz * min(1.0, 0.3 * style.top), 1.6)


def _streaks(look: Look, s: Surface) -> Array:
    """Light and dark strands that leave the parting, spread over the crown and fall."""
    style = look.style
    x = 35.0 * np.arctan2(s.x, np.maximum(s.z, 1.0)) - look.part + style.wave * 1.3 * np.sin(0.2 * s.y + look.seed)
    fall = np.sqrt(np.maximum(s.y + 60.0, 0.0) + 16.0)
    straight = noise("strand", x / fall * 7.0, s.y * 0.5, 2.2, look.seed)
    if style.curl == 0.0:
        return straight
    return straight * (1.0 - style.curl) + style.curl * noise("curl", s.x, s.y, 1.35, look.seed + 7)


def back_hair(image: Array, shape: Shape, look: Look, s: Surface) -> None:
    """The far side of long hair, behind neck and shoulders."""
    streak = noise("strand", s.x, s.y * 0.5, 1.6, look.seed + 11)
    lay(image, hair_colour(shape, look) * (0.30 + 0.12 * streak), _edge(look.style, look, s))


def front_hair(image: Array, shape: Shape, look: Look, s: Surface, half: float, beside: Array, view: View) -> None:
    """The near side, over face, ears and shoulders; `half` is the half-width of the shell."""
    streak = _streaks(look, s)
    dense = look.style.cover
    if dense < 1.0:  # cropped hair lets the scalp through, not the background
        dense = np.maximum(dense * np.clip(0.85 + 0.25 * noise("skin", s.x, s.y, 3.0, look.seed), 0.0, 1.0), beside)
    alpha = _edge(look.style, look, s) * _mask(shape, look, s, half, beside) * dense
    colour = hair_colour(shape, look, streak) * shine(view, s.normal) * (1.0 + 0.36 * streak)
    colour += (0.5 * colour + 0.05) * glint(view, s.normal, 3) * (1.0 + 1.2 * streak)
    lay(image, np.maximum(colour, 0.0), alpha)
