"""Nearest neighbours across modalities: what styles that know the person, the gender or nothing come to."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from protocols.matching import Side
from protocols.styles import nearest_is_own

PEOPLE, EACH = 32, 3


def side(kind: str, seed: int) -> Side:
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(PEOPLE), EACH)
    noise = rng.standard_normal((len(speaker), 24))
    base = {
        "person": 40 * np.random.default_rng(9).standard_normal((PEOPLE, 24))[speaker],
        "gender": 40 * np.eye(2, 24)[speaker % 2],
        "nothing": 0,
    }
    return Side(noise + base[kind], speaker, speaker % 2)


@pytest.mark.parametrize(
    ("kind", "everybody", "gender"), [("person", 1.0, 1.0), ("gender", 1 / 16, 1 / 16), ("nothing", 1 / 32, 1 / 16)]
)
def test_known_styles(kind: str, everybody: float, gender: float) -> None:
    for stratum, expected, chance in (("U", everybody, 1 / 32), ("G", gender, 1 / 16)):
        found = [nearest_is_own(side(kind, 2 * i), side(kind, 2 * i + 1), stratum) for i in range(20)]  # type: ignore[arg-type]
        assert np.mean([right.mean() for right, _ in found]) == pytest.approx(expected, abs=0.025)
        assert all(np.allclose(guess, chance) for _, guess in found)


def test_it_is_the_plain_definition() -> None:
    faces, voices = side("nothing", 1), side("nothing", 2)
    right, _ = nearest_is_own(faces, voices, "G")
    for i, style in enumerate(faces.embeddings):
        best = max(
            (
                float(np.dot(style, other) / np.linalg.norm(style) / np.linalg.norm(other)),
                bool(voices.speaker[j] == faces.speaker[i]),
            )
            for j, other in enumerate(voices.embeddings)
            if voices.gender[j] == faces.gender[i]
        )
        assert right[i] == best[1]


def test_length_says_nothing_and_a_tie_is_wrong() -> None:
    faces, voices = side("person", 1), side("person", 2)
    longer = Side(faces.embeddings * np.linspace(0.1, 9, len(faces.speaker))[:, None], faces.speaker, faces.gender)
    assert (nearest_is_own(longer, voices, "U")[0] == nearest_is_own(faces, voices, "U")[0]).all()
    same = Side(np.ones((6, 4)), np.repeat([0, 1], 3), np.zeros(6, int))
    assert not nearest_is_own(same, same, "U")[0].any()


def test_what_cannot_be_asked_is_told() -> None:
    faces = side("person", 1)
    with pytest.raises(BenchmarkError, match="have none of their own person"):
        nearest_is_own(faces, Side(faces.embeddings[:3], faces.speaker[:3], faces.gender[:3]), "U")
    with pytest.raises(BenchmarkError, match="not finite"):
        nearest_is_own(Side(faces.embeddings * np.nan, faces.speaker, faces.gender), faces, "U")
