"""What earlier versions wrote is still read, means the same, and can be compared (README.md here says what is what)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.reporting.compare import compare, read
from benchmark.reporting.golden import read_golden
from benchmark.reporting.store import RunFolder
from benchmark.reporting.tables import read_rows, remake

HERE = Path(__file__).parent
SPKSIM = "spksim@resemblyzer"
RUNS = sorted(path.parent for path in HERE.glob("*/run.json"))
GOLDEN = [*sorted(HERE.glob("golden-*.json")), *sorted((HERE.parents[1] / "results/golden").glob("*-tiny.json"))]


def test_there_is_something_to_read() -> None:
    assert len(RUNS) >= 3
    assert len(GOLDEN) >= 10


@pytest.mark.parametrize("folder", RUNS, ids=lambda path: path.name)
def test_a_run_is_read_and_equals_itself(folder: Path) -> None:
    verdict = compare(read(folder), read(folder))
    assert verdict.passed, verdict.findings
    compared = {(c.task, c.corpus, c.metric, c.system, c.split) for c in verdict.changes}
    assert compared
    assert all(key[-1].rpartition("/")[2] in ("same", "cross") for key in set(verdict.a.rows) - compared)


def test_a_row_that_repeats_its_split_is_recounted_too(tmp_path: Path) -> None:
    """Until pairings that all rows of a split have were left out, tables had them: 6011bb3-run."""
    shutil.copytree(HERE / "6011bb3-run", tmp_path / "run")
    rows = json.loads((tmp_path / "run/table.json").read_text())
    (row,) = [r for r in rows if (r["system"], r["metric"], r["split"]) == ("ground_truth", SPKSIM, "seen/cross")]
    row["value"] += 0.01
    (tmp_path / "run/table.json").write_text(json.dumps(rows))
    found = compare(read(HERE / "6011bb3-run"), read(tmp_path / "run")).findings
    assert [f.check for f in found if f.status == "wrong"] == ["recount"]


@pytest.mark.parametrize("folder", RUNS, ids=lambda path: path.name)
def test_its_table_is_remade_with_the_values_it_had(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "run")
    before = {(r.metric, r.system, r.split): r for r in read_rows(folder / "table.json")}
    after = {(r.metric, r.system, r.split): r for r in remake(tmp_path / "run")}
    alone = {key for key in before if key not in after}
    assert all(split.rpartition("/")[2] in ("same", "cross") for _, _, split in alone), "pairings that say nothing new"
    for key, row in after.items():
        assert (row.value, row.low, row.n, row.failed) == pytest.approx(
            (before[key].value, before[key].low, before[key].n, before[key].failed)
        )


def test_the_vocoder_of_a_whole_run_becomes_a_note() -> None:
    assert "vocoder" in json.loads((HERE / "ab8748a-run/run.json").read_text())
    record = RunFolder(HERE / "ab8748a-run").read()
    assert record.notes == ["pocket_av: a note", "vocoder of mels: griffin_lim"]
    assert record.protocol_version("spksim@resemblyzer") == 1


@pytest.mark.parametrize("file", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_file_is_read_and_equals_itself(file: Path) -> None:
    verdict = compare(read(file), read(file))
    assert verdict.passed, [f for f in verdict.findings if f.status != "note"][:3]
    assert verdict.reproduce


def test_the_first_golden_files_are_compared_by_their_tables(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Of one command, before and after golden files changed: values are reproduced, nothing is paired."""
    first, second = HERE / "golden-ac7551f.json", HERE / "golden-877d915.json"
    assert not read_golden(first).trials
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(first), str(second)])
    text = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0, text
    assert "golden-ac7551f.json is of version 1 and holds no trials: tables are compared" in text
    stored = json.loads(first.read_text())
    stored["rows"][0]["value"] += 0.01
    (tmp_path / "moved.json").write_text(json.dumps(stored))
    verdict = compare(read(tmp_path / "moved.json"), read(second))
    assert [f.text.split(": value")[0] for f in verdict.findings if f.status == "differs"] == [
        "image_guided_vc pocket_av spksim@resemblyzer ground_truth all"
    ]
