"""The field's protocol for matchers: what the lists hold, and what known matchers come to on them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from protocols.matching import (
    Side,
    chance_of_retrieval,
    chosen_right,
    draw_choices,
    draw_pairs,
    matching,
    rivals,
)


def side(people: int, each: int, kind: str, seed: int = 0) -> Side:
    """`oracle`: one direction a person; `noise`: nothing of the person; `constant`: everybody alike; `gender`: one
    direction a gender."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(people), each)
    vectors = {
        "oracle": np.eye(people)[speaker],
        "noise": rng.standard_normal((len(speaker), 8)),
        "constant": np.ones((len(speaker), 4)),
        "gender": np.eye(2)[speaker % 2],
    }
    return Side(vectors[kind], speaker, speaker % 2)


def values(kind: str, people: int = 24, choices: int = 4000) -> dict[tuple[str, str, str], float]:
    found = matching(side(people, 3, kind), side(people, 2, kind, 1), 0, (2, 5), choices, 4000)
    return {(f.measure, f.probe, f.stratum): f.value for f in found}


@pytest.mark.parametrize("stratum", ["U", "G"])
@pytest.mark.parametrize("ways", [2, 5])
def test_choices_hold_a_match_and_different_other_people(stratum: str, ways: int) -> None:
    voices, faces = side(12, 3, "noise"), side(12, 2, "noise", 1)
    drawn = draw_choices(voices, faces, ways, 500, stratum, np.random.default_rng(0))  # type: ignore[arg-type]
    assert drawn.shape == (500, 1 + ways)
    who = faces.speaker[drawn[:, 1:]]
    assert (who[:, 0] == voices.speaker[drawn[:, 0]]).all()
    assert all(len(set(row)) == ways for row in who), "nobody twice"
    if stratum == "G":
        assert (faces.gender[drawn[:, 1:]] == voices.gender[drawn[:, :1]]).all()
    else:
        assert (faces.gender[drawn[:, 1:]] != voices.gender[drawn[:, :1]]).any()
    assert len(set(drawn[:, 0])) == 36
    assert len({*drawn[:, 1:].ravel()}) == 24
    again = draw_choices(voices, faces, ways, 500, stratum, np.random.default_rng(0))  # type: ignore[arg-type]
    np.testing.assert_array_equal(drawn, again)


@pytest.mark.parametrize("stratum", ["U", "G"])
def test_pairs_are_half_of_one_person(stratum: str) -> None:
    voices, faces = side(6, 3, "noise"), side(6, 2, "noise", 1)
    same, other = draw_pairs(voices, faces, 2001, stratum, np.random.default_rng(0))  # type: ignore[arg-type]
    assert len(same) == len(other) == 1000
    assert (voices.speaker[same[:, 0]] == faces.speaker[same[:, 1]]).all()
    assert (voices.speaker[other[:, 0]] != faces.speaker[other[:, 1]]).all()
    assert ((voices.gender[other[:, 0]] == faces.gender[other[:, 1]]).all()) == (stratum == "G")


def test_who_knows_everybody_is_always_right() -> None:
    for (measure, _, _), value in values("oracle").items():
        assert value == (0.0 if measure == "eer" else 1.0), measure


def test_who_knows_nothing_is_at_chance() -> None:
    voices, faces = side(40, 3, "noise"), side(40, 2, "noise", 1)
    for figure in matching(voices, faces, 0, (2, 5), 4000, 4000):
        assert figure.value == pytest.approx(figure.chance, abs=0.06), figure
        assert (
            figure.n
            == {"1": 4000, "a": 4000, "e": 4000, "m": 120 if figure.probe == "voice" else 80}[figure.measure[0]]
        )


def test_who_knows_the_gender_is_at_chance_within_it() -> None:
    found = values("gender")
    assert found["auc", "", "G"] == pytest.approx(0.5)
    assert found["auc", "", "U"] == pytest.approx(0.75, abs=0.03), "12 of 23 other people are of the other gender"
    assert found["1:2", "voice", "G"] == 0.0, "a tie is no choice"
    assert found["1:2", "voice", "U"] == pytest.approx(12 / 23, abs=0.03)
    assert found["map", "voice", "U"] == pytest.approx(found["map", "voice", "G"]), "the other gender comes after all"


def test_a_tie_is_not_right_and_order_is() -> None:
    similarity = np.array([[0.5, 0.5, 0.1], [0.2, 0.1, 0.3]])
    choices = np.array([[0, 0, 1], [0, 0, 2], [1, 0, 1], [1, 0, 2]])
    assert chosen_right(similarity, choices).tolist() == [False, True, True, False]
    assert set(v for (m, *_), v in values("constant", choices=50).items() if m.startswith("1:")) == {0.0}


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.integers(3, 6))
def test_chance_of_retrieval_is_the_mean_over_all_orders(relevant: int, size: int) -> None:
    hits = np.arange(size) < relevant
    every = []
    for order in permutations(range(size)):
        row = hits[list(order)]
        every.append((np.cumsum(row) / np.arange(1, size + 1))[row].mean())
    assert chance_of_retrieval(hits[None], ~hits[None]) == pytest.approx(np.mean(every))
    longer = np.append(hits, [False, False])
    rival = np.append(~hits, [False, False])
    assert chance_of_retrieval(longer[None], rival[None]) == pytest.approx(np.mean(every)), "who may not be compared"


def test_too_few_people_are_named() -> None:
    voices, faces = side(4, 2, "noise"), side(4, 2, "noise", 1)
    with pytest.raises(BenchmarkError, match=r"1:3 in stratum G: no probe has .* 2 other people"):
        draw_choices(voices, faces, 3, 5, "G", np.random.default_rng(0))
    alone = Side(voices.embeddings[:2], voices.speaker[:2], voices.gender[:2])
    with pytest.raises(BenchmarkError, match="4 pairs of one person, 0 of two"):
        draw_pairs(alone, alone, 10, "U", np.random.default_rng(0))
    assert not rivals(alone, alone, "U").any()
