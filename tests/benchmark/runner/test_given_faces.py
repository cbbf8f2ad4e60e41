"""Generated pictures that somebody else made: what is scored, against which real set, and what is said of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.cli import main
from benchmark.errors import BenchmarkError
from benchmark.reporting.store import RunFolder
from benchmark.runner.given import score_given
from benchmark.runner.real import folder_pictures

SHARED = Path(__file__).parents[4] / "shared"
TASK, RANDOM = "image_guided_translation", "fid@random"


def paint(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    Image.fromarray(colours).resize((64, 64)).save(path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Outputs in both directions, three of each of two sources; a real set; the list."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path / "none"))
    lines = ["output,system,task,source,reference,source_id,source_gender,target_id,target_gender"]
    for number in range(12):
        genders = ("F", "M") if number < 6 else ("M", "F")
        source = f"source{number // 3}.png"
        paint(tmp_path / "root" / source, 100 + number // 3)
        paint(tmp_path / "root" / f"out{number}.png", number)
        lines.append(f"out{number}.png,mine,{TASK},{source},out{number}.png,{source},{genders[0]},r,{genders[1]}")
    for i, name in enumerate(("female", "male")):
        for number in range(4):
            paint(tmp_path / "real" / name / f"{number}.png", 1000 * (i + 1) + number)
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def go(place: Path, **more: Any) -> Path:
    return score_given(place / "list.csv", **{"root": place / "root", "out": place / "scored", **more})


def cells(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    return {(r["metric"], r["split"]): r for r in json.loads((folder / "table.json").read_text())}


def test_sets_are_compared_with_the_pictures_of_the_folder(place: Path) -> None:
    folder = go(place, real=place / "real", metrics=(RANDOM,))
    cell = cells(folder)[RANDOM, "all"]
    assert (cell["n"], cell["sets"], cell["failed"]) == (12, 2, 0)
    assert "female->male" in cell["note"]
    assert "6 outputs, 4 real" in cell["note"]
    record = RunFolder(folder).read()
    assert record.real_pictures == {"list": {"female": 4, "male": 4}}
    assert record.weights_sha256 == {f"{RANDOM} weights": record.weights_sha256[f"{RANDOM} weights"]}
    assert record.notes[0].startswith(f"{RANDOM}: sets of 6 outputs against 4 real pictures.")


def test_outputs_that_are_the_real_pictures_are_nearer_than_others(place: Path) -> None:
    far = cells(go(place, real=place / "real", metrics=(RANDOM,), out=place / "far"))[RANDOM, "all"]["value"]
    for number in range(12):
        paint(place / "root" / f"out{number}.png", (2000 if number < 6 else 1000) + number % 4)
    near = cells(go(place, real=place / "real", metrics=(RANDOM,), out=place / "near"))[RANDOM, "all"]["value"]
    assert near < far / 2


def test_by_default_photographs_are_not_judged_by_the_embedded_judge(place: Path) -> None:
    found = cells(go(place))
    assert found["gender_flip@pocket", "all"]["note"].startswith("their judge is a small network that knows the drawn")
    assert "Named with --metrics it is computed." in found["gender_flip@pocket", "all"]["note"]
    assert "name them with --real FOLDER" in found[RANDOM, "all"]["note"]
    assert "weights get" in found["lpips@alex", "all"]["note"]
    assert all(cell["n"] == 0 for cell in found.values())
    named = cells(go(place, metrics=("gender_flip@pocket", "pose_error@pocket"), out=place / "named"))
    assert named["gender_flip@pocket", "all"]["n"] == named["pose_error@pocket", "all"]["n"] == 12


def test_rows_of_an_embedded_corpus_are_judged_by_default(place: Path) -> None:
    path = place / "list.csv"
    head, *lines = path.read_text().splitlines()
    named = [f"{line},pocket_faces-seen-{i:04d}" for i, line in enumerate(lines)]
    path.write_text("\n".join([f"{head},trial", *named]) + "\n")
    found = cells(go(place))
    assert found["cos_target@pocket", "all"]["value"] == pytest.approx(1)
    assert found["lpips@pocket", "all"]["n"] == 4
    assert ("lpips@alex", "all") not in found, "no network of photographs"


def test_a_metric_of_sets_named_without_real_pictures_is_a_mistake(place: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"fid@random compares outputs with real pictures: name them with --real"):
        go(place, metrics=(RANDOM,))


def test_a_folder_holds_the_scores_against_one_real_set(place: Path) -> None:
    go(place, real=place / "real", metrics=(RANDOM,))
    paint(place / "real" / "male" / "9.png", 7)
    with pytest.raises(BenchmarkError, match=r"holds another run: given\.real was"):
        go(place, real=place / "real", metrics=(RANDOM,))


def test_a_recording_where_a_face_is_due_is_a_failure(place: Path) -> None:
    path = place / "list.csv"
    path.write_text(path.read_text().replace("out3.png,mine", "out3.wav,mine"))
    (place / "root" / "out3.wav").write_bytes(b"RIFF")
    found = cells(go(place, real=place / "real", metrics=(RANDOM, "gender_flip@pocket")))
    assert (found[RANDOM, "all"]["n"], found[RANDOM, "all"]["failed"]) == (11, 1)
    assert (found["gender_flip@pocket", "all"]["n"], found["gender_flip@pocket", "all"]["failed"]) == (11, 1)
    assert "out3.wav is a recording" in found[RANDOM, "all"]["note"]


def test_a_real_set_is_read_in_the_order_of_its_paths_and_known_by_its_bytes(place: Path) -> None:
    real = folder_pictures(place / "real", "x")
    assert real.count == {0: 4, 1: 4}
    first = next(iter(real.read(0)))
    np.testing.assert_array_equal(first, np.asarray(Image.open(place / "real" / "female" / "0.png")))
    (place / "real" / "female" / "0.png").rename(place / "real" / "female" / "00.png")
    (place / "real" / "female" / ".hidden.png").write_bytes(b"")
    assert folder_pictures(place / "real", "x").sha256 == real.sha256
    paint(place / "real" / "female" / "00.png", 5)
    assert folder_pictures(place / "real", "x").sha256 != real.sha256


@pytest.mark.parametrize("missing", ["folder", "pictures"])
def test_a_real_set_without_a_gender_is_told(place: Path, missing: str) -> None:
    for picture in (place / "real" / "male").iterdir():
        picture.unlink()
    if missing == "folder":
        (place / "real" / "male").rmdir()
    with pytest.raises(BenchmarkError, match=r"no folder male in it|no picture in .*male"):
        go(place, real=place / "real")


@pytest.mark.real
@pytest.mark.skipif(not (SHARED / "data" / "outputs").is_dir(), reason="no ../shared/data/outputs")
def test_faces_of_published_systems_are_scored_as_far_as_is_defined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = SHARED / "data"
    line = ["score", "--trials", str(data / "outputs" / "pairs.csv"), "--root", str(data), "--json"]
    line += ["--real", str(data / "celeba_hq_128"), "--metrics", RANDOM, "--out", str(tmp_path / "o")]
    with pytest.raises(SystemExit) as stop:
        main(line)
    assert not stop.value.code
    found = {(r["task"], r["system"]): r for r in json.loads(capsys.readouterr().out) if r["split"] == "all"}
    faces = found["latent_guided_translation", "XFaVoT"]
    assert faces["n"] + faces["failed"] > 0
    assert found["audio_guided_vc", "FragmentVC"]["n"] == 0
