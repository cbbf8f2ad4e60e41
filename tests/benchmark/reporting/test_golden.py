from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.compare import accept, compare, read
from benchmark.reporting.golden import read_golden, write_golden
from benchmark.reporting.measured import read_run
from benchmark.reporting.tolerances import DEFAULT
from protocols.trial import Score

Make = Callable[..., Path]
TOLERANCES = {"spksim@resemblyzer": 0.02, "* adain_cvc*": 0.001, "*": 0.01}


def one_fails(score: Score) -> Score:
    if (score.system, score.trial) == ("copy_source", "made-seen-0003"):
        return Score(score.system, score.trial, score.metric, error="no output")
    return score


def test_a_golden_file_holds_what_the_run_held(made_run: Make, tmp_path: Path) -> None:
    run = read_run(made_run("run", one_fails))
    write_golden(run, tmp_path / "new" / "golden.json", TOLERANCES)
    golden = read_golden(tmp_path / "new" / "golden.json")
    assert list(golden.trials) == list(run.trials)
    assert golden.counts == run.counts
    assert golden.facts == run.facts
    assert (golden.tasks, golden.corpora, golden.systems) == (run.tasks, run.corpora, run.systems)
    assert golden.tolerances == TOLERANCES
    for subject, scores in run.scores.items():
        for name, score in scores.items():
            kept = golden.scores[subject][name]
            assert (kept.value, kept.error, kept.weight) == (score.value, score.error, score.weight)
    for key, row in run.rows.items():
        kept_row = golden.rows[key]
        assert (kept_row.value, kept_row.low, kept_row.n, kept_row.failed) == (row.value, row.low, row.n, row.failed)


def test_a_run_reproduces_the_golden_file_made_of_it(made_run: Make, tmp_path: Path) -> None:
    folder = made_run("run", one_fails)
    accept(folder, tmp_path / "golden.json")
    verdict = compare(read(tmp_path / "golden.json"), read(folder))
    assert verdict.reproduce
    assert verdict.passed
    assert not verdict.findings
    assert all(change.a == change.b for change in verdict.changes)


def test_the_file_is_one_line_a_row(made_run: Make, tmp_path: Path) -> None:
    accept(made_run("run"), tmp_path / "golden.json")
    text = (tmp_path / "golden.json").read_text()
    assert sum('"made-seen-0003"' in line for line in text.splitlines()) == 1
    assert json.loads(text)["golden"] == 2


def test_accepting_again_keeps_tolerances_and_command(made_run: Make, tmp_path: Path) -> None:
    golden = tmp_path / "golden.json"
    write_golden(read_run(made_run("run")), golden, TOLERANCES)
    golden.write_text(golden.read_text().replace("benchmark run --task", "benchmark run --jobs 1 --task"))
    accept(made_run("other", noise=2), golden)
    after = read_golden(golden)
    assert after.tolerances == TOLERANCES
    assert "--jobs 1" in after.command
    assert compare(after, read_run(tmp_path / "other")).passed
    assert not compare(after, read_run(tmp_path / "run")).passed


def test_the_first_golden_file_of_a_run_is_tight(made_run: Make, tmp_path: Path) -> None:
    accept(made_run("run"), tmp_path / "golden.json")
    assert set((read_golden(tmp_path / "golden.json").tolerances or {}).values()) == {DEFAULT}


def test_every_metric_of_a_golden_file_needs_a_tolerance(made_run: Make, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"No tolerance for wer@espnet:pocket ground_truth.*--tolerances"):
        write_golden(read_run(made_run("run")), tmp_path / "golden.json", {"spksim@*": 0.1, "odd@*": 0.1})
    assert not (tmp_path / "golden.json").exists()


def test_a_run_that_contradicts_itself_is_not_accepted(made_run: Make, tmp_path: Path) -> None:
    folder = made_run("run")
    lines = (folder / "scores.jsonl").read_text().splitlines(keepends=True)
    (folder / "scores.jsonl").write_text("".join(lines[1:]))
    with pytest.raises(BenchmarkError, match="contradicts itself"):
        accept(folder, tmp_path / "golden.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"golden": 2}', '{"rows": [{}], "tolerances": {}, "command": ""}'])
def test_a_broken_golden_file_is_a_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "golden.json").write_text(text)
    with pytest.raises(BenchmarkError, match="neither a run folder nor a golden file"):
        read(tmp_path / "golden.json")


def test_a_golden_file_with_a_lost_score_or_no_number_is_a_clear_error(made_run: Make, tmp_path: Path) -> None:
    golden = tmp_path / "golden.json"
    accept(made_run("run"), golden)
    whole = json.loads(golden.read_text())
    values = whole["scores"]["spksim@resemblyzer copy_source"]["values"]
    values[0] = float("nan")
    golden.write_text(json.dumps(whole))
    with pytest.raises(BenchmarkError, match="NaN is no number"):
        read(golden)
    del values[0]
    golden.write_text(json.dumps(whole))
    with pytest.raises(BenchmarkError, match="ValueError"):
        read(golden)


def test_an_edited_golden_file_is_caught(made_run: Make, tmp_path: Path) -> None:
    golden = tmp_path / "golden.json"
    accept(made_run("run"), golden)
    whole = json.loads(golden.read_text())
    row = whole["rows"]["rows"][0]
    row[whole["rows"]["columns"].index("value")] += 0.5
    golden.write_text(json.dumps(whole))
    verdict = compare(read(golden), read(tmp_path / "run"))
    assert not verdict.passed
    assert any(f.status == "wrong" and f.text.startswith("A: ") for f in verdict.findings)


def test_no_golden_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="No golden file"):
        read(tmp_path / "x.json")


def test_a_metric_without_any_score_is_one_line(
    made_run: Callable[..., Path], judge: Callable[..., tuple[int, str]]
) -> None:
    b = made_run("b", lambda score: None if score.metric == "spksim@resemblyzer" else score)
    code, text = judge(made_run("a"), b)
    assert code == 1
    assert "missing  items: spksim@resemblyzer: B has no score of it. Were its weights absent?" in text
    assert "neither score nor error" not in text


def test_a_metric_that_neither_side_could_score_is_not_missed(
    made_run: Callable[..., Path], judge: Callable[..., tuple[int, str]]
) -> None:
    a, b = (made_run(name, lambda s: None if s.metric == "spksim@resemblyzer" else s) for name in "ab")
    code, text = judge(a, b)
    assert "missing" not in text
    assert code == 0
