"""A list of faces made from voices that somebody wrote by hand: what is scored of it, and what is said it lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmark.media.audio import write_flac
from benchmark.runner.given import score_given
from protocols import fitting

COLUMNS = (
    *("output", "system", "task", "source", "reference", "source_id", "source_gender", "target_id", "target_gender"),
    *("other_target_face", "other_face"),
)
PEOPLE = 12
COSINES = tuple(f"cos_{name}@pocket{form}" for form in ("", ":centred") for name in ("target", "input", "random"))
RETRIEVAL = ("retrieval_top1@pocket", "retrieval_top5@pocket", "retrieval_top10@pocket")


def paint(path: Path, seed: int) -> str:
    colours = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    Image.fromarray(colours).resize((64, 64)).save(path)
    return path.name


def buzz(path: Path, height: float) -> str:
    time = np.arange(24000) / 24000
    tone = sum(np.sin(2 * np.pi * height * k * time) / k for k in range(1, 30))
    write_flac(path, tone * (1 + np.sin(2 * np.pi * 4 * time)) / 10)
    return path.name


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two systems: `right` shows the target in another picture's file, `copy` the source."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "root"
    root.mkdir()
    faces = [paint(root / f"face{i}.png", i) for i in range(PEOPLE)]
    voices = [buzz(root / f"voice{i}.flac", 100 + 10 * i) for i in range(PEOPLE)]
    lines = []
    for system in ("right", "copy"):
        for i in range(PEOPLE):
            source, other = (i + 1) % PEOPLE, (i + 4) % PEOPLE
            output = faces[i] if system == "right" else faces[source]
            cells = (output, system, "face_from_voice", faces[source], voices[i])
            people = (f"p{source}", "FM"[source % 2], f"p{i}", "FM"[i % 2])
            lines.append(dict(zip(COLUMNS, (*cells, *people, faces[i], faces[other]), strict=True)))
    write(tmp_path, lines)
    (tmp_path / "lines.json").write_text(json.dumps(lines))
    return tmp_path


def write(place: Path, lines: list[dict[str, str]], without: tuple[str, ...] = ()) -> None:
    columns = [name for name in COLUMNS if name not in without]
    rows = [columns, *([line[name] for name in columns] for line in lines)]
    (place / "list.csv").write_text("\n".join(map(",".join, rows)) + "\n")


def go(place: Path, *metrics: str) -> dict[tuple[str, str], dict[str, Any]]:
    folder = score_given(place / "list.csv", place / "root", metrics, place / "scored")
    rows = json.loads((folder / "table.json").read_text())
    return {(r["metric"], r["system"]): r for r in rows if r["split"] == "all"}


def notes(place: Path) -> str:
    return "\n".join(json.loads((place / "scored" / "run.json").read_text())["notes"])


def test_likeness_and_retrieval_of_a_list_written_by_hand(place: Path) -> None:
    found = go(place, *COSINES, *RETRIEVAL)
    assert {key: cell["n"] for key, cell in found.items()} == dict.fromkeys(found, PEOPLE)
    assert found["cos_target@pocket", "right"]["value"] == pytest.approx(1, abs=1e-5)
    assert found["cos_input@pocket", "copy"]["value"] == pytest.approx(1, abs=1e-5)
    assert found["cos_target@pocket", "copy"]["value"] < 0.99
    for metric in RETRIEVAL:
        assert found[metric, "right"]["value"] == 1
    assert found["retrieval_top1@pocket", "copy"]["value"] == 0, "the source is nearer than the target"
    assert found["cos_target@pocket:centred", "right"]["value"] > found["cos_target@pocket:centred", "copy"]["value"]
    assert "12 outputs, the target searched for among 12 people (6 women, 6 men). Chance 8.33 %" in notes(place)
    pairs = json.loads((place / "scored" / "differences.json").read_text())
    (order,) = [r for r in pairs if (r["metric"], r["system"], r["split"]) == (COSINES[0], "copy", "all")]
    assert order["against_metric"] == "cos_input@pocket"
    assert order["difference"] == pytest.approx(found[COSINES[0], "copy"]["value"] - 1, abs=1e-5)
    assert order["high"] < 0


@pytest.mark.parametrize(
    ("column", "metrics", "words"),
    [
        ("other_target_face", RETRIEVAL, "24 of 24 rows have no value: a row needs other_target_face and target_id"),
        ("target_id", ("cos_target@pocket:centred",), "24 of 24 rows have no value: a row needs other_target_face"),
        ("target_gender", ("cos_target@pocket:centred",), "for centred cosines genders"),
        ("other_face", ("cos_random@pocket:centred",), "other_face), and somebody else of that gender"),
        ("target_gender", ("mapping@pocket",), "a row needs a recording as its reference, target_id and target_gender"),
        ("", ("retrieval_top5@own", "cos_target@own"), "no system of this list has a classifier of its own"),
    ],
)
def test_what_a_list_lacks_is_said(
    place: Path, monkeypatch: pytest.MonkeyPatch, column: str, metrics: tuple[str, ...], words: str
) -> None:
    write(place, json.loads((place / "lines.json").read_text()), (column,))
    found = go(place, *metrics)
    assert all(cell["n"] == cell["failed"] == 0 for cell in found.values())
    assert all(cell["note"] == "no row that this metric is defined for" for cell in found.values())
    assert words in notes(place)


class Ear:
    """Fits a voice with the face whose mean brightness is as high as its bands are."""

    def face(self, pictures: Tensor) -> Tensor:
        return torch.nn.functional.normalize(pictures.mean((2, 3)))

    def voice(self, mel: Tensor) -> Tensor:
        return torch.nn.functional.normalize(mel[:, 0, :3].mean(2))


def test_mapping_of_a_list_written_by_hand(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "matcher", lambda file: Ear())
    lines = json.loads((place / "lines.json").read_text())
    write_flac(place / "root" / "voice3.flac", np.zeros(24000))
    for line in lines:
        if line["system"] == "copy":
            line["output"] = "face0.png"
    write(place, lines)
    found = go(place, "mapping@pocket", "mapping@pocket:pairs")
    assert [found["mapping@pocket", system]["failed"] for system in ("right", "copy")] == [1, 1]
    assert [found["mapping@pocket:pairs", system]["failed"] for system in ("right", "copy")] == [2, 2]
    assert "voice3.flac" in found["mapping@pocket", "right"]["note"]
    assert "0.00 s of voice are heard in it" in found["mapping@pocket", "right"]["note"]
    assert found["mapping@pocket", "copy"]["value"] == found["mapping@pocket:pairs", "copy"]["value"] == 0.5
    assert "their judge is a small network that knows the drawn faces" in notes(place)


def test_a_compared_picture_that_changes_is_another_list(place: Path) -> None:
    from benchmark.errors import BenchmarkError

    go(place, "cos_random@pocket")
    paint(place / "root" / "face4.png", 99)
    with pytest.raises(BenchmarkError, match=r"files that have changed since: face4.png"):
        go(place, "cos_random@pocket")
