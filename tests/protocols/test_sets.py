"""Sets, sources and the weights of the official mean of batch means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.sets import corpus_of, official_weights, sets, sources
from protocols.trial import Trial


def official_mean(values: list[float], batch: int) -> float:
    """Mean over batches of the mean over a batch: clovaai/stargan-v2@875b70a:metrics/eval.py, `calculate_metrics`."""
    lpips_values = []
    for start in range(0, len(values), batch):
        lpips_values.append(np.mean(values[start : start + batch]))
    return float(np.mean(lpips_values))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=80), st.integers(1, 40))
def test_weights_give_the_official_mean_of_batch_means(values: list[float], batch: int) -> None:
    weights = official_weights(len(values), batch)
    assert sum(weights) == pytest.approx(1)
    assert min(weights) > 0
    assert np.dot(weights, values) == pytest.approx(official_mean(values, batch), abs=1e-12)


def test_a_short_last_batch_counts_as_much_as_a_full_one() -> None:
    weights = official_weights(33)
    assert weights[:32] == [1 / 64] * 32
    assert weights[32] == 1 / 2


ROW = Trial("o.png", "s", "image_guided_translation", "a.png", trial="pocket_faces-seen-0001", split="seen", draw=1)


def test_a_set_is_of_one_direction_split_repeat_corpus_task_and_system() -> None:
    rows = [
        replace(ROW, source_gender=0, target_gender=1),
        replace(ROW, source_gender=1, target_gender=0),
        replace(ROW, source_gender=0, target_gender=1, split="unseen"),
        replace(ROW, source_gender=0, target_gender=1, repeat=1),
        replace(ROW, source_gender=0, target_gender=1, trial="pocket_faces_b-seen-0001"),
        replace(ROW, source_gender=0, target_gender=1, task="latent_guided_translation"),
        replace(ROW, source_gender=0, target_gender=1, system="t"),
        replace(ROW, source_gender=0, target_gender=1, draw=2, source="b.png"),
    ]
    found = sets(rows, ("pocket_faces", "pocket_faces_b"))
    assert [len(own) for own in found.values()] == [2, 1, 1, 1, 1, 1, 1]
    assert [key.direction for key in found][:2] == ["female->male", "male->female"]
    assert next(iter(found.values())) == [rows[0], rows[7]]


def test_rows_of_a_list_with_one_real_set_are_of_one_corpus_whatever_they_are_called() -> None:
    assert corpus_of(replace(ROW, trial="x-1-2"), ("mine",)) == "mine"
    assert corpus_of(replace(ROW, trial="a-b-seen-1"), ("a", "a-b")) == "a-b"
    assert corpus_of(replace(ROW, trial="c-seen-1"), ("a", "a-b")) == ""
    assert corpus_of(ROW, ()) == ""


def test_outputs_of_one_source_belong_together_and_a_row_without_source_to_none() -> None:
    rows = [ROW, replace(ROW, source="b.png"), replace(ROW, source=""), replace(ROW, draw=2)]
    assert sources(rows) == {"a.png": [rows[0], rows[3]], "b.png": [rows[1]]}
