"""`questionnaire` from the command line, and the way back through `score --ratings`."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmark.cli import main
from protocols.questionnaire import read_key
from protocols.trial import Trial, write_trials

PAIRS = Path(__file__).parents[4] / "shared" / "data" / "outputs" / "pairs.csv"


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Ten conversions of two systems, one of which left out its last file."""
    rows = []
    for system in ("one", "two"):
        (tmp_path / system).mkdir()
        for i in range(10):
            Image.fromarray(np.full((16, 16, 3), i, np.uint8)).save(tmp_path / f"{i}.png")
            soundfile.write(tmp_path / system / f"{i}.wav", np.full(800, 0.01 * i), 16000)
            row = Trial(f"{system}/{i}.wav", system, "image_guided_vc", "s.wav", f"{i}.png", target_id=f"t{i}")
            rows.append(replace(row, trial=f"pocket-seen-{i:02d}", split="seen"))
    (tmp_path / "two" / "9.wav").unlink()
    write_trials(tmp_path / "outputs.csv", rows)
    return tmp_path / "outputs.csv"


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_a_study_goes_out_and_its_ratings_come_back(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("questionnaire", "--trials", outputs, "--kind", "cpr", "--out", tmp_path / "study", "--items", 9, "--json")
    assert call(*asked) == 0
    study = json.loads(capsys.readouterr().out)
    assert (study["items"], study["rows"], study["rows_without_media"]) == (18, 20, 1)
    assert study["systems"] == ["one", "two"]
    items = read_key(tmp_path / "study" / "key.csv")
    with (tmp_path / "ratings.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("rater", "item", "answer"))
        rows.writerows((f"r{k}", i.item, i.answer if i.system == "one" else "left") for k in range(8) for i in items)
    scored = ("score", "--ratings", tmp_path / "ratings.csv", "--key", tmp_path / "study" / "key.csv")
    assert call(*scored, "--out", tmp_path / "scored", "--json") == 0
    table = {(r["system"], r["split"]): r for r in json.loads(capsys.readouterr().out)}
    assert table["one", "all"]["value"] == 1.0
    assert table["two", "all"]["value"] == pytest.approx(5 / 9)
    assert table["two", "all"]["n"] == 72


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--systems", "tow"], ["'tow'", "two"]),
        (["--items", "0"], ["0 items"]),
        (["--items", "11"], ["9 of 11 from 9 rows", "10 of 11 from 10 rows", "--items 9"]),
        (["--seed", "-1"], ["--seed -1"]),
        (["--root", "/no/such"], ["None of 20 rows", "/no/such"]),
    ],
)
def test_mistakes_are_named_and_leave_nothing(
    outputs: Path, tmp_path: Path, words: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("questionnaire", "--trials", outputs, "--kind", "cpr", "--out", tmp_path / "study", *words) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    for part in parts:
        assert part in said
    assert not (tmp_path / "study").exists()


@pytest.mark.real
def test_real_outputs_of_a_third_party_make_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not PAIRS.is_file():
        pytest.skip(f"no {PAIRS}")
    words = ("--root", PAIRS.parents[1], "--systems", "FaceVC", "--items", 24, "--out", tmp_path / "study")
    assert call("questionnaire", "--trials", PAIRS, "--kind", "cpr", *words) == 0
    items = read_key(tmp_path / "study" / "key.csv")
    assert {item.genders for item in items} == {"same", "cross"}
    names = {name for item in items for name in (item.target_id, item.other_id, "FaceVC")}
    for path in (tmp_path / "study" / "form").rglob("*"):
        assert not path.is_file() or not [name for name in names if name.encode() in path.read_bytes()]


def test_spellings_of_one_system_are_one_system(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs.write_text(outputs.read_text().replace(",one,", ",AdaIN-CVC,").replace(",two,", ",adain_cvc,"))
    asked = ("questionnaire", "--trials", outputs, "--kind", "cpr", "--out", tmp_path / "study", "--items", 9, "--json")
    assert call(*asked, "--systems", "AdaIN_CVC") == 0
    assert json.loads(capsys.readouterr().out)["systems"] == ["adain_cvc"]
