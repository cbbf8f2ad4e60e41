"""What a command line asks for is refused before anything is prepared or trained."""

from __future__ import annotations

import pytest

from benchmark.errors import BenchmarkError
from benchmark.runner.settings import RunSettings, plan


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("image_guided_translation", "spksim@resemblyzer"),
        ("image_guided_vc", "fid@pocket"),
        ("latent_guided_translation", "cos_target@pocket"),
        ("latent_guided_translation", "wer@espnet:pocket:en1"),
    ],
)
def test_a_metric_that_cannot_judge_the_task_is_refused(task: str, metric: str) -> None:
    with pytest.raises(BenchmarkError, match=f"{metric} judges .*, not {task}"):
        plan(RunSettings(task, metrics=(metric,)))


@pytest.mark.parametrize("task", ["image_guided_vc", "image_guided_translation", "latent_guided_translation"])
def test_the_tasks_own_metrics_are_taken(task: str) -> None:
    assert plan(RunSettings(task)).metrics
