"""The identity vector of the embedded corpus: a few numbers that drive BOTH a face and a voice (DESIGN.md section 6).

Every number but `hidden` is visible in the face (`face.py`) and audible in the voice (`voice.py`); `hidden` moves the
voice alone, so that what a face can tell of a voice is below 1 and known.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields

import numpy as np

DRIVERS = ("gender", "age", "size", "jaw", "nose", "lips", "brow", "eyes", "hidden")
"""Order of `Identity.vector`."""
VISIBLE = tuple(name for name in DRIVERS if name != "hidden")
"""What a voice and a face have in common."""


@dataclass(frozen=True)
class Identity:
    """One made person.

    gender: 0 = female, 1 = male. age: years, 18 to 80. The rest are standard scores, clipped to [-2, 2]:
    size (body size: broad neck and face, deep formants), jaw (width), nose (length), lips (fullness),
    brow (height and weight), eyes (size and spacing), hidden (voice only).
    """

    name: str
    gender: int
    age: float
    size: float
    jaw: float
    nose: float
    lips: float
    brow: float
    eyes: float
    hidden: float

    @property
    def vector(self) -> np.ndarray:
        """(9,) float64 in the order of DRIVERS; gender as -1 / +1, age as (age - 49) / 18, the rest as they are."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "name"}
        values["gender"] = 2.0 * self.gender - 1.0
        values["age"] = (self.age - 49.0) / 18.0
        return np.array([values[d] for d in DRIVERS], np.float64)


def rng(*keys: object) -> np.random.Generator:
    """A generator of its own for every tuple of keys: the same on any machine, in any order of calls."""
    return np.random.default_rng([zlib.crc32(str(k).encode()) for k in keys])


def make_identity(pool: str, number: int, seed: int) -> Identity:
    """Person `number` of a pool: even numbers are female, odd male, so that every prefix is balanced."""
    draw = rng("identity", pool, number, seed)
    traits = np.clip(draw.standard_normal(7), -2.0, 2.0)
    return Identity(f"{pool}{number:03d}", number % 2, float(draw.uniform(18.0, 80.0)), *map(float, traits))
