"""Numbers of two versions of a protocol: never in one table, and said wherever they stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark import registry
from benchmark.errors import BenchmarkError
from benchmark.registry import PROTOCOLS, protocol_version
from benchmark.reporting.compare import accept
from benchmark.reporting.store import RunFolder
from benchmark.reporting.tables import remake

Make = Callable[..., Path]
Judge = Callable[..., tuple[int, str]]
SPKSIM = "spksim@resemblyzer"


def of_version(folder: Path, version: int) -> Path:
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"protocol_versions": {SPKSIM: version}}))
    remake(folder)
    return folder


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that computes spksim by the second version of its protocol."""
    newer = {**PROTOCOLS, SPKSIM: replace(PROTOCOLS[SPKSIM], version=2)}
    monkeypatch.setattr(registry, "entries", lambda group: newer if group == "protocols" else {})


def test_another_version_is_refused_and_the_other_metrics_are_compared(made_run: Make, judge: Judge) -> None:
    a, b = made_run("a"), of_version(made_run("b"), 2)
    code, text = judge(a, b, "--json")
    document = json.loads(text)
    assert code == 1
    (found,) = [f for f in document["findings"] if f["check"] == "protocols"]
    assert found["text"].startswith(f"{SPKSIM}: not comparable: protocol version 1 in A, 2 in B")
    assert {row["metric"] for row in document["rows"]} == {"wer@espnet:pocket", "odd@made"}
    assert judge(of_version(a, 2), b)[0] == 0


def test_a_golden_file_keeps_the_version(made_run: Make, judge: Judge, tmp_path: Path) -> None:
    b = of_version(made_run("b"), 2)
    accept(b, tmp_path / "golden.json")
    assert judge(tmp_path / "golden.json", b)[0] == 0
    code, text = judge(tmp_path / "golden.json", made_run("a"))
    assert code == 1
    assert f"differs  protocols: {SPKSIM}: not comparable: protocol version 2 in A, 1 in B" in text


def test_a_run_folder_is_not_gone_on_with_under_another_version(
    made_run: Make, tomorrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made_run("a")
    assert protocol_version(SPKSIM) == 2
    with RunFolder(folder) as run:
        record = run.read()
        with pytest.raises(BenchmarkError, match="spksim@resemblyzer was of protocol version 1, now 2"):
            run.open(record)
        monkeypatch.undo()
        assert run.open(record).protocol_versions[SPKSIM] == 1


def test_a_table_of_an_older_version_is_marked(made_run: Make, tomorrow: None) -> None:
    folder = made_run("a")
    remake(folder)
    assert f"{SPKSIM}: protocol version 1; version 2 is computed today" in (folder / "table.md").read_text()


def test_a_member_of_a_family_and_an_unknown_metric_have_a_version() -> None:
    assert protocol_version("wer@espnet:/some/model.zip") == protocol_version("odd@made") == 1
