"""Mean faces: of training pictures alone, each counted once, and of nothing else that a trial holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from baselines.mean_faces import GenderMeanFace, MeanFace, MeanFaceSettings
from benchmark.corpora.manifest import Record, manifest_sha256, write_manifest
from benchmark.corpora.prepared import Store, build_index, write_feature, write_json
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import feature
from benchmark.system import FACE

TASK = "face_from_voice"
Rows = list[tuple[str, int | None, str, int]]


@pytest.fixture
def store(tmp_path: Any) -> Callable[[Rows], Store]:
    """A store of records (speaker, gender, split, pictures) of noise; without pictures a record is a voice."""

    def make(rows: Rows, name: str = "made") -> Store:
        folder = tmp_path / name
        folder.mkdir()
        rng = np.random.default_rng(len(rows))
        records = [
            Record(f"{name}{i}", name, speaker, gender, split, "a", "b" if count else None)  # type: ignore[arg-type]
            for i, (speaker, gender, split, count) in enumerate(rows)
        ]
        pictures = [rng.integers(0, 256, (count, 128, 128, 3), np.uint8) if count else None for *_, count in rows]
        write_manifest(folder / "manifest.jsonl", records)
        write_feature(folder, feature("face128"), pictures)
        counts = np.array([count for *_, count in rows])
        np.savez(folder / "index.npz", **build_index(records, np.ones(len(rows)), counts))
        about = {"corpus": name, "fingerprint": {}, "manifest_sha256": manifest_sha256(records), "skipped": []}
        write_json(folder / "store.json", {**about, "notes": []})
        return Store(folder)

    return make


ROWS: Rows = [
    ("anna", 0, "train", 2),
    ("ben", 1, "train", 3),
    ("anna", 0, "seen", 2),
    ("cleo", 0, "unseen", 2),
    ("anna", 0, "train", 0),
    ("dan", None, "train", 1),
    ("ben", 1, "train", 1),
]


def column(genders: list[int]) -> dict[str, Tensor]:
    return {"gender": torch.tensor(genders)}


def pictures(store: Store, records: list[int]) -> np.ndarray:
    return np.concatenate([store.rows(feature("face128"), i) for i in records])


def shrunk(pictures: np.ndarray) -> np.ndarray:
    """(F, 128, 128, 3) -> the mean at 64 px, (64, 64, 3) in 0..255, by Pillow in float."""
    mean = pictures.astype(np.float64).mean(0).astype(np.float32)
    bands = [Image.fromarray(mean[..., i]).resize((64, 64), Image.Resampling.BILINEAR) for i in range(3)]
    return np.stack([np.asarray(band) for band in bands], -1)


def faces(out: Tensor) -> np.ndarray:
    return np.asarray((out.permute(0, 2, 3, 1).numpy() + 1) * 127.5)


def test_the_mean_face_is_the_mean_of_training_pictures(store: Callable[..., Store]) -> None:
    own = store(ROWS)
    control = MeanFace(MeanFaceSettings())
    control.look([own])
    out = control.translate(TASK, {}, column([0, 1, -1]), torch.zeros(3, dtype=torch.int64))
    assert out.shape == (3, 3, 64, 64)
    assert out.dtype == torch.float32
    expected = shrunk(pictures(own, [0, 1, 5, 6]))
    for face in faces(out):
        np.testing.assert_allclose(face, expected, atol=1e-3)


def test_the_mean_face_of_a_gender_is_of_its_training_pictures(store: Callable[..., Store]) -> None:
    own = store(ROWS)
    control = GenderMeanFace(MeanFaceSettings())
    control.look([own])
    out = faces(control.translate(TASK, {}, column([1, 0, 1]), torch.arange(3)))
    np.testing.assert_allclose(out[0], shrunk(pictures(own, [1, 6])), atol=1e-3)
    np.testing.assert_allclose(out[1], shrunk(pictures(own, [0])), atol=1e-3)
    np.testing.assert_array_equal(out[2], out[0])
    with pytest.raises(BenchmarkError, match="unknown gender"):
        control.translate(TASK, {}, column([0, -1]), torch.arange(2))


def test_corpora_count_by_their_pictures(store: Callable[..., Store]) -> None:
    first, second = store(ROWS[:1], "one"), store(ROWS[1:2], "two")
    control = MeanFace(MeanFaceSettings())
    control.look([first, second])
    both = np.concatenate([pictures(first, [0]), pictures(second, [0])])
    assert len(both) == 5
    out = faces(control.translate(TASK, {}, column([0]), torch.zeros(1)))
    np.testing.assert_allclose(out[0], shrunk(both), atol=1e-3)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([r for r in ROWS if r[1] != 1], "made has no male training picture"),
        ([r for r in ROWS if r[0] != "anna"], "made has no female training picture"),
        ([r for r in ROWS if r[2] != "train"], "no female and no male training picture"),
    ],
)
def test_a_gender_without_pictures_is_told(store: Callable[..., Store], rows: Rows, told: str) -> None:
    with pytest.raises(BenchmarkError, match=told):
        GenderMeanFace(MeanFaceSettings()).look([store(rows)])


def test_no_training_picture_at_all_is_told(store: Callable[..., Store]) -> None:
    with pytest.raises(BenchmarkError, match="no training picture"):
        MeanFace(MeanFaceSettings()).look([store([r for r in ROWS if r[2] != "train"])])


@pytest.mark.parametrize("cls", [MeanFace, GenderMeanFace])
def test_they_learn_nothing_and_ask_for_nothing(cls: type[MeanFace]) -> None:
    control = cls(MeanFaceSettings(), 7)
    assert (control.phases(), control.draws(), control.optimizers()) == ((), {}, {})
    assert not list(control.parameters())
    assert (control.inputs, control.output) == ({TASK: ()}, {TASK: FACE})
    with pytest.raises(BenchmarkError, match="looked at no pictures yet"):
        control.translate(TASK, {}, column([0]), torch.zeros(1))
