"""Metrics that judge whole sets of outputs: their cells, differences, golden files and comparisons."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.compare import accept, compare, read
from benchmark.reporting.findings import own_account
from benchmark.reporting.schema import Count, Device, Git, RunRecord, SystemFacts, TableRow
from benchmark.reporting.store import RunFolder, ScoreLog
from benchmark.reporting.tables import caption, difference_rows, remake, table_rows, write_tables
from benchmark.reporting.tolerances import default
from benchmark.reporting.verdict import as_text
from protocols.trial import Score, Trial, trials_sha256, write_trials

TASK, FID, FLIP, LPIPS = "image_guided_translation", "fid@pocket", "gender_flip@pocket", "lpips@pocket"
SYSTEMS = {"starganv2": "starganv2:pocket", "shuffled_reference:starganv2": "shuffled_reference:starganv2:pocket"}
VALUES = {("seen", 1, 0): 10.0, ("seen", 0, 0): 20.0, ("unseen", 1, 0): 30.0, ("unseen", 0, 0): 44.0} | {
    ("seen", 1, 1): 12.0,
    ("seen", 0, 1): 20.0,
    ("unseen", 1, 1): 30.0,
    ("unseen", 0, 1): 46.0,
}
"""(split, target gender, repeat) -> FID of the trained system; the other's is 5 more."""
OUTPUTS = 4


def rows() -> list[Trial]:
    """Ten people a side, so that a metric of rows has intervals and one of sets could."""
    return [
        Trial(
            task=TASK,
            source=f"{split}{1 - gender}{i}.png",
            source_id=f"s{split}{1 - gender}{i}",
            source_gender=1 - gender,
            target_id=f"t{split}{gender}{i}",
            target_gender=gender,
            trial=f"made-{split}-{repeat}{gender}{i}",
            split=split,
            repeat=repeat,
        )
        for repeat in (0, 1)
        for split in ("seen", "unseen")
        for gender in (1, 0)
        for i in range(OUTPUTS)
    ]


Change = Callable[[Score], Score]


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """`made(name, change)`: a finished run; `change` of every score of a set."""

    def make(name: str = "run", change: Change = lambda score: score) -> Path:
        trials, scores = rows(), []
        for system in SYSTEMS:
            for (split, gender, repeat), value in VALUES.items():
                own = [t for t in trials if (t.split, t.target_gender, t.repeat) == (split, gender, repeat)]
                more = 5.0 if ":" in system else 0.0
                scores.append(change(Score(system, own[0].trial, FID, value + more, rows=len(own))))
            scores += [Score(system, t.trial, FLIP, float(i % 3 > 0)) for i, t in enumerate(trials)]
        counts = {
            metric: Count(
                planned=len(of), scored=sum(s.error is None for s in of), failed=sum(s.error is not None for s in of)
            )
            for metric in (FID, FLIP)
            if (of := [s for s in scores if s.metric == metric])
        }
        record = RunRecord(
            command="python -m benchmark run",
            task=TASK,
            profile="pocket",
            systems=SYSTEMS,
            corpora=["made"],
            metrics=[FID, FLIP],
            seeds=[0],
            settings={},
            git=Git(),
            packages={},
            python="3.11",
            platform="Linux",
            host="here",
            device=Device(name="x", kind="cpu", threads=1, tf32_matmul=False, tf32_cudnn=False, cudnn_benchmark=False),
            trials_sha256=trials_sha256(trials),
            counts=counts,
            real_pictures={"made": {"female": 1200, "male": 1100}},
            started="2026-11-21T11:00:00+00:00",
            status="finished",
        )
        with RunFolder(tmp_path / name) as run:
            write_trials(run.trials, trials)
            run.write(record)
            ScoreLog(run.scores).append(scores)
        remake(tmp_path / name)
        return tmp_path / name

    return make


def cell(folder: Path, split: str, metric: str = FID, system: str = "starganv2:pocket") -> dict[str, object]:
    table = json.loads((folder / "table.json").read_text())
    (row,) = [r for r in table if (r["split"], r["metric"], r["system"]) == (split, metric, system)]
    return dict(row)


def test_a_cell_is_the_mean_of_its_sets_without_an_interval(made: Callable[..., Path]) -> None:
    folder = made()
    whole = cell(folder, "all")
    assert whole["value"] == pytest.approx(sum(VALUES.values()) / 8)
    assert (whole["n"], whole["sets"], whole["low"], whole["high"], whole["failed"]) == (32, 8, None, None, 0)
    assert cell(folder, "seen")["value"] == pytest.approx(15.5)
    assert whole["note"] == (
        "female->male 20.5 (16 outputs in 4 sets, 1100 real); male->female 32.5 (16 outputs in 4 sets, 1200 real); "
        "standard deviation over 2 repeats 0.7071"
    )


def test_the_spread_is_of_repeats_and_not_of_directions(made: Callable[..., Path]) -> None:
    """Of the mean over directions: (10 + 20) / 2 and (12 + 20) / 2."""
    assert str(cell(made(), "seen")["note"]).endswith("standard deviation over 2 repeats 0.7071")
    assert str(cell(made(), "unseen")["note"]).endswith("standard deviation over 2 repeats 0.7071")


def test_pairings_that_are_the_whole_split_are_said_once(made: Callable[..., Path]) -> None:
    folder = made()
    table = json.loads((folder / "table.json").read_text())
    assert {row["split"] for row in table} == {"all", "seen", "unseen"}
    text = (folder / "table.md").read_text()
    assert "same or cross gender" not in text
    assert own_account(read(folder)) == []


def test_a_printed_cell_has_no_word_on_intervals(made: Callable[..., Path]) -> None:
    text = (made() / "table.md").read_text()
    assert "| starganv2:pocket     | 26.50    | 15.50     | 37.50       |" in text
    assert "all n=32" in text
    assert "FID, KID: mean over sets" in text
    assert "never to be put beside a paper's" in text


def test_systems_are_paired_by_set(made: Callable[..., Path]) -> None:
    folder = made()
    rows_ = json.loads((folder / "differences.json").read_text())
    (row,) = [r for r in rows_ if (r["metric"], r["split"]) == (FID, "all")]
    assert row["difference"] == pytest.approx(-5)
    assert (row["n"], row["sets"], row["low"], row["p"]) == (32, 8, None, None)


def test_a_set_whose_first_output_failed_is_paired_all_the_same(made: Callable[..., Path]) -> None:
    def moved(score: Score) -> Score:
        if score.system == "starganv2" and score.trial == "made-seen-010":
            return Score(score.system, "made-seen-011", FID, score.value, rows=3)
        return score

    folder = made(change=moved)
    rows_ = json.loads((folder / "differences.json").read_text())
    (row,) = [r for r in rows_ if (r["metric"], r["split"]) == (FID, "all")]
    assert (row["difference"], row["n"], row["sets"]) == (pytest.approx(-5), 31, 8)


def test_a_run_that_says_more_outputs_than_were_there_contradicts_itself(made: Callable[..., Path]) -> None:
    def lied(score: Score) -> Score:
        return Score(score.system, score.trial, FID, score.value, rows=5)

    wrong = own_account(read(made(change=lied)))
    assert {finding.check for finding in wrong} == {"recount"}
    assert any("n 40 (scores give 32)" in finding.text for finding in wrong)


def test_scores_of_rows_and_of_sets_are_not_mixed(made: Callable[..., Path]) -> None:
    def mixed(score: Score) -> Score:
        return Score(score.system, score.trial, FID, score.value) if score.trial == "made-seen-010" else score

    with pytest.raises(BenchmarkError, match="is of a row and others are of sets"):
        made(change=mixed)


def test_a_golden_file_keeps_sets(made: Callable[..., Path], tmp_path: Path) -> None:
    folder, golden = made(), tmp_path / "golden.json"
    accept(folder, golden)
    stored = read(golden)
    kept, own = (side.scores[FID, "starganv2:pocket"] for side in (stored, read(folder)))
    assert {name: (s.value, s.rows) for name, s in kept.items()} == {name: (s.value, s.rows) for name, s in own.items()}
    assert {s.rows for s in kept.values()} == {OUTPUTS}
    assert stored.tolerances == {FID: default(FID), FLIP: default(FLIP)}
    assert default(FID) != default(FLIP)
    assert compare(stored, read(folder)).passed


def test_between_two_runs_the_tolerance_decides_and_it_is_said(made: Callable[..., Path]) -> None:
    def by(much: float) -> Change:
        def change(score: Score) -> Score:
            return Score(score.system, score.trial, FID, (score.value or 0) + much, rows=score.rows)

        return change

    a, same, worse, better = (
        read(made(name, by(much))) for name, much in (("a", 0), ("same", 0.01), ("worse", 0.5), ("better", -0.5))
    )
    assert compare(a, same).passed
    assert compare(a, better).passed
    found = compare(a, worse)
    assert {(c.metric, c.split, c.status) for c in found.failing} == {(FID, "all", "worse")}
    text = as_text(found)
    assert "none: whole sets" in text
    assert f"chance   {FID}: values of whole sets have no test, the tolerance alone decides." in text
    assert {c.n for c in found.failing} == {32}


def test_n_of_lpips_counts_sources_though_outputs_fail(made: Callable[..., Path]) -> None:
    """32 sources with a value each, and another output of the first of them that failed."""
    folder = made()
    record, trials, failed = RunFolder(folder).read(), rows(), replace(rows()[0], trial="made-again", draw=1)
    scores = [Score("starganv2", t.trial, LPIPS, 0.2) for t in trials]
    scores.append(Score("starganv2", failed.trial, LPIPS, error="cannot decode"))
    scores += [Score("shuffled_reference:starganv2", t.trial, LPIPS, 0.1) for t in trials]
    told = record.model_copy(update={"metrics": [LPIPS]})
    write_tables(folder, table_rows(told, [*trials, failed], scores), [], "caption")
    text = (folder / "table.md").read_text(encoding="utf-8")
    assert "all n=32 " in text
    assert "ᶠ(1)" in text
    assert "n=32 " not in text.replace("all n=32 ", "")


def test_lpips_is_paired_by_source_though_another_row_of_it_came_first(made: Callable[..., Path]) -> None:
    folder = made()
    record, trials = RunFolder(folder).read(), rows()
    again = replace(trials[0], trial="made-again", draw=1)
    scores = [Score("starganv2", t.trial, LPIPS, 0.3) for t in [*trials[1:], again]]
    scores += [Score("shuffled_reference:starganv2", t.trial, LPIPS, 0.1) for t in trials]
    told = record.model_copy(update={"metrics": [LPIPS]})
    (row,) = [r for r in difference_rows(told, [*trials, again], scores) if r.split == "all"]
    assert row.n == len(trials)
    assert row.difference == pytest.approx(0.2)


def test_work_on_pictures_is_told_a_picture(made: Callable[..., Path]) -> None:
    folder = made()
    record, facts = RunFolder(folder).read(), {"starganv2": SystemFacts(real_time_factor=0.25)}
    assert "vocoder" not in caption(record, rows())
    table = table_rows(record.model_copy(update={"facts": facts}), rows(), [])
    write_tables(folder, table, [], "caption")
    text = (folder / "table.md").read_text(encoding="utf-8")
    assert "s a picture" in text
    assert "real-time factor" not in text


def test_latents_are_clustered_by_source_alone(made: Callable[..., Path]) -> None:
    """Ten rows of one value tell as much as one: without clusters the interval would be a third as wide."""
    record = RunFolder(made()).read().model_copy(update={"task": "latent_guided_translation", "metrics": [FLIP]})
    one_a_source = [replace(t, task="latent_guided_translation", target_id="") for t in rows()]
    values = [0.1 * (i % 7) for i in range(len(one_a_source))]
    ten_a_source = [replace(t, trial=f"{t.trial}-{draw}", draw=draw) for t in one_a_source for draw in range(10)]

    def row(trials: list[Trial], of: list[float]) -> TableRow:
        scores = [Score("starganv2", t.trial, FLIP, v) for t, v in zip(trials, of, strict=True)]
        table = table_rows(record, trials, scores)
        return next(r for r in table if r.split == "all" and r.system == "starganv2:pocket")

    few, many = row(one_a_source, values), row(ten_a_source, [v for v in values for _ in range(10)])
    widths = [r.high - r.low for r in (few, many) if r.low is not None and r.high is not None]
    assert widths[1] == pytest.approx(widths[0], rel=0.1), "ten equal rows are no more news than one"
    assert many.n == 10 * few.n
    assert "clustered by source speaker" in caption(record, one_a_source)
    assert "clustered by source speaker" not in caption(record, rows())
    nameless = [replace(t, source_id="") for t in one_a_source]
    assert row(nameless, values).low is None
