"""Cells of metrics that judge whole sets of outputs (FID, KID): their scores have `rows`.

A set is one split, direction (source gender -> target gender) and repeat of a system's rows on a corpus. Its value has
no spread over trials, so that there is no interval; what spread there is, is that of repeats of the whole draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev

from benchmark.errors import BenchmarkError
from protocols.sets import GENDERS
from protocols.trial import Score, Trial

SetName = tuple[str, int | None, int | None, int]
"""(split, source gender, target gender, repeat)."""


def judges_sets(scores: Iterable[Score]) -> bool:
    """Whether scores with values are of whole sets.

    Raises:
        BenchmarkError: some are and some are not.
    """
    good = [s for s in scores if s.value is not None]
    whole = sum(s.rows is not None for s in good)
    if 0 < whole < len(good):
        bare = next(s for s in good if s.rows is None)
        raise BenchmarkError(
            f"{bare.metric} of {bare.system}: the score of trial {bare.trial} is of a row and others are of sets. Is "
            f"scores.jsonl of two versions? Remove it and score again."
        )
    return whole > 0


def set_name(trial: Trial) -> SetName:
    return trial.split, trial.source_gender, trial.target_gender, trial.repeat


def set_mean(scores: Sequence[Score]) -> float:
    """The unweighted mean over sets, whatever their sizes: directions count alike, as in the papers."""
    return fmean(s.value for s in scores if s.value is not None)


def notes(pairs: Sequence[tuple[Trial, Score]], real: Mapping[str, int]) -> list[str]:
    """What is to be said of a cell: every direction by itself, and the spread over repeats.

    Args:
        pairs: the scores of the cell's sets, each with the trial it stands under.
        real: gender -> pictures of the real set of the corpus.
    """
    directions: dict[tuple[int | None, int | None], list[Score]] = {}
    repeats: dict[int, dict[object, list[float]]] = {}
    for trial, score in pairs:
        direction = trial.source_gender, trial.target_gender
        directions.setdefault(direction, []).append(score)
        repeats.setdefault(trial.repeat, {}).setdefault(direction, []).append(_value(score))
    said = [_direction(GENDERS[a], GENDERS[b], own, real) for (a, b), own in directions.items()]
    if len(repeats) > 1:
        means = [fmean(map(fmean, of.values())) for of in repeats.values()]
        said.append(f"standard deviation over {len(repeats)} repeats {stdev(means):.4g}")
    return said


def _direction(source: str, target: str, scores: Sequence[Score], real: Mapping[str, int]) -> str:
    outputs = sum(s.rows or 0 for s in scores)
    sets = f" in {len(scores)} sets" if len(scores) > 1 else ""
    against = f", {real[target]} real" if target in real else ""
    return f"{source}->{target} {set_mean(scores):.4g} ({outputs} outputs{sets}{against})"


def _value(score: Score) -> float:
    assert score.value is not None
    return score.value
