from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.golden import TOLERANCE, compare_golden, rewrite, verdict, write_golden
from benchmark.reporting.schema import TableRow

TOLERANCES = {"spksim@resemblyzer": 0.02, "nisqa@nisqa.tar": 0.1}


def row(system: str = "copy_source", metric: str = "spksim@resemblyzer", **changes: object) -> TableRow:
    cells = {"value": 0.5, "low": 0.45, "high": 0.55, "n": 96, "failed": 0, **changes}
    return TableRow.model_validate(
        {"task": "image_guided_vc", "corpus": "pocket", "system": system, "split": "all", "metric": metric, **cells}
    )


ROWS = [row(), row("ground_truth"), row(metric="nisqa@nisqa.tar", value=None, low=None, high=None, n=0)]


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    path = tmp_path / "golden" / "pocket.json"
    write_golden(ROWS, path, TOLERANCES, "python -m benchmark run --profile tiny")
    return path


def table(path: Path, rows: list[TableRow]) -> Path:
    file = path.with_name("table.json")
    file.write_text(json.dumps([r.cells() for r in rows]))
    return file


def test_a_run_equals_itself_and_what_lies_within_tolerance(golden: Path) -> None:
    near = [row(value=0.519, low=0.469, train_seconds=3.0), *ROWS[1:]]
    assert compare_golden(ROWS, golden) == compare_golden(table(golden, ROWS), golden) == []
    assert compare_golden(near, golden) == []
    assert verdict([], golden).startswith("Equal to")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": 0.53}, "value"),
        ({"low": 0.3}, "low"),
        ({"high": None, "low": 0.45}, "high"),
        ({"value": None}, "value"),
        ({"n": 95}, "n"),
        ({"failed": 1}, "failed"),
    ],
)
def test_each_drift_is_caught_and_named(golden: Path, changes: dict[str, object], field: str) -> None:
    (found,) = compare_golden([row(**changes), *ROWS[1:]], golden)
    assert found.field == field
    text = verdict([found], golden)
    assert f"copy_source all spksim@resemblyzer: {field} is {changes[field]}" in text
    assert "--write" in text


def test_a_value_where_golden_has_none_is_a_drift(golden: Path) -> None:
    (found,) = compare_golden([*ROWS[:2], row(metric="nisqa@nisqa.tar", low=None, high=None, n=0)], golden)
    assert (found.field, found.golden, found.got) == ("value", None, 0.5)


def test_missing_and_new_rows_are_named(golden: Path) -> None:
    found = compare_golden([ROWS[0], ROWS[2], row("world_vc")], golden)
    lines = sorted(str(m) for m in found)
    assert len(lines) == 2
    assert lines[0].endswith("ground_truth all spksim@resemblyzer: missing from the run")
    assert lines[1].endswith("world_vc all spksim@resemblyzer: new, not in the golden file")


def test_every_metric_needs_a_tolerance(golden: Path) -> None:
    with pytest.raises(BenchmarkError, match="No tolerance for wer@x"):
        write_golden([row(metric="wer@x")], golden, TOLERANCES, "")
    stored = json.loads(golden.read_text())
    del stored["tolerances"]["nisqa@nisqa.tar"]
    golden.write_text(json.dumps(stored))
    with pytest.raises(BenchmarkError, match=r"no tolerance for 'nisqa@nisqa\.tar'"):
        compare_golden(ROWS, golden)


def test_accepting_a_run_keeps_tolerances_and_command(golden: Path) -> None:
    before = json.loads(golden.read_text())
    drifted = [row(value=0.7), *ROWS[1:]]
    rewrite(table(golden, drifted), golden)
    after = json.loads(golden.read_text())
    assert compare_golden(drifted, golden) == []
    assert len(compare_golden(ROWS, golden)) == 1
    assert (after["tolerances"], after["command"]) == (before["tolerances"], before["command"])


def test_the_first_golden_file_of_a_run_is_tight(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text('{"command": "python -m benchmark run"}')
    new = tmp_path / "new.json"
    rewrite(table(run / "x", ROWS), new)
    assert compare_golden(ROWS, new) == []
    assert set(json.loads(new.read_text())["tolerances"].values()) == {TOLERANCE}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": [{}], "tolerances": {}, "command": ""}'])
def test_a_broken_golden_file_is_a_clear_error(golden: Path, text: str) -> None:
    golden.write_text(text)
    with pytest.raises(BenchmarkError, match="is no golden file"):
        compare_golden(ROWS, golden)


def test_a_golden_row_that_lost_a_field_is_a_clear_error(golden: Path) -> None:
    stored = json.loads(golden.read_text())
    del stored["rows"][0]["n"]
    golden.write_text(json.dumps(stored))
    with pytest.raises(BenchmarkError, match="is no golden file"):
        compare_golden(ROWS, golden)


def test_no_golden_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="No golden file"):
        compare_golden(ROWS, tmp_path / "x.json")
