"""Each comparison on a few short clips: both sides judge the same files and agree. Nothing is timed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.runner.speed import comparisons, frechet, nisqa, starganv2_vc
from benchmark.runner.speed.clips import link_clips, make_clips
from benchmark.runner.speed.measure import Row, unlike
from benchmark.runner.speed.pictures import make_pictures
from benchmark.verbs import speed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three buzzes of unlike pitch and length, named like clips."""
    (tmp_path / "clips").mkdir()
    for i, pitch in enumerate((110.0, 150.0, 220.0)):
        time = np.arange(16000 + 4000 * i) / 16000
        wave = 0.02 * sum(np.cos(2 * np.pi * pitch * k * time) / k for k in range(1, 25))
        soundfile.write(tmp_path / "clips" / f"{i}.wav", wave * (1 - 0.9 * np.cos(8 * np.pi * time)), 16000)
    return tmp_path / "clips"


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("name", ["nisqa", "nisqa:best-batch"])
def test_nisqa_and_its_package_agree(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if weights.find("nisqa.tar") is None:
        pytest.skip("nisqa.tar is absent: set BENCHMARK_WEIGHTS")
    pytest.importorskip("nisqa")
    monkeypatch.setattr(nisqa, "_BATCHES", (2,))
    monkeypatch.setattr(nisqa, "_WORKERS", (0,))
    comparison = comparisons()[name].build()
    ours, peer = comparison.ours(folder), comparison.peer(folder)
    values = ours.run()
    assert len(set(values)) == 3
    assert unlike(values, peer.run(), comparison.tolerance) == ""
    assert peer.name == f"nisqa predict_dir, batch {1 if name == 'nisqa' else 2}, 0 workers"


@pytest.mark.slow
def test_spksim_and_resemblyzer_agree(folder: Path) -> None:
    comparison = comparisons()["spksim"].build()
    values = comparison.ours(folder).run()
    assert len(set(values)) == 3
    assert unlike(values, comparison.peer(folder).run(), comparison.tolerance) == ""


def test_wer_says_which_model_is_absent(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="nowhere"):
        comparisons(str(tmp_path / "nowhere"))["wer"].build()


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Twenty noisy pictures, ten of each of two brightnesses."""
    (tmp_path / "faces").mkdir()
    draw = np.random.default_rng(0)
    for i in range(20):
        pixels = draw.integers(0, 100 + 15 * (i // 10) * (i % 10), (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "faces" / f"{i:04d}.png")
    return tmp_path / "faces"


@pytest.mark.parametrize(("name", "values"), [("lpips", 2), ("fid_features", 20)])
def test_both_sides_see_the_same_in_pictures(faces: Path, name: str, values: int) -> None:
    comparison = comparisons()[name].build()
    found = comparison.ours(faces).run()
    assert len(found) == values
    assert float(np.ptp(found)) > 20 * comparison.tolerance
    assert unlike(found, comparison.peer(faces).run(), comparison.tolerance) == ""


def test_frechet_and_sqrtm_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, warm = tmp_path / "all", tmp_path / "warm"
    folder.mkdir()
    warm.mkdir()
    monkeypatch.setattr(frechet, "ROWS", 60)
    monkeypatch.setattr(frechet, "WIDTH", 96)
    frechet.make_features(folder, warm)
    comparison = comparisons()["frechet"].build()
    for place in (folder, warm):
        (value,) = comparison.ours(place).run()
        assert float(value) > 1e4 * comparison.tolerance
        assert unlike([value], comparison.peer(place).run(), comparison.tolerance) == ""


def test_made_pictures_are_faces(speech_store: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = speech_store()  # type: ignore[operator]
    monkeypatch.setattr("benchmark.runner.speed.pictures.open_store", lambda *a, **k: store)
    (tmp_path / "out").mkdir()
    make_pictures(tmp_path / "out", 12)
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 12
    assert {Image.open(file).size for file in files} == {(128, 128)}
    assert len({file.read_bytes() for file in files}) > 6


def test_linked_clips_are_the_files_in_order(folder: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    link_clips(links, folder, count=2)
    assert [path.name for path in sorted(links.iterdir())] == ["0000.wav", "0001.wav"]
    assert (links / "0001.wav").read_bytes() == (folder / "1.wav").read_bytes()
    with pytest.raises(BenchmarkError, match="0 sound files"):
        link_clips(links, tmp_path / "gone", count=2)


def test_made_clips_are_speech_of_about_five_seconds(
    speech_store: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = speech_store()  # type: ignore[operator]
    monkeypatch.setattr("benchmark.runner.speed.clips.open_store", lambda *a, **k: store)
    (tmp_path / "out").mkdir()
    make_clips(tmp_path / "out", 5)
    headers = [soundfile.info(path) for path in sorted((tmp_path / "out").iterdir())]
    assert len(headers) == 5
    assert all(4.0 <= h.duration <= 6.0 and (h.samplerate, h.subtype) == (24000, "PCM_16") for h in headers)
    assert len({path.read_bytes() for path in (tmp_path / "out").iterdir()}) == 5


def made(ratio: float | None, peer_name: str = "peer") -> Row:
    time = None if ratio is None else 1.0
    return Row("nisqa", time, ratio, peer_name, ratio, "s a clip", 3, "cpu", "" if ratio else "why")


@pytest.mark.parametrize(
    ("row", "names", "code"),
    [
        (made(3.0), (), 0),
        (made(None), (), 1),
        (made(None, peer_name=""), (), 0),
        (made(None, peer_name=""), ("nisqa",), 1),
    ],
)
def test_the_verb_prints_rows_and_fails_where_values_differ(
    row: Row,
    names: tuple[str, ...],
    code: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("benchmark.runner.speed.measure.measure", lambda *a: row)
    for maker in ("pictures.make_pictures", "frechet.make_features"):
        monkeypatch.setattr(f"benchmark.runner.speed.{maker}", lambda *a: None)
    assert speed.main(speed.Speed(names=names, audio=folder, json=True)) == code
    rows = json.loads(capsys.readouterr().out)
    assert set(rows[0]) == {"name", "ours", "peer", "peer_name", "ratio", "unit", "n", "device", "note"}
    assert len(rows) == (1 if names else len(comparisons()))
    assert speed.main(speed.Speed(names=names, audio=folder)) == code
    assert "torch 2." in capsys.readouterr().out


def test_the_verb_refuses_what_it_cannot_measure(folder: Path) -> None:
    with pytest.raises(BenchmarkError, match="Did you mean nisqa"):
        speed.main(speed.Speed(names=("nisq",), audio=folder))
    with pytest.raises(BenchmarkError, match="at least 2"):
        speed.main(speed.Speed(clips=1))
    with pytest.raises(BenchmarkError, match="pictures 9"):
        speed.main(speed.Speed(pictures=9))


def test_a_training_step_needs_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"git clone https://github\.com/yl4579/StarGANv2-VC"):
        comparisons()["train:starganv2_vc"].build()
    with pytest.raises(BenchmarkError, match="is no checkout"):
        comparisons(official=tmp_path)["train:starganv2_vc"].build()


def test_a_checkout_is_imported_without_a_trace(tmp_path: Path) -> None:
    """Its modules bear common names, and may need a package that is absent."""
    for name in ("models", "optimizers", "trainer", "Utils/JDC/model", "Utils/ASR/models"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.py").write_text(f"from munch import Munch\nbox = Munch(name={name!r})\n")
    (tmp_path / "losses.py").write_text("import models\nimport transforms\nbox = models.box\n")
    (tmp_path / "transforms.py").write_text("")
    mine = ModuleType("models")
    sys.modules["models"] = mine
    try:
        before, path = set(sys.modules), list(sys.path)
        code = starganv2_vc.load_code(tmp_path)
        assert sys.modules["models"] is mine
        assert {name for name in set(sys.modules) - before if not name.startswith("munch")} == set()
        assert sys.path == path
    finally:
        del sys.modules["models"]
    assert code["losses"].box.name == "models"
    assert code["Utils.ASR.models"].box.name == "Utils/ASR/models"
