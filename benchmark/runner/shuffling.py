"""The control `shuffled_reference`: the same rows, each with a reference that was drawn for another one."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from protocols.trial import Trial

_CIRCLES = 10


def shuffle_references(trials: Sequence[Trial], seed: int) -> list[Trial]:
    """The same rows with references permuted within corpus, split and target gender, never to the row's own target.

    Where a source has several outputs, whole sets of references change hands, within a repeat: the outputs of a source
    then differ as much as before. A row for which there is no other target, or in a small corpus no order without its
    own, gets an empty reference, and so no output.
    """
    groups: dict[tuple[Hashable, ...], list[int]] = defaultdict(list)
    for i, trial in enumerate(trials):
        # The repeat is named only where there are several: the name decides the permutation, and old ones stay.
        repeat = (trial.repeat,) if trial.repeat else ()
        groups[trial.corpus, trial.split, trial.target_gender, *repeat].append(i)
    several = any(trial.draw for trial in trials)
    given: dict[int, str] = {}
    for key, rows in groups.items():
        rng = np.random.default_rng([seed, zlib.crc32(repr(key).encode())])
        given |= _sets(trials, rows, rng) if several else _single(trials, rows, rng)
    return [replace(trial, reference=given[i]) for i, trial in enumerate(trials)]


def _single(trials: Sequence[Trial], rows: Sequence[int], rng: np.random.Generator) -> dict[int, str]:
    targets = rng.permutation(sorted({trials[i].target_id for i in rows})).tolist()
    rows = sorted(rng.permutation(rows).tolist(), key=lambda i: targets.index(trials[i].target_id))
    # Turning past the largest block of one target leaves nobody his own.
    turn = max(Counter(trials[i].target_id for i in rows).values())
    return {i: _other(trials[j], trials[i]) for i, j in zip(rows, rows[turn:] + rows[:turn], strict=True)}


def _sets(trials: Sequence[Trial], rows: Sequence[int], rng: np.random.Generator) -> dict[int, str]:
    """Sets pass on in a circle of sources, each in the order in which the fewest rows meet their own targets; of a few
    circles the first without any such row is taken, else the one with the fewest."""
    by_source: dict[str, list[int]] = defaultdict(list)
    for i in rows:
        by_source[trials[i].source].append(i)
    best: dict[int, str] = {}
    for _ in range(_CIRCLES):
        sources = rng.permutation(sorted(by_source)).tolist()
        given: dict[int, str] = {}
        for source, giver in zip(sources, sources[1:] + sources[:1], strict=True):
            taken, theirs = by_source[source], by_source[giver]
            own = [[trials[i].target_id == trials[j].target_id for j in theirs] for i in taken]
            for row, column in zip(*linear_sum_assignment(own), strict=True):
                given[taken[row]] = _other(trials[theirs[column]], trials[taken[row]])
        if not best or list(given.values()).count("") < list(best.values()).count(""):
            best = given
        if "" not in best.values():
            break
    return best


def _other(giver: Trial, trial: Trial) -> str:
    return giver.reference if giver.target_id != trial.target_id else ""
