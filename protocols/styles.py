"""Whether the style of a face lies nearest to that of its own voice: the number behind XFaVoT's Figure 10.

The paper shows styles of faces and voices as a t-SNE picture, which proves nothing by itself; here a style of one
modality is asked for its nearest neighbours in the other.
"""

from __future__ import annotations

import numpy as np

from benchmark.errors import BenchmarkError
from protocols.matching import Side, Stratum, rivals


def nearest_is_own(probe: Side, gallery: Side, stratum: Stratum) -> tuple[np.ndarray, np.ndarray]:
    """Whether the neighbour of each probe in the other modality, the one of greatest cosine, is of its own person.

    Args:
        probe: styles (P, S) of one modality and whose they are.
        gallery: styles (G, S) of the other, of each probe's person and of others.
        stratum: "U": neighbours are anybody's; "G": of the probe's gender alone. An encoder that is told the gender
            (as XFaVoT's are) knows half of the answer in "U", nothing in "G".

    Returns:
        (right (P,) bool, chance (P,) float64: that of a neighbour drawn evenly). A tie with another person is wrong.

    Raises:
        BenchmarkError: a probe without an item of its own or of another person, or a style of length 0 or not finite.
    """
    first, second = _directions(probe.embeddings), _directions(gallery.embeddings)
    own = probe.speaker[:, None] == gallery.speaker
    other = rivals(probe, gallery, stratum)
    if lonely := int((~own.any(1) | ~other.any(1)).sum()):
        raise BenchmarkError(
            f"Nearest neighbours: {lonely} of {len(own)} styles have none of their own person, or of nobody else, in "
            "the other modality. Take people who are both seen and heard, at least two of a gender."
        )
    cosine = first @ second.T
    best = np.where(own, cosine, -np.inf).max(1), np.where(other, cosine, -np.inf).max(1)
    return best[0] > best[1], own.sum(1) / (own | other).sum(1)


def _directions(styles: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(styles.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(length).all() or not length.all():
        raise BenchmarkError("Nearest neighbours: a style is of length 0 or not finite; its system is broken.")
    return np.asarray(styles / length)
