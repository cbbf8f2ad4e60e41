"""Which two people a forced choice is between: decided by the list alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from protocols.distractors import assigned
from protocols.questionnaire import build
from protocols.trial import Trial
from protocols.triplets import triplets


def translations(sources: int = 4, people: int = 6, genders: tuple[int, ...] = (0, 1)) -> list[Trial]:
    """Every source face with the voice of every person, of the genders in turn."""
    return [
        Trial(
            task="audio_guided_translation",
            source=f"s{s}.png",
            reference=f"p{p}.flac",
            source_id=f"s{s}",
            target_id=f"p{p}",
            target_gender=genders[p % len(genders)],
            output=f"out{s}_{p}.png",
            trial=f"pocket_made-unseen-{s * people + p:05d}",
            draw=p,
            split="unseen",
        )
        for s in range(sources)
        for p in range(people)
    ]


def conversions(rows: int = 24, people: int = 6) -> list[Trial]:
    """Recordings of the same people, each in the voice of a face of another."""
    return [
        Trial(
            task="image_guided_vc",
            source=f"p{(i + 1 + i // people) % people}_{i}.flac",
            reference=f"p{i % people}_{i}.png",
            source_id=f"p{(i + 1 + i // people) % people}",
            target_id=f"p{i % people}",
            target_gender=i % people % 2,
            output=f"out{i}.flac",
            trial=f"pocket_made-unseen-{i:04d}",
            split="unseen",
        )
        for i in range(rows)
        if i // people % people != people - 1
    ]


def test_a_triplet_of_faces_is_of_one_source_and_each_row_is_wrong_once() -> None:
    rows = translations()
    for same_gender in (False, True):
        found = triplets(rows, same_gender)
        assert len(found) == len(rows)
        assert max(Counter(other.trial for other in found.values()).values()) == 1
        for row in rows:
            other = found[row.trial]
            assert other.source == row.source
            assert other.target_id != row.target_id
            assert not same_gender or other.target_gender == row.target_gender
    anybody = triplets(rows, same_gender=False)
    assert {anybody[row.trial].target_gender == row.target_gender for row in rows} == {True, False}


def test_of_a_source_that_met_one_gender_nobody_is_anybody() -> None:
    """Otherwise cpr@any would be cpr@same_gender under another name."""
    rows = translations(genders=(1,))
    assert triplets(rows, same_gender=False) == {}
    assert len(triplets(rows, same_gender=True)) == len(rows)
    mixed = rows + [replace(row, trial=row.trial + "9") for row in translations(sources=1)]
    assert {other.source for other in triplets(mixed, same_gender=False).values()} == {"s0.png"}
    unknown = [replace(row, target_gender=None) for row in rows]
    assert len(triplets(unknown, same_gender=False)) == len(rows)
    assert triplets(unknown, same_gender=True) == {}


def test_a_source_with_one_reference_has_no_triplet() -> None:
    assert triplets(translations(people=1), same_gender=True) == {}
    one = [replace(row, target_id="p0", target_gender=0) for row in translations()]
    assert triplets(one, same_gender=True) == triplets(one, same_gender=False) == {}


def test_the_wrong_picture_of_a_voice_is_neither_its_targets_nor_its_sources() -> None:
    rows = conversions()
    assert all(row.source_id != row.target_id for row in rows), "else this test says nothing"
    for same_gender in (False, True):
        found = triplets(rows, same_gender)
        assert len(found) == len(rows)
        for row in rows:
            other = found[row.trial]
            assert other.target_id not in (row.target_id, row.source_id)
            assert not same_gender or other.target_gender == row.target_gender


def test_rows_that_do_not_cross_have_none() -> None:
    rows = conversions()
    heard = [replace(row, reference="voice.flac") for row in rows]
    assert triplets(heard, same_gender=False) == {}
    assert triplets([replace(row, task="audio_guided_vc") for row in rows], same_gender=False) == {}
    assert triplets([replace(row, target_id="") for row in rows], same_gender=False) == {}


@given(st.randoms(use_true_random=False), st.booleans())
def test_neither_order_nor_outputs_nor_system_decide(random: Random, same_gender: bool) -> None:
    rows = [*translations(), *conversions()]
    other = [replace(row, output="", system="another") for row in random.sample(rows, len(rows))]
    expected = {name: row.trial for name, row in triplets(rows, same_gender).items()}
    assert {name: row.trial for name, row in triplets(other, same_gender).items()} == expected


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdefxyz")), max_size=30), st.integers(0, 99))
def test_nobody_gets_whom_he_may_not(pairs: list[tuple[str, str]], seed: int) -> None:
    people, barred = [person for person, _ in pairs], [bar for _, bar in pairs]
    found = assigned(people, barred, np.random.default_rng(seed))
    given_to = [j for j in found if j is not None]
    assert len(found) == len(people)
    assert len(set(given_to)) == len(given_to)
    fits = [[other not in (person, bar) for other in people] for person, bar in pairs]
    assert all(j is None or fits[i][j] for i, j in enumerate(found))
    most = maximum_bipartite_matching(csr_matrix(np.array(fits, bool).reshape(len(people), -1))) if people else []
    assert len(given_to) == sum(j >= 0 for j in most), "as many as can be"


def test_people_are_asked_about_the_same_triplets() -> None:
    for rows in (translations(), conversions()):
        named = [replace(row, system="s") for row in rows]
        items = build(named, "cpr", len(rows), 5)
        found = triplets(rows, same_gender=False)
        assert {item.pair for item in items} == {f"{name} | {other.trial}" for name, other in found.items()}
    one_gender = [replace(row, system="s") for row in translations(genders=(1,))]
    found = triplets(one_gender, same_gender=True)
    pairs = {item.pair for item in build(one_gender, "cpr", len(one_gender), 0)}
    assert pairs == {f"{name} | {other.trial}" for name, other in found.items()}
