"""Differences of two metrics of one system, and of a trained system from the mean face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.reporting.layout import blocks, to_markdown
from benchmark.reporting.schema import Device, DifferenceRow, Git, RunRecord, SystemFacts
from benchmark.reporting.statistics import paired_difference
from benchmark.reporting.store import RunFolder, ScoreLog
from benchmark.reporting.tables import difference_rows, remake, table_rows
from protocols.trial import Score, Trial, write_trials

TARGET, INPUT, RANDOM = (f"cos_{name}@pocket" for name in ("target", "input", "random"))
SYSTEMS = {name: name for name in ("cae", "shuffled_reference:cae", "gender_mean_face", "copy_source")}
MEANS = {"cae": (0.42, 0.32, 0.21), "copy_source": (0.2, 1.0, 0.2)}


def record(metrics: list[str]) -> RunRecord:
    return RunRecord(
        command="run",
        task="face_from_voice",
        profile="small",
        systems=SYSTEMS,
        corpora=["made"],
        metrics=metrics,
        seeds=[0],
        settings={},
        git=Git(),
        packages={},
        python="3.11.7",
        platform="Linux",
        host="here",
        device=Device(name="x", kind="cpu", threads=1, tf32_matmul=False, tf32_cudnn=False, cudnn_benchmark=False),
        facts={name: SystemFacts(network="trained") for name in ("cae", "shuffled_reference:cae")},
        started="2026-11-21T11:00:00+00:00",
        status="finished",
    )


TRIALS = [
    Trial(
        task="face_from_voice",
        source_id=f"p{i % 16}",
        source_gender=i % 2,
        target_id=f"p{(i + 1 + i // 16) % 16}",
        target_gender=(i + 1 + i // 16) % 2,
        trial=f"made-{'seen' if i < 48 else 'unseen'}-{i:04d}",
        split="seen" if i < 48 else "unseen",
    )
    for i in range(96)
]


def made(metrics: list[str]) -> list[Score]:
    rng = np.random.default_rng(0)
    return [
        Score(system, trial.trial, metric, float(mean + 0.1 * rng.standard_normal()))
        for system in SYSTEMS
        for trial in TRIALS
        for metric, mean in zip(metrics, MEANS.get(system, (0.3, 0.3, 0.2)), strict=False)
    ]


ALL = [TARGET, INPUT, RANDOM]
SCORES = made(ALL)


def orders(rows: list[DifferenceRow]) -> Mapping[tuple[str, str, str], DifferenceRow]:
    return {(r.system, r.metric, r.split): r for r in rows if r.against_metric is not None}


def test_a_system_is_compared_with_itself_under_the_next_metric() -> None:
    found = orders(difference_rows(record(ALL), TRIALS, SCORES))
    assert {(r.metric, r.against_metric) for r in found.values()} == {(TARGET, INPUT), (INPUT, RANDOM)}
    assert {r.system for r in found.values()} == set(SYSTEMS)
    value = {(s.system, s.trial, s.metric): s.value or 0.0 for s in SCORES}
    kept = [t for t in TRIALS if t.split == "unseen"]
    expected = paired_difference(
        [value["cae", t.trial, TARGET] for t in kept],
        [value["cae", t.trial, INPUT] for t in kept],
        [t.source_id for t in kept],
        [t.target_id for t in kept],
    )
    row = found["cae", TARGET, "unseen"]
    assert (row.difference, row.low, row.high, row.p, row.n, row.against) == (
        expected.mean,
        expected.low,
        expected.high,
        expected.p,
        48,
        "cae",
    )
    assert (row.low or 0) > 0 > (found["copy_source", TARGET, "all"].high or 0), "a copy is the source's face"


@pytest.mark.parametrize("metrics", [[TARGET], [TARGET, RANDOM], [RANDOM]])
def test_without_the_next_metric_there_is_no_such_difference(metrics: list[str]) -> None:
    assert not orders(difference_rows(record(metrics), TRIALS, made(metrics)))


def test_metrics_of_two_judges_are_not_compared() -> None:
    metrics = [TARGET, "cos_input@own", f"{INPUT}:centred"]
    assert not orders(difference_rows(record(metrics), TRIALS, made(metrics)))


def test_trained_systems_are_compared_with_the_mean_face_too() -> None:
    rows = difference_rows(record(ALL), TRIALS, SCORES)
    pairs = {(r.system, r.against) for r in rows if r.against_metric is None}
    assert pairs == {("cae", "shuffled_reference:cae"), ("cae", "gender_mean_face")}


def test_the_ground_truth_through_a_system_is_compared_with_nothing() -> None:
    name = "reconstructed:cae"
    own = record(ALL)
    more = own.model_copy(
        update={"systems": {**own.systems, name: name}, "facts": {**own.facts, name: SystemFacts(network="trained")}}
    )
    scores = [*SCORES, *(replace(score, system=name) for score in SCORES if score.system == "cae")]
    rows = difference_rows(more, TRIALS, scores)
    assert {(r.system, r.against) for r in rows if r.against_metric is None} == {
        ("cae", "shuffled_reference:cae"),
        ("cae", "gender_mean_face"),
    }


def test_the_table_shows_each_pair_of_metrics_once_with_all_systems(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with RunFolder(folder) as run:
        run.open(record(ALL))
        write_trials(run.trials, TRIALS)
        ScoreLog(run.scores).append(SCORES)
        remake(folder)
    text = (folder / "table.md").read_text()
    assert text.count(f"### {TARGET} · face_from_voice · made · less {INPUT}, paired") == 1
    assert text.count(f"### {INPUT} · face_from_voice · made · less {RANDOM}, paired") == 1
    assert f"less {RANDOM}, paired" not in text.split(f"### {INPUT}")[0]
    block = text.split(f"less {INPUT}, paired")[1].split("###")[0]
    assert [line.split("|")[1].strip() for line in block.splitlines() if line.startswith("| ")] == [
        "system",
        "cae",
        "↳ shuffled_reference",
        "gender_mean_face",
        "copy_source",
    ]
    assert "+0.1" in block
    assert max(map(len, text.split("- face_from_voice")[0].splitlines())) <= 120
    layout = blocks(table_rows(record(ALL), TRIALS, SCORES), [])
    assert "less" not in to_markdown(layout, "x"), "differences alone make such blocks"
