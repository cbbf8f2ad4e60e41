"""`avatars` from the command line, and a run on what it made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cli import main


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return int(stop.value.code or 0)


@pytest.mark.slow
def test_avatars_of_the_embedded_corpus_guide_voices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "drawn"
    assert call("avatars", "--corpus", "pocket_av", "--profile", "tiny", "--out", out, "--json") == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert said == {"corpus": "pocket_av", "records": 148, "people": 18, "faces": 148, "voices": 148, "out": str(out)}
    asked = ("--task", "image_guided_vc", "--profile", "tiny", "--corpus", f"folder={out}", "--limit", 8)
    asked += ("--systems", "copy_source", "ground_truth", "--metrics", "spksim@resemblyzer", "cpr@any")
    assert call("run", *asked, "--out", tmp_path / "run", "--json") == 0
    rows = [row for row in json.loads(capsys.readouterr().out) if row["split"] == "all"]
    assert {(row["corpus"], row["n"], row["failed"]) for row in rows} == {("folder", 8, 0)}
    value = {(row["system"], row["metric"]): row["value"] for row in rows}
    assert value["copy_source", "spksim@resemblyzer"] < value["ground_truth", "spksim@resemblyzer"]
    assert call("avatars", "--corpus", "pocket_faces", "--profile", "tiny", "--out", out) == 2
    assert "holds avatars of other people" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--corpus", "folder=/no/such"], ["folder=/no/such", "no folder"]),
        (["--corpus", "pocket_avv"], ["pocket_avv", "pocket_av"]),
        (["--corpus", "grid"], ["grid=FOLDER"]),
        (["--corpus", "pocket_av", "--seed", "-1"], ["--seed -1"]),
        (["--corpus", "pocket_av", "--jobs", "0"], ["--jobs 0"]),
    ],
)
def test_mistakes_are_named_and_leave_nothing(
    tmp_path: Path, words: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("avatars", *words, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    for part in parts:
        assert part in said
    assert not (tmp_path / "out").exists()
