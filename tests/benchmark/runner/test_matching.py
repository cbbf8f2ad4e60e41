"""`matching`: a matcher's embeddings from a file, judged as the field does; files that are no such thing."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.cli import main
from benchmark.runner.matching import given_sides, shipped_sides
from protocols.matching import matching

PEOPLE, EACH = 40, 3


def arrays(knows: float = 1.0) -> dict[str, np.ndarray]:
    """`knows`: how much a voice and a face of a person have in common beside noise. Men come first among faces, so that
    both sides have another order of people and of genders."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(PEOPLE), EACH)
    faces = np.argsort(1 - who % 2, kind="stable")
    shared = knows * rng.standard_normal((PEOPLE, 16))
    voices, looks = (shared[who] + rng.standard_normal((len(who), 16)) for _ in range(2))
    names = np.array([f"person{i}" for i in who])
    genders = np.array(["f", "m"])[who % 2]
    return {
        "voices": voices,
        "voice_speakers": names,
        "voice_genders": genders,
        "faces": looks[faces],
        "face_speakers": names[faces],
        "face_genders": genders[faces],
    }


def run(capsys: pytest.CaptureFixture[str], *given: str) -> tuple[int, Any, str]:
    with pytest.raises(SystemExit) as stop:
        main(["matching", *given])
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


def test_embeddings_of_a_file_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example of `--help`, word for word."""
    monkeypatch.chdir(tmp_path)
    np.savez("my_matcher.npz", **arrays())
    code, out, _ = run(capsys, *shlex.split("my_matcher.npz --ways 2 5 10 20 --json"))
    assert code == 0
    found = {(row["measure"], row["probe"], row["stratum"]): row for row in json.loads(out)}
    assert {key[0] for key in found} == {"1:2", "1:5", "1:10", "1:20", "auc", "eer", "map"}
    assert found["1:2", "voice", "G"]["value"] > 0.8 > found["1:20", "voice", "G"]["value"] > 0.2
    assert found["map", "face", "U"]["n"] == PEOPLE * EACH
    voices, faces = given_sides(Path("my_matcher.npz"))
    expected = matching(voices, faces, 0, (2, 5, 10, 20))
    assert [row["value"] for row in found.values()] == [figure.value for figure in expected]


def test_names_and_genders_mean_the_same_on_both_sides(tmp_path: Path) -> None:
    given = arrays()
    np.savez(tmp_path / "a.npz", **given)
    voices, faces = given_sides(tmp_path / "a.npz")
    same = voices.speaker[:, None] == faces.speaker
    assert (same == (given["voice_speakers"][:, None] == given["face_speakers"])).all()
    assert (
        (voices.gender[:, None] == faces.gender) == (given["voice_genders"][:, None] == given["face_genders"])
    ).all()


def test_a_matcher_that_knows_nothing_is_at_chance(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays(knows=0.0))
    for figure in matching(*given_sides(tmp_path / "a.npz"), seed=0, ways=(2, 5)):
        assert figure.value == pytest.approx(figure.chance, abs=0.09), figure


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"faces": None}, "has no array faces; it has voices, voice_speakers"),
        ({"voices": np.full((PEOPLE * EACH, 16), np.nan)}, "voices is (120, 16) of float64; finite numbers, please"),
        ({"faces": np.zeros((PEOPLE * EACH, 8))}, "faces is (120, 8) of float64; finite numbers, please"),
        ({"voices": np.array([["a"]])}, "voices is (1, 1) of <U1"),
        ({"faces": np.zeros((0, 16))}, "faces is (0, 16)"),
        ({"voice_genders": np.zeros(3)}, "voice_genders is (3,); one for each of the 120 voices, please"),
        ({"face_genders": np.array(["m", "f"] * 60)}, "somebody has items of two genders"),
        ({"face_speakers": np.array([f"x{i}" for i in range(120)])}, "Nobody has both a voice and a face"),
        ({"voices": np.array([{}], dtype=object)}, "is no .npz of numbers and names"),
    ],
)
def test_what_a_file_must_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], said: str
) -> None:
    given: dict[str, Any] = {key: value for key, value in {**arrays(), **change}.items() if value is not None}
    np.savez(tmp_path / "a.npz", **given)
    code, out, error = run(capsys, str(tmp_path / "a.npz"))
    assert (code, out) == (2, "")
    assert said in error


def test_what_is_no_such_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.npz").write_text("voices")
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name in ("absent.npz", "text.npz", "one.npy"):
        code, _, error = run(capsys, str(tmp_path / name))
        assert code == 2
        assert "is no .npz of numbers and names" in error


@pytest.mark.parametrize(
    ("option", "said"), [("--ways 1", "2 or more"), ("--choices 0", "--choices: too low"), ("--seed -1", "--seed: too")]
)
def test_numbers_that_mean_nothing(capsys: pytest.CaptureFixture[str], option: str, said: str) -> None:
    code, _, error = run(capsys, *option.split())
    assert code == 2
    assert said in error


@pytest.mark.slow
def test_the_shipped_matcher_on_people_it_never_met() -> None:
    """Its record has all triples; here some are drawn."""
    voices, faces = shipped_sides()
    assert (len(voices.speaker), len(faces.speaker), len(np.unique(voices.speaker))) == (300, 600, 100)
    found = {(f.measure, f.probe, f.stratum): f.value for f in matching(voices, faces, 0)}
    assert found["1:2", "voice", "G"] == pytest.approx(0.938, abs=0.01)
    assert found["auc", "", "G"] == pytest.approx(0.940, abs=0.01)
    assert found["map", "voice", "U"] == pytest.approx(0.448, abs=0.01)
