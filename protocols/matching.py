"""What a matcher of voices with faces is worth by the field's own protocol: choosing, verification, retrieval.

Measures of Nagrani, Albanie and Zisserman, "Seeing voices and hearing faces" (CVPR 2018) and "Learnable PINs" (ECCV
2018), with lists drawn as my-yy/vfal-eva draws its own: from a seed. A choice is right when the match is *strictly*
more alike than every rival, as there (a matcher that says one thing of everybody is never right). Strata: U, other
people are anybody; G, they are of the probe's gender.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.upstream.matcher.measures import auc, eer, mean_average_precision

Stratum = Literal["U", "G"]
STRATA: tuple[Stratum, ...] = ("U", "G")


@dataclass(frozen=True)
class Side:
    """The voices, or the faces, of some people: embeddings (N, E), whose dot product says how alike two are, and who
    each is, speaker (N,) and gender (N,) int64."""

    embeddings: np.ndarray
    speaker: np.ndarray
    gender: np.ndarray


@dataclass(frozen=True)
class Figure:
    """One measured number.

    measure: `1:N`, `auc`, `eer` or `map`. probe: `voice` or `face`; "" where neither asks the other. chance: what a
    matcher that knows nothing comes to. n: choices, pairs, or probes.
    """

    measure: str
    probe: str
    stratum: str
    value: float
    chance: float
    n: int


def rivals(probe: Side, gallery: Side, stratum: Stratum) -> np.ndarray:
    """(P, G) bool: other people than the probe whom the stratum lets it be compared with."""
    other = probe.speaker[:, None] != gallery.speaker
    return np.asarray(other if stratum == "U" else other & (probe.gender[:, None] == gallery.gender))


def draw_choices(
    probe: Side, gallery: Side, ways: int, count: int, stratum: Stratum, rng: np.random.Generator
) -> np.ndarray:
    """(count, 1 + ways) int64: a probe, an item of its person, and items of ways - 1 different other people.

    Probes are drawn evenly, then one of the person's items, then other people evenly, then one item of each.

    Raises:
        BenchmarkError: no probe has an item of its person and so many other people.
    """
    allowed = rivals(probe, gallery, stratum)
    matches = [np.flatnonzero(gallery.speaker == who) for who in probe.speaker]
    others = [_by_person(gallery, np.flatnonzero(row)) for row in allowed]
    able = [i for i in range(len(matches)) if len(matches[i]) and len(others[i]) >= ways - 1]
    if not able:
        raise BenchmarkError(
            f"1:{ways} in stratum {stratum}: no probe has an item of its person and {ways - 1} other people to choose "
            "from. Take fewer ways, or more people."
        )
    rows = np.empty((count, 1 + ways), np.int64)
    for row in rows:
        i = able[rng.integers(len(able))]
        people = rng.choice(len(others[i]), ways - 1, replace=False)
        row[:2] = i, rng.choice(matches[i])
        row[2:] = [rng.choice(others[i][p]) for p in people]
    return rows


def draw_pairs(probe: Side, gallery: Side, count: int, stratum: Stratum, rng: np.random.Generator) -> np.ndarray:
    """(2, count // 2, 2) int64: as many pairs (probe, item) of one person as of two, drawn evenly with repeats.

    Raises:
        BenchmarkError: there are none of one kind.
    """
    same = np.argwhere(probe.speaker[:, None] == gallery.speaker)
    other = np.argwhere(rivals(probe, gallery, stratum))
    if not len(same) or not len(other):
        raise BenchmarkError(
            f"Stratum {stratum}: {len(same)} pairs of one person, {len(other)} of two; both are needed."
        )
    return np.stack([pairs[rng.integers(len(pairs), size=count // 2)] for pairs in (same, other)])


def chosen_right(similarity: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """(P, G), (n, 1 + ways) -> (n,) bool: the match is strictly more alike than every rival."""
    found = similarity[choices[:, :1], choices[:, 1:]]
    return np.asarray(found[:, 0] > found[:, 1:].max(axis=1))


def chance_of_retrieval(match: np.ndarray, rival: np.ndarray) -> float:
    """Mean average precision of a random order: of R matches among G items (H(G) + (R - 1)(G - H(G)) / (G - 1)) / G,
    H the harmonic number; mean over probes with a match. match, rival: (P, G) bool; other items are not there."""
    relevant, size = match.sum(axis=1), (match | rival).sum(axis=1)
    size, relevant = size[relevant > 0], relevant[relevant > 0]
    harmonic = np.cumsum(1.0 / np.arange(1, match.shape[1] + 1))[size - 1]
    return float(np.mean((harmonic + (relevant - 1) * (size - harmonic) / np.maximum(size - 1, 1)) / size))


def matching(
    voices: Side, faces: Side, seed: int, ways: Sequence[int] = (2, 5, 10), choices: int = 10_000, pairs: int = 30_496
) -> list[Figure]:
    """Every measure, both directions, both strata. Numbers of choices and pairs are the published lists'.

    Raises:
        BenchmarkError: too few people, or none on both sides.
    """
    if not np.isin(voices.speaker, faces.speaker).any():
        raise BenchmarkError("Nobody has both a voice and a face here; give people under one name on both sides.")
    return list(_figures(voices, faces, seed, ways, choices, pairs))


def _figures(voices: Side, faces: Side, seed: int, ways: Sequence[int], choices: int, pairs: int) -> Iterator[Figure]:
    directions = {"voice": (voices, faces), "face": (faces, voices)}
    for place, stratum in enumerate(STRATA):
        for turn, (name, (probe, gallery)) in enumerate(directions.items()):
            similarity = probe.embeddings @ gallery.embeddings.T
            match, rival = probe.speaker[:, None] == gallery.speaker, rivals(probe, gallery, stratum)
            for n in ways:
                drawn = draw_choices(probe, gallery, n, choices, stratum, np.random.default_rng((seed, place, turn, n)))
                right = chosen_right(similarity, drawn)
                yield Figure(f"1:{n}", name, stratum, float(right.mean()), 1.0 / n, len(right))
            found = mean_average_precision(np.where(match | rival, similarity, -np.inf), match)
            yield Figure("map", name, stratum, found, chance_of_retrieval(match, rival), int(match.any(axis=1).sum()))
        same, other = draw_pairs(voices, faces, pairs, stratum, np.random.default_rng((seed, place, 2)))
        scores = voices.embeddings @ faces.embeddings.T
        of = [scores[p[:, 0], p[:, 1]] for p in (same, other)]
        yield Figure("auc", "", stratum, auc(*of), 0.5, 2 * len(same))
        yield Figure("eer", "", stratum, eer(*of), 0.5, 2 * len(same))


def _by_person(side: Side, items: np.ndarray) -> list[np.ndarray]:
    """The items of each person among them."""
    order = items[np.argsort(side.speaker[items], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(side.speaker[order])) + 1) if len(order) else []
