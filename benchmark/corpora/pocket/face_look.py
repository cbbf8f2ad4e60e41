"""What a person looks like beyond the drivers of the voice: complexion, hair, beard, glasses; drawn from the name."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.corpora.pocket.face_maths import Colour
from benchmark.corpora.pocket.identity import Identity, rng


@dataclass(frozen=True)
class HairStyle:
    """A head of hair in head units. The hair is a shell around the head, open in front.

    top, side: thickness over the crown and beside the face; end: y where the shell ends; opening: half-width
    of the face opening at the eyes, as a share of the shell (1 leaves the ears free); fringe: how far the
    front hair falls on the forehead; wave: sideways wave of strands; curl: 0 straight to 1 frizzy; sweep:
    how strongly the front is combed to one side; cover: opacity of the hair;
    bun: 1 where the hair is tied up behind the crown.
    """

    top: float
    side: float
    end: float
    opening: float
    fringe: float = 0.0
    wave: float = 0.0
    curl: float = 0.0
    sweep: float = 0.0
    cover: float = 1.0
    bun: float = 0.0


STYLES: dict[str, HairStyle] = {
    "long": HairStyle(6.0, 6.0, 90.0, 0.78, wave=0.6),
    "wavy": HairStyle(7.0, 9.0, 84.0, 0.77, wave=3.0, curl=0.15),
    "fringe": HairStyle(6.5, 6.5, 80.0, 0.72, fringe=13.0, wave=0.4),
    "bob": HairStyle(7.0, 7.5, 44.0, 0.76, wave=0.5, sweep=5.0),
    "swept": HairStyle(8.0, 7.5, 66.0, 0.77, wave=1.5, sweep=9.0),
    "curls": HairStyle(11.0, 13.0, 52.0, 0.8, wave=1.0, curl=1.0),
    "updo": HairStyle(5.0, 1.5, 16.0, 1.0, wave=0.3, bun=1.0),
    "pixie": HairStyle(7.0, 3.0, 18.0, 0.93, fringe=7.0, sweep=6.0),
    "crop": HairStyle(5.0, 2.2, 15.0, 1.0),
    "quiff": HairStyle(10.0, 2.0, 14.0, 1.0, wave=0.8, sweep=3.0),
    "parted": HairStyle(7.0, 3.0, 16.0, 1.0, fringe=3.0, sweep=6.0),
    "mop": HairStyle(8.5, 4.5, 20.0, 0.94, fringe=8.0, wave=1.5, sweep=2.0),
    "curly": HairStyle(8.0, 4.5, 16.0, 1.0, curl=1.0),
    "buzz": HairStyle(1.4, 0.6, 13.0, 1.0, cover=0.78),
    "bald": HairStyle(0.6, 0.4, 13.0, 1.0, cover=0.0),
    "mane": HairStyle(6.0, 5.0, 60.0, 0.80, wave=1.2),
}
_WOMEN = (
    ("long", 0.22),
    ("wavy", 0.21),
    ("fringe", 0.15),
    ("bob", 0.14),
    ("swept", 0.1),
    ("curls", 0.08),
    ("updo", 0.06),
)
_MEN = (
    ("crop", 0.24),
    ("quiff", 0.17),
    ("parted", 0.17),
    ("buzz", 0.13),
    ("mop", 0.1),
    ("bald", 0.08),
    ("curly", 0.07),
)
_BEARDS = (("none", 0.38), ("stubble", 0.22), ("full", 0.18), ("goatee", 0.12), ("moustache", 0.10))
_HAIR: tuple[Colour, ...] = (
    (0.10, 0.085, 0.08),
    (0.17, 0.12, 0.09),
    (0.27, 0.18, 0.12),
    (0.38, 0.26, 0.16),
    (0.52, 0.38, 0.22),
    (0.72, 0.57, 0.36),
    (0.50, 0.24, 0.12),
)
_IRIS: tuple[Colour, ...] = (
    (0.20, 0.12, 0.07),
    (0.30, 0.19, 0.10),
    (0.36, 0.32, 0.16),
    (0.30, 0.42, 0.52),
    (0.38, 0.46, 0.48),
)
_FRAMES: tuple[Colour, ...] = (
    (0.06, 0.06, 0.07),
    (0.22, 0.12, 0.07),
    (0.45, 0.40, 0.33),
    (0.35, 0.08, 0.10),
    (0.12, 0.16, 0.30),
)


@dataclass(frozen=True)
class Look:
    """Stable over all pictures of a person."""

    skin: Colour
    hair: Colour
    style: HairStyle
    part: float  # x where the hair parts
    recedes: float  # 0..1, how readily the hair line goes back with age
    greys: float  # age at which a fifth of the hair is grey
    beard: str
    iris: Colour
    glasses: str  # "none", "round", "square", "wide"
    frame: Colour
    rim: float  # width of the frame
    freckles: float
    makeup: float
    seed: int  # offset into the noise tables: strands and spots of one's own


def _choose(table: tuple[tuple[str, float], ...], u: float, otherwise: str) -> str:
    """The name at quantile u of a table of shares; what the shares leave goes to `otherwise`."""
    for name, share in table:
        if u < share:
            return name
        u -= share
    return otherwise


def look_of(identity: Identity) -> Look:
    """The look of a person; uses nothing of the identity but its name and gender."""
    u = [float(v) for v in rng("face", identity.name).random(20)]
    man = bool(identity.gender)
    dark = u[0]
    light, deep = (0.93, 0.77, 0.68), (0.37, 0.245, 0.18)
    warm = 0.03 * (u[1] - 0.5)
    skin = tuple(a + (b - a) * dark**1.25 + w for a, b, w in zip(light, deep, (warm, 0.0, -warm), strict=True))
    shade = min(int(u[2] * len(_HAIR)), 6) if dark < 0.45 else int(u[2] * 3.2 * (1.0 - 0.5 * dark))
    hair = tuple(c * (0.85 + 0.3 * u[3]) for c in _HAIR[shade])
    eye = min(int(u[4] * len(_IRIS)), 4) if dark < 0.4 else int(u[4] * 2)
    style = _choose(_MEN, u[5], "mane") if man else _choose(_WOMEN, u[5], "pixie")
    return Look(
        skin=(skin[0], skin[1], skin[2]),
        hair=(hair[0], hair[1], hair[2]),
        style=STYLES[style],
        part=(-1.0 if u[6] < 0.5 else 1.0) * (3.0 + 10.0 * u[7]),
        recedes=u[8],
        greys=51.0 + 18.0 * u[9],
        beard=_choose(_BEARDS, u[10], "none") if man else "none",
        iris=_IRIS[eye],
        glasses=("round", "square", "wide")[int(u[12] * 3)] if u[11] < 0.25 else "none",
        frame=_FRAMES[int(u[13] * len(_FRAMES))],
        rim=1.0 + 1.3 * u[14],
        freckles=max(0.0, u[15] - 0.6) * 2.5 * (1.0 - dark),
        makeup=0.0 if man else 0.55 + 0.45 * u[16],
        seed=int(u[17] * 4096.0),
    )
