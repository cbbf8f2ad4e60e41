"""Comparisons of made runs, through the real command. `test_regressions.py` breaks real ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.reporting.compare import compare, read
from benchmark.reporting.statistics import paired_difference
from benchmark.reporting.tables import remake
from benchmark.reporting.verdict import as_text
from protocols.trial import Score, Trial, read_trials, trials_sha256, write_trials

Make = Callable[..., Path]
SPKSIM, WER, ODD = "spksim@resemblyzer", "wer@espnet:pocket", "odd@made"


Judge = Callable[..., tuple[int, str]]


def edit_json(file: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def edit_trials(folder: Path, change: Callable[[Trial], Trial]) -> None:
    """The list, its hash and the tables, as of somebody who draws another list in earnest."""
    trials = [change(t) for t in read_trials(folder / "trials.csv")]
    write_trials(folder / "trials.csv", trials)
    edit_json(folder / "run.json", lambda record: record.update(trials_sha256=trials_sha256(trials)))
    remake(folder)


def shifted(metric: str, by: float, system: str = "adain_cvc") -> Callable[[Score], Score]:
    def change(score: Score) -> Score:
        hit = (score.metric, score.system) == (metric, system) and score.value is not None
        return replace(score, value=score.value + by) if hit and score.value is not None else score

    return change


# --- what is the same passes ----------------------------------------------------------------------------------------


def test_a_run_equals_itself_and_its_copy(made_run: Make, judge: Judge, tmp_path: Path) -> None:
    run = made_run("run")
    shutil.copytree(run, tmp_path / "copy")
    for other in (run, tmp_path / "copy", run / "run.json", tmp_path / "copy" / "table.json"):
        code, text = judge(run, other)
        assert (code, text.splitlines()[-1]) == (0, "passed")
        assert "63 of 63 rows; 63 within the tolerance (equal)." in text


def test_the_order_of_trials_and_scores_does_not_matter(made_run: Make, judge: Judge, tmp_path: Path) -> None:
    run, other = made_run("run"), tmp_path / "other"
    shutil.copytree(run, other)
    lines = (other / "scores.jsonl").read_text().splitlines(keepends=True)
    (other / "scores.jsonl").write_text("".join(reversed(lines)))
    trials = read_trials(other / "trials.csv")[::-1]
    write_trials(other / "trials.csv", trials)
    edit_json(other / "run.json", lambda record: record.update(trials_sha256=trials_sha256(trials)))
    remake(other)
    code, text = judge(run, other)
    assert code == 0
    assert "note     facts: trial list" in text


def test_another_training_of_equal_quality_passes_between_runs_but_is_not_golden(
    made_run: Make, judge: Judge, tmp_path: Path
) -> None:
    a, b = made_run("a"), made_run("b", noise=2)
    code, text = judge(a, b)
    assert code == 0
    assert "rows tested together" in text
    assert "power    spksim@resemblyzer" in text
    assert judge("--write", tmp_path / "golden.json", a)[0] == 0
    assert judge(tmp_path / "golden.json", b)[0] == 1
    assert judge(b, tmp_path / "golden.json")[0] == 1


# --- the rule -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "by", "code", "status"),
    [
        (SPKSIM, -0.05, 1, "worse"),
        (SPKSIM, 0.05, 0, "better"),
        (WER, 0.05, 1, "worse"),
        (WER, -0.05, 0, "better"),
        (ODD, 0.05, 1, "differs"),
        (ODD, -0.05, 1, "differs"),
        (SPKSIM, -0.0019, 0, "same"),
        (WER, 0.0019, 0, "same"),
    ],
)
def test_worse_depends_on_the_good_end_of_the_metric(
    made_run: Make, judge: Judge, metric: str, by: float, code: int, status: str
) -> None:
    found, text = judge(made_run("a"), made_run("b", shifted(metric, by)), "--json")
    document = json.loads(text)
    assert (found, document["passed"]) == (code, code == 0)
    moved = {(r["metric"], r["system"], r["status"]) for r in document["rows"] if r["status"] not in ("same", "part")}
    assert moved == (set() if status == "same" else {(metric, "adain_cvc:pocket", status)})


def test_natural_recordings_must_score_the_same_in_any_two_runs(made_run: Make, judge: Judge) -> None:
    for by in (-0.003, 0.003):
        code, text = judge(made_run(f"a{by}"), made_run(f"b{by}", shifted(SPKSIM, by, "copy_source")))
        assert code == 1
        assert "natural recordings score otherwise under spksim@resemblyzer" in " ".join(text.split())


def test_against_a_golden_file_better_is_a_difference_too(made_run: Make, judge: Judge, tmp_path: Path) -> None:
    assert judge("--write", tmp_path / "golden.json", made_run("a"))[0] == 0
    code, text = judge(tmp_path / "golden.json", made_run("b", shifted(SPKSIM, 0.05)))
    assert code == 1
    assert "FAILED: 7 rows better." in text
    assert "- adain_cvc:pocket is better in spksim@resemblyzer, " in text
    assert "compare --write" in text
    assert judge(tmp_path / "golden.json", made_run("c", shifted(SPKSIM, 0.0019)))[0] == 0


def test_what_chance_explains_is_no_regression_but_said(made_run: Make, judge: Judge) -> None:
    rng = np.random.default_rng(5)

    def noisy(score: Score) -> Score:
        hit = (score.metric, score.system) == (SPKSIM, "adain_cvc")
        return replace(score, value=(score.value or 0) + rng.normal(-0.003, 0.1)) if hit else score

    code, text = judge(made_run("a"), made_run("b", noisy))
    assert code == 0
    assert "beyond it, but not beyond chance" in text


def test_without_intervals_the_tolerance_decides_on_all_trials(made_run: Make, judge: Judge) -> None:
    small = {"n": 16, "speakers": 3}
    code, text = judge(made_run("a", **small), made_run("b", shifted(SPKSIM, -0.003), **small))
    assert code == 1
    assert "none: few speakers" in text
    assert "the tolerance alone decides" in text
    assert judge(made_run("c", **small), made_run("d", shifted(SPKSIM, -0.001), **small))[0] == 0


def test_the_difference_is_the_paired_and_weighted_one(made_run: Make) -> None:
    a, b = read(made_run("a")), read(made_run("b", noise=2))
    (change,) = [c for c in compare(a, b).changes if (c.metric, c.system, c.split) == (WER, "adain_cvc:pocket", "seen")]
    trials = [t for t in a.trials if t.split == "seen"]
    ours, theirs = ([side.scores[WER, "adain_cvc:pocket"][t.trial] for t in trials] for side in (a, b))
    weights = [s.weight or 0 for s in ours]
    wanted = paired_difference(
        [s.value or 0 for s in theirs],
        [s.value or 0 for s in ours],
        [t.source_id for t in trials],
        [t.target_id for t in trials],
        weights=weights,
    )
    assert (change.difference, change.low, change.high) == (wanted.mean, wanted.low, wanted.high)
    assert change.b - change.a == pytest.approx(change.difference)
    assert change.a == pytest.approx(a.rows["image_guided_vc", "made", WER, "adain_cvc:pocket", "seen"].value)


def test_tolerances_of_a_file_go_before_those_of_golden(made_run: Make, judge: Judge, tmp_path: Path) -> None:
    golden, b, file = tmp_path / "golden.json", made_run("b", shifted(SPKSIM, -0.05)), tmp_path / "t.toml"
    assert judge("--write", golden, made_run("a"))[0] == 0
    assert judge(golden, b)[0] == 1
    file.write_text('[tolerances]\n"spksim@* adain_cvc*" = 0.06\n')
    assert judge(golden, b, "--tolerances", file)[0] == 0
    file.write_text('[tolerances]\n"spksim@* copy*" = 0.06\n')
    assert judge(golden, b, "--tolerances", file)[0] == 1
    file.write_text('[tolerances]\n"spksim@* adain_vc" = 0.06\n')
    code, text = judge(golden, b, "--tolerances", file)
    assert code == 2
    assert "fits nothing that is compared" in text


# --- what is missing, failed, edited or not comparable --------------------------------------------------------------


def dropped(score: Score) -> Score | None:
    return None if (score.metric, score.system, score.trial) == (SPKSIM, "copy_source", "made-seen-0007") else score


def failed(score: Score) -> Score:
    hit = (score.metric, score.system, score.trial) == (SPKSIM, "copy_source", "made-seen-0007")
    return Score(score.system, score.trial, score.metric, error="not a readable sound file") if hit else score


def test_an_item_that_is_gone_is_named(made_run: Make, judge: Judge) -> None:
    code, text = judge(made_run("a"), made_run("b", dropped))
    assert code == 1
    assert "missing  items: spksim@resemblyzer copy_source: 1 of 96 items have neither score" in text
    assert "made-seen-0007" in text


def test_an_item_that_fails_is_named_with_its_reason(made_run: Make, judge: Judge) -> None:
    a, b = made_run("a"), made_run("b", failed)
    code, text = judge(a, b)
    assert code == 1
    assert "worse    items: spksim@resemblyzer copy_source: 1 of 96 items failed: made-seen-0007 (not a" in text
    code, text = judge(b, a)
    assert code == 0
    assert "better   items: spksim@resemblyzer copy_source: 1 items that failed have a value" in text


def test_a_failed_item_that_is_dropped_is_named(made_run: Make, judge: Judge) -> None:
    code, text = judge(made_run("a", failed), made_run("b", dropped))
    assert code == 1
    assert "missing  items: spksim@resemblyzer copy_source: 1 of 96" in text


def test_a_removed_metric_system_or_corpus_is_named(made_run: Make, judge: Judge, tmp_path: Path) -> None:
    a, b = made_run("a"), made_run("b", lambda s: s if (s.metric, s.system) != (WER, "x") else None)
    edit_json(
        b / "run.json", lambda r: (r["metrics"].remove(ODD), r["counts"].pop(ODD), r["systems"].pop("copy_source"))
    )
    edit_json(b / "run.json", lambda r: r["counts"].clear())
    lines = [s for s in map(json.loads, (b / "scores.jsonl").read_text().splitlines())]
    kept = [s for s in lines if s["metric"] != ODD and s["system"] != "copy_source"]
    (b / "scores.jsonl").write_text("".join(json.dumps(s) + "\n" for s in kept))
    remake(b)
    code, text = judge(a, b)
    assert code == 1
    assert "missing  rows: metric odd@made: all rows of it" in text
    assert "missing  rows: system copy_source: all rows of it" in text
    code, text = judge(b, a)
    assert code == 0
    assert "new      rows: metric odd@made" in text


def test_a_row_taken_out_of_the_table_is_named(made_run: Make, judge: Judge) -> None:
    a, b = made_run("a"), made_run("b")
    edit_json(b / "table.json", lambda rows: rows.pop(3))
    code, text = judge(a, b)
    assert code == 1
    assert "missing  rows: image_guided_vc made spksim@resemblyzer ground_truth: row seen/same" in text
    assert "the table has no such row, the trials have" in text


@pytest.mark.parametrize("field", ["value", "low", "high", "n", "failed"])
def test_an_edited_table_is_caught(made_run: Make, judge: Judge, field: str) -> None:
    a, b = made_run("a"), made_run("b")
    edit_json(
        b / "table.json",
        lambda rows: rows[0].update({field: rows[0][field] + (1e-7 if field in ("value", "low", "high") else 1)}),
    )
    code, text = judge(a, b)
    assert code == 1
    assert f"spksim@resemblyzer ground_truth all: the table says {field}" in text


def test_edited_scores_are_caught_with_and_without_a_new_table(made_run: Make, judge: Judge) -> None:
    a, b = made_run("a"), made_run("b")
    lines = [json.loads(line) for line in (b / "scores.jsonl").read_text().splitlines()]
    for line in lines:
        if (line["metric"], line["system"]) == (WER, "ground_truth"):
            line["value"] += 0.01
    (b / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, text = judge(a, b)
    assert code == 1
    assert "wrong    recount: B: image_guided_vc made wer@espnet:pocket ground_truth all: the table says value" in text
    remake(b)
    code, text = judge(a, b)
    assert code == 1
    assert "recount" not in text
    assert "FAILED: 7 rows worse." in text
    assert "natural recordings score otherwise" in text


def test_a_weight_that_changed_is_caught(made_run: Make, judge: Judge) -> None:
    code, text = judge(made_run("a"), made_run("b", lambda s: replace(s, weight=s.weight and s.weight + 1)))
    assert code == 1
    assert "differs  items: wer@espnet:pocket copy_source: 96 items have another weight" in text


def test_not_a_number_is_caught_wherever_it_stands(made_run: Make, judge: Judge) -> None:
    a, b, c = made_run("a"), made_run("b"), made_run("c")
    text = (b / "scores.jsonl").read_text().splitlines()
    line = json.loads(text[0]) | {"value": float("nan")}
    (b / "scores.jsonl").write_text("\n".join([json.dumps(line), *text[1:]]) + "\n")
    code, said = judge(a, b)
    assert code == 1
    assert "wrong    scores: B: spksim@resemblyzer ground_truth: the score of made-seen-0000 is nan" in said
    edit_json(c / "table.json", lambda rows: rows[0].update(value=float("nan")))
    code, said = judge(a, c)
    assert code == 2
    assert "table.json is no table.json" in said


def test_other_trials_are_not_compared(made_run: Make, judge: Judge, tmp_path: Path) -> None:
    a, b = made_run("a"), made_run("b", shifted(SPKSIM, -0.5))
    edit_trials(b, lambda t: replace(t, reference="another.png"))
    code, text = judge(a, b)
    assert code == 1
    assert (
        "differs  trials: not comparable: 96 of 96 trials have another reference (made-seen-0000 has 'another" in text
    )
    assert "worse" not in text.split("FAILED")[0].split("Is B worse")[1].split("\n", 1)[1]
    code, text = judge(a, made_run("c", n=90))
    assert code == 1
    assert "missing  trials: not comparable: " in text


def test_another_task_is_not_compared(made_run: Make, judge: Judge) -> None:
    a, b = made_run("a"), made_run("b")
    edit_json(b / "run.json", lambda r: r.update(task="audio_guided_vc"))
    edit_trials(b, lambda t: replace(t, task="audio_guided_vc"))
    code, text = judge(a, b)
    assert code == 1
    assert "not comparable: A is of image_guided_vc, B of audio_guided_vc" in text


@pytest.mark.parametrize("sides", [("source_gender",), ("source_gender", "target_gender")])
def test_swapped_genders_are_caught_with_and_without_a_new_table(
    made_run: Make, judge: Judge, sides: tuple[str, ...]
) -> None:
    a, b = made_run("a"), made_run("b")
    kept = (b / "table.json").read_text()
    edit_trials(b, lambda t: replace(t, **{side: 1 - getattr(t, side) for side in sides}))  # type: ignore[arg-type]
    for table in ((b / "table.json").read_text(), kept):
        (b / "table.json").write_text(table)
        code, text = judge(a, b)
        assert code == 1
        for side in sides:
            assert f"96 of 96 trials have another {side}" in text
    assert ("recount" in text) == (sides == ("source_gender",)), "the strata tell where one side alone is swapped"


def test_a_list_that_is_not_the_run_s_is_caught(made_run: Make, judge: Judge) -> None:
    a, b = made_run("a"), made_run("b")
    (b / "trials.csv").write_text((b / "trials.csv").read_text().replace("seen0.flac", "seen1.flac"))
    code, text = judge(a, b)
    assert code == 1
    assert "wrong    trials: B: the trial list is not the one of the run" in text


# --- frozen facts -----------------------------------------------------------------------------------------------------


def test_other_weights_of_a_metric_are_a_regression_and_other_packages_a_note(made_run: Make, judge: Judge) -> None:
    a, b, c = made_run("a"), made_run("b"), made_run("c")
    edit_json(b / "run.json", lambda r: r["weights_sha256"].update({"resemblyzer/pretrained.pt": "c" * 64}))
    code, text = judge(a, b)
    assert code == 1
    assert "the weights resemblyzer/pretrained.pt of a metric are others" in text
    edit_json(
        c / "run.json", lambda r: (r["packages"].update(torch="2.12.0"), r["corpus_sha256"].update(made="d" * 64))
    )
    code, text = judge(a, c)
    assert code == 0
    assert "note     facts: packages: torch 2.11.0 -> 2.12.0" in text
    assert "note     facts: corpora: made aaaaaaaaaaaa -> dddddddddddd" in text


# --- the command ------------------------------------------------------------------------------------------------------


def test_json_is_one_document_with_every_row(made_run: Make, judge: Judge) -> None:
    code, text = judge(made_run("a"), made_run("b", dropped), "--json")
    document = json.loads(text)
    assert code == 1
    assert (document["question"], document["passed"]) == ("worse", False)
    assert len(document["rows"]) == 63
    (lost,) = [f for f in document["findings"] if f["status"] == "missing"]
    assert lost["names"] == ["made-seen-0007"]


def test_what_is_no_run_is_a_mistake_and_no_regression(made_run: Make, judge: Judge, tmp_path: Path) -> None:
    a = made_run("a")
    for other, said in ((tmp_path / "none", "No golden file"), (tmp_path, "not a run folder")):
        code, text = judge(a, other)
        assert code == 2
        assert said in text
    (a / "table.json").unlink()
    code, text = judge(a, a)
    assert code == 2
    assert "No table at" in text


def test_lines_fit_and_long_lists_are_cut(made_run: Make) -> None:
    def lower(score: Score) -> Score:
        return replace(score, value=(score.value or 0) - 0.1) if score.metric == SPKSIM else score

    edit = made_run("c")
    edit_json(edit / "table.json", lambda rows: [row.update(value=0.1) for row in rows])
    for a, b in ((made_run("a"), made_run("b", lower)), (made_run("d"), edit)):
        text = as_text(compare(read(a), read(b)))
        assert max(map(len, text.splitlines())) <= 120
    assert "wrong    recount: and 55 more (--json lists them)" in text
