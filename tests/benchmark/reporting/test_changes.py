"""How often `compare` calls one of two equal runs worse, and how often it sees what is worse: made scores, no files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.reporting.changes import Change, row_changes
from benchmark.reporting.measured import Measured
from benchmark.reporting.schema import TableRow
from benchmark.reporting.tolerances import Tolerances
from protocols.trial import Score, Trial

pytestmark = pytest.mark.slow
SYSTEMS, METRICS = ("one", "two", "three", "four"), ("spksim@a", "wer@b")
SPLITS = ("all", "seen", "unseen", "seen/same", "seen/cross", "unseen/same", "unseen/cross")
SPEAKERS = 16


def trials() -> list[Trial]:
    """96 as a default run draws them: two splits of 16 speakers, every speaker three times on each side."""
    rng, rows = np.random.default_rng(0), []
    for split in ("seen", "unseen"):
        targets = rng.permutation(np.arange(48) % SPEAKERS)
        for i in range(48):
            source, target = i % SPEAKERS, int(targets[i])
            rows.append(
                Trial(
                    task="t",
                    source_id=f"{split}{source}",
                    source_gender=source % 2,
                    target_id=f"{split}{target}",
                    target_gender=target % 2,
                    trial=f"made-{split}-{i}",
                    split=split,
                )
            )
    return rows


TRIALS = trials()


def run(rng: np.random.Generator, change: float = 0.0) -> Measured:
    """Scores whose differences between two runs cluster by speaker; `change` is added to spksim of system one."""
    scores = {}
    for metric in METRICS:
        for system in SYSTEMS:
            source, target = rng.normal(0, 0.02, (2, 2 * SPEAKERS))
            offset = change if (metric, system) == ("spksim@a", "one") else 0.0
            of = {}
            for t in TRIALS:
                part = SPEAKERS * (t.split == "unseen")
                speakers = (int(i.removeprefix(t.split)) + part for i in (t.source_id, t.target_id))
                effect = source[next(speakers)] + target[next(speakers)]
                of[t.trial] = Score(system, t.trial, metric, float(0.7 + offset + effect + rng.normal(0, 0.03)))
            scores[metric, system] = of
    row = TableRow(
        task="t", corpus="made", system="", split="", metric="", value=None, low=None, high=None, n=0, failed=0
    )
    keys = [("t", "made", m, s, split) for m in METRICS for s in SYSTEMS for split in SPLITS]
    return Measured(
        name="made",
        command="",
        tasks={"t": METRICS},
        corpora=("made",),
        systems=SYSTEMS,
        trials=TRIALS,
        scores=scores,
        rows=dict.fromkeys(keys, row),
        counts={},
    )


def worse(a: Measured, b: Measured) -> set[tuple[str, str]]:
    _, changes = row_changes(a, b, Tolerances(), reproduce=False)
    return {(c.metric, c.system) for c in changes if c.fails}


def test_equal_runs_are_seldom_called_worse() -> None:
    """5 % is what is promised; of 200 pairs 19 or more would then come with a probability below 0.01."""
    rng = np.random.default_rng(1)
    assert sum(bool(worse(run(rng), run(rng))) for _ in range(200)) <= 18


def test_one_test_of_5_percent_a_row_would_cry_wolf_in_every_third_pair() -> None:
    """Guards the test above: the same scores, each row judged as if it were the only one."""
    rng, alarms = np.random.default_rng(1), 0
    for _ in range(30):
        a, b = run(rng), run(rng)
        single = []
        for key in a.rows:
            _, changes = row_changes(replace(a, rows={key: a.rows[key]}), b, Tolerances(), reproduce=False)
            single += changes
        alarms += any(c.fails for c in single)
    assert alarms >= 10


def test_the_printed_loss_is_seen_as_often_as_is_printed() -> None:
    """80 % is printed; at least 65 % of 120 comparisons. The median of 40 printed losses stands for the loss, because
    that of 9 is itself off by a tenth."""
    rng = np.random.default_rng(2)

    def one(a: Measured, b: Measured) -> Change:
        _, changes = row_changes(a, b, Tolerances(), reproduce=False)
        (row,) = [c for c in changes if (c.metric, c.system, c.split) == ("spksim@a", "one", "seen")]
        return row

    losses = [one(run(rng), run(rng)).detectable or 0 for _ in range(40)]
    assert sum(one(run(rng), run(rng, -float(np.median(losses)))).fails for _ in range(120)) >= 78
