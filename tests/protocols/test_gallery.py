"""Likeness maths on embeddings, and who stands in a gallery."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from benchmark.errors import BenchmarkError
from protocols.gallery import Gallery, centred, compared_picture, cosines, rank
from protocols.trial import Trial

ROW = Trial(
    source="a.png", reference="b.flac", other_target_face="b.png", other_face="c.png", source_id="a", target_id="b"
)
VALUES = st.floats(-10, 10, width=32).filter(lambda x: abs(x) > 1e-3)


def test_what_an_output_is_compared_with() -> None:
    assert compared_picture("cos_target", ROW) == "b.png", "the reference is a voice"
    assert compared_picture("cos_input", ROW) == "a.png"
    assert compared_picture("cos_random", ROW) == "c.png"
    assert compared_picture("cos_target", Trial(reference="r.png", other_target_face="b.png")) == "r.png"
    assert compared_picture("cos_target", Trial(other_target_face="b.png")) == "", "a latent has no target"
    assert compared_picture("mapping", ROW) == ""


def test_cosines_worked_by_hand() -> None:
    output = np.array([3.0, 4.0])
    found = cosines(output, np.array([[6.0, 8.0], [4.0, -3.0], [-3.0, -4.0], [1.0, 0.0]]))
    np.testing.assert_allclose(found, [1.0, 0.0, -1.0, 0.6], atol=1e-15)
    assert centred(found[3], found[:3]) == pytest.approx(0.6)
    assert centred(found[0], found[1:]) == pytest.approx(1 - (0 - 1 + 0.6) / 3)


@given(arrays.arrays(np.float32, (5, 3), elements=VALUES), st.floats(0.1, 10), st.floats(0.1, 10))
def test_a_cosine_knows_directions_alone(rows: np.ndarray, a: float, b: float) -> None:
    expected = [np.dot(rows[0], r) / np.linalg.norm(rows[0]) / np.linalg.norm(r) for r in rows[1:].astype(np.float64)]
    found = cosines(rows[0], rows[1:])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(cosines(a * rows[0], b * rows[1:]), found, atol=1e-6)
    assert np.abs(found).max() <= 1 + 1e-12


def test_equal_pictures_give_equal_cosines_wherever_they_stand() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(37, 64)).astype(np.float32)
    pictures[[3, 17, 36]] = pictures[11]
    found = cosines(rng.normal(size=64).astype(np.float32), pictures)
    assert len({found[i] for i in (3, 11, 17, 36)}) == 1


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_an_embedding_without_a_direction_is_told(bad: float) -> None:
    with pytest.raises(BenchmarkError, match="0 or not finite"):
        cosines(np.ones(3), np.stack([np.ones(3), np.full(3, bad)]))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=20), st.integers(-3, 3))
def test_the_rank_is_the_place_behind_all_that_score_as_much(others: list[int], target: int) -> None:
    line = sorted([(-score, 0) for score in others] + [(-target, 1)])
    assert rank(target, np.array(others)) == line.index((-target, 1)) + 1


def test_ties_count_against_the_target() -> None:
    assert rank(0.5, np.array([0.5, 0.5, 0.1])) == 3
    assert rank(0.5, np.array([0.4, 0.1])) == 1
    assert rank(0.5, np.array([])) == 1


def test_a_gallery_has_one_picture_a_person_whatever_the_order_of_rows() -> None:
    rows = [
        Trial(trial="t3", target_id="p", target_gender=0, other_target_face="p3.png"),
        Trial(trial="t1", target_id="q", target_gender=1, other_target_face="q1.png"),
        Trial(trial="t2", target_id="p", target_gender=0, other_target_face="p2.png"),
        Trial(trial="t0", target_id="p", target_gender=0, other_target_face=""),
        Trial(trial="t4", target_id="", target_gender=0, other_target_face="nobody.png"),
        Trial(trial="t5", target_id="r", target_gender=None, other_target_face="r5.png"),
    ]
    gallery = Gallery.of(rows)
    assert gallery.pictures == {"q": "q1.png", "p": "p2.png", "r": "r5.png"}
    assert gallery.genders == {"q": 1, "p": 0, "r": None}
    assert gallery.others("p") == ("q1.png", "r5.png")
    assert gallery.of_gender(0, ("q",)) == ("p2.png",)
    assert gallery.of_gender(0, ("p", "q")) == ()
    for seed in range(5):
        shuffled = Random(seed).sample(rows, len(rows))
        again = Gallery.of(shuffled)
        assert list(again.pictures.items()) == list(gallery.pictures.items())
