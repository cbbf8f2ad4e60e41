"""Every row is given another one, of somebody else."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.distractors import deranged, distractors
from protocols.trial import Trial


def most_that_can_be(people: list[str]) -> int:
    """How many places can get another's: all, or where one person has the majority, those of the others twice."""
    largest = max(Counter(people).values(), default=0)
    return min(len(people), 2 * (len(people) - largest))


@given(st.lists(st.sampled_from("abcdefgh"), max_size=40), st.integers(0, 2**32 - 1))
def test_partners_are_of_somebody_else_each_once_and_as_many_as_can_be(people: list[str], seed: int) -> None:
    found = deranged(people, np.random.default_rng(seed))
    given_to = [j for j in found if j is not None]
    assert len(found) == len(people)
    assert all(j is None or people[i] != people[j] for i, j in enumerate(found))
    assert len(set(given_to)) == len(given_to)
    assert len(given_to) == most_that_can_be(people)


def test_a_persons_partners_are_of_many() -> None:
    people = [str(i % 20) for i in range(120)]
    found = deranged(people, np.random.default_rng(0))
    partners = [{people[j] for i, j in enumerate(found) if people[i] == p and j is not None} for p in set(people)]
    assert np.mean([len(own) for own in partners]) > 4.5, "of 6 rows; turning the blocks alone would give 1"
    met = Counter(people[i] < people[j] for i, j in enumerate(found) if j is not None)
    assert min(met.values()) > 40


def test_the_list_alone_decides() -> None:
    rows = [Trial(trial=f"t{i:03d}", target_id=f"p{i % 7}", output=f"{i}.png") for i in range(40)]
    expected = {name: other.trial for name, other in distractors(rows).items()}
    assert len(expected) == 40
    shuffled = Random(1).sample(
        [Trial(trial=r.trial, target_id=r.target_id, output="x.png", system="t") for r in rows], 40
    )
    assert {name: other.trial for name, other in distractors(shuffled).items()} == expected
    renamed = [Trial(trial=f"u{i:03d}", target_id=f"p{i % 7}") for i in range(40)]
    assert {name[1:]: other.trial[1:] for name, other in distractors(renamed).items()} != {
        name[1:]: other[1:] for name, other in expected.items()
    }, "another list, another draw"
    assert distractors([]) == {}
    assert distractors(rows[:1]) == {}
