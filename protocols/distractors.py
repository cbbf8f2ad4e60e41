"""Who is mistaken for whom: every row of a group is given another one, of somebody else, in turn."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from protocols.trial import Trial

_SWEEPS = 4  # from a circle of people to an order in which one person's partners are of many


def distractors(rows: Sequence[Trial], never_source: bool = False) -> dict[str, Trial]:
    """Trial -> the row that it is told apart from, of another target; decided by trial and target names alone, and
    with `never_source` by source names, as nobody is then told apart from the row's own source.

    Every row is the distractor of one row at most, so that a face which all voices like wins as often as it misleads.
    In a group where one person has more than half of the rows some of theirs have none, as few as possible.
    """
    ordered = sorted(rows, key=lambda row: row.trial)
    names = "\n".join(f"{row.trial}\t{row.target_id}" for row in ordered)
    people, rng = [row.target_id for row in ordered], np.random.default_rng(zlib.crc32(names.encode()))
    partners = deranged(people, rng, [row.source_id for row in ordered] if never_source else ())
    return {row.trial: ordered[j] for row, j in zip(ordered, partners, strict=True) if j is not None}


def deranged(people: Sequence[str], rng: np.random.Generator, barred: Sequence[str] = ()) -> list[int | None]:
    """The person at each place -> for each place another, each once, of somebody else; None where there is none left.

    People stand in blocks, and turning past the largest block leaves nobody his own; then partners are exchanged
    wherever both stay with somebody else. `barred`: for each place one more person that its partner may not be of;
    whoever is left with him exchanges with the first that he can.
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
        return people[place] != people[other] and (not barred or barred[place] != people[other])

    for _ in range(_SWEEPS):
        for i, j in enumerate(rng.integers(len(people), size=len(people)).tolist()):
            if fits(i, partner[j]) and fits(j, partner[i]):
                partner[i], partner[j] = partner[j], partner[i]
    for i in [place for place in range(len(people)) if not fits(place, partner[place])]:
        j = next((j for j in partner if fits(i, partner[j]) and fits(j, partner[i])), i)
        partner[i], partner[j] = partner[j], partner[i]
    return [partner[i] if fits(i, partner[i]) else None for i in range(len(people))]
