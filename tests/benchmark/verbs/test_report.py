"""`report` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cli import main


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["report", *map(str, words)])
    return int(str(stop.value.code or 0))


def scored(folder: Path) -> Path:
    """A list that somebody scored: the smallest run folder there is."""
    from benchmark.reporting.schema import Given, RunRecord, provenance
    from benchmark.reporting.store import RunFolder, ScoreLog
    from protocols.trial import Score, Trial, write_trials

    record = RunRecord(
        kind="score",
        command="python -m benchmark score --trials list.csv",
        task="",
        profile="",
        systems={"mine": "mine"},
        corpora=["list"],
        metrics=["m@x"],
        seeds=[],
        settings={},
        given=Given(path="list.csv", sha256="0" * 64, root=str(folder), tasks={"image_guided_vc": ["m@x"]}),
        started="2026-11-20T11:00:00+00:00",
        finished="2026-11-20T11:00:05+00:00",
        status="finished",
        **provenance(),
    )
    with RunFolder(folder) as run:
        run.write(record)
        rows = [Trial(f"{i}.wav", "mine", "image_guided_vc", "s.wav", f"{i}.png", trial=f"list-{i}") for i in range(4)]
        write_trials(run.trials, rows)
        ScoreLog(run.scores).append(Score("mine", row.trial, "m@x", 0.1 * i) for i, row in enumerate(rows))
    return folder


def test_one_line_says_where_it_is_and_json_says_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = scored(tmp_path / "run")
    assert call(folder) == 0
    assert f"{folder}/report/index.html: " in capsys.readouterr().out
    assert call(folder, "--out", tmp_path / "to_send", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["folder"] == str(tmp_path / "to_send")
    assert (said["status"], said["trials"], said["missing"]) == ("finished", 4, 9)
    assert said == json.loads((tmp_path / "to_send" / "report.json").read_text())
    assert said["media_bytes"] <= said["limit"] == 8_000_000


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["/no/such"], "is not a run folder: it has no run.json"),
        (["RUN", "--out", "RUN"], "is no report. Name another folder with --out"),
        (["RUN", "--out", "."], "is the current folder"),
        (["RUN", "--media-limit", "-1"], "A limit of -1 MB"),
        (["RUN", "--reproduced", "/no/such"], "No tables in /no/such"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = scored(tmp_path / "run")
    assert call(*[str(folder) if word == "RUN" else word for word in words]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert part in said.err
    assert not said.out
    assert not (folder / "report").exists()
