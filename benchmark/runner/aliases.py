"""System names as papers and their code releases spell them -> ours (DESIGN.md section 2)."""

from __future__ import annotations

_OURS = (
    "xfavot",
    "cae",
    "starganv2",
    "starganv2_vc",
    "adain_vc",
    "adain_cvc",
    "fragment_vc",
    "sgsim",
    "voice2face",
    "ground_truth",
    "vocoded_ground_truth",
    "copy_source",
    "vocoded_copy_source",
    "copy_reference",
    "random_reference",
    "shuffled_reference",
    "gender_only",
    "reconstructed",
    "mean_face",
    "gender_mean_face",
    "world_vc",
)


def _folded(name: str) -> str:
    """What spellings of one name share: its characters, small, without blanks, hyphens and underscores."""
    return "".join(c for c in name.casefold() if c not in " -_")


_BY_FOLDED = {_folded(name): name for name in _OURS}


def canonical(name: str) -> str:
    """Our name of a system, part by part (`XFaVoT:joint` -> `xfavot:joint`); a name we do not know stays as it is.

    Any mark or word beside the name makes another system: `AdaIN-VC (Griffin-Lim)` and `AdaIN-VC*` are not `AdaIN-VC`.
    """
    return ":".join(_BY_FOLDED.get(_folded(part), part) for part in name.split(":"))
