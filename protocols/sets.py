"""Which rows belong together: sets that a distance is taken of, sources whose outputs are compared with each other.

clovaai/stargan-v2@875b70a:metrics/eval.py takes FID and LPIPS of one direction at a time (source gender -> target
gender) and then the mean over directions. Here a set is one system, task, corpus, split, direction and repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocols.trial import Trial

OFFICIAL_BATCH = 32
"""Sources a batch, clovaai/stargan-v2@875b70a:main.py, `val_batch_size`."""
GENDERS = {0: "female", 1: "male", None: "unknown"}


@dataclass(frozen=True)
class SetKey:
    """What the rows of a set have in common; genders are None where a given list does not say them."""

    system: str
    task: str
    corpus: str
    split: str
    source_gender: int | None
    target_gender: int | None
    repeat: int

    @property
    def direction(self) -> str:
        return f"{GENDERS[self.source_gender]}->{GENDERS[self.target_gender]}"


def corpus_of(trial: Trial, corpora: Sequence[str]) -> str:
    """The corpus a row belongs to: the only one, else the longest whose name its trial begins with; "" if none."""
    if len(corpora) <= 1:
        return next(iter(corpora), "")
    return max((c for c in corpora if trial.trial.startswith(f"{c}-")), key=len, default="")


def sets(trials: Sequence[Trial], corpora: Sequence[str]) -> dict[SetKey, list[Trial]]:
    """Set -> its rows, both in the order of the list."""
    found: dict[SetKey, list[Trial]] = {}
    for t in trials:
        genders = t.source_gender, t.target_gender
        key = SetKey(t.system, t.task, corpus_of(t, corpora), t.split, *genders, t.repeat)
        found.setdefault(key, []).append(t)
    return found


def sources(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Source picture -> its rows, of the rows of one set; a row that names no source has no fellows and is left out."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.source:
            found.setdefault(trial.source, []).append(trial)
    return found


def official_weights(n: int, batch: int = OFFICIAL_BATCH) -> list[float]:
    """The share of each of the n sources of a set in the mean of batch means; they add up to 1.

    The official LPIPS is the mean over batches of the mean over a batch's sources, and the last batch, however short,
    counts as much as the others (clovaai/stargan-v2@875b70a:metrics/eval.py).
    """
    batches = -(-n // batch)
    return [1.0 / (min(batch, n - i // batch * batch) * batches) for i in range(n)]
