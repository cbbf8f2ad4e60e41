"""Who is mistaken for whom: every row of a group is given another one, of somebody else, in turn."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from protocols.trial import Trial

_SWEEPS = 4  # from a circle of people to an order in which one person's partners are of many


def distractors(rows: Sequence[Trial], never_source: bool = False) -> dict[str, Trial]:
    """Trial -> the row that it is told apart from, of another target; decided by trial and target names alone.

    Every row is the distractor of one row at most, so that a face which all voices like wins as often as it misleads.
    In a group where one person has more than half of the rows some of theirs have none, as few as possible. With
    `never_source` nobody is told apart from the row's own source, and the names of sources decide too.
    """
    ordered = sorted(rows, key=lambda row: row.trial)
    names = "\n".join(f"{row.trial}\t{row.target_id}" for row in ordered)
    people, rng = [row.target_id for row in ordered], np.random.default_rng(zlib.crc32(names.encode()))
    partners = assigned(people, [row.source_id for row in ordered], rng) if never_source else deranged(people, rng)
    return {row.trial: ordered[j] for row, j in zip(ordered, partners, strict=True) if j is not None}


def deranged(people: Sequence[str], rng: np.random.Generator) -> list[int | None]:
    """The person at each place -> for each place another, each once, of somebody else; None where there is none left.

    People stand in blocks, and turning past the largest block leaves nobody his own; then partners are exchanged
    wherever both stay with somebody else.
    """
    if not people:
        return []
    places = rng.permutation(len(people))
    order = rng.permutation(sorted(set(people))).tolist()
    rank = {person: i for i, person in enumerate(order)}
    places = places[np.argsort([rank[people[i]] for i in places], kind="stable")]
    turn = max(Counter(people).values())
    partner = dict(zip(places.tolist(), np.roll(places, -turn).tolist(), strict=True))

    def fits(place: int, other: int) -> bool:
        return people[place] != people[other]

    for _ in range(_SWEEPS):
        for i, j in enumerate(rng.integers(len(people), size=len(people)).tolist()):
            if fits(i, partner[j]) and fits(j, partner[i]):
                partner[i], partner[j] = partner[j], partner[i]
    return [partner[i] if fits(i, partner[i]) else None for i in range(len(people))]


def assigned(people: Sequence[str], barred: Sequence[str], rng: np.random.Generator) -> list[int | None]:
    """The same where each place has one more person that its partner may not be of (empty: nobody): as many places as
    can be have a partner, and which one is random.

    Exchanging two partners at a time, as `deranged` does, does not lead there; this takes n x n numbers.
    """
    if not people:
        return []
    whose = np.array(people)
    unfit = (whose[:, None] == whose) | (np.array(barred)[:, None] == whose)
    _, partner = linear_sum_assignment(rng.random(unfit.shape) + len(people) * unfit)
    return [None if unfit[i, j] else j for i, j in enumerate(partner.tolist())]
