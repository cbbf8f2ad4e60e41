import pickle
import shutil
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.corpora.celeba_hq import CelebaHqCorpus
from benchmark.corpora.prepare import prepare
from benchmark.errors import BenchmarkError
from benchmark.media.image import FACE128

REAL = Path(__file__).parents[4] / "shared" / "data" / "celeba_hq"
real = pytest.mark.skipif(not REAL.is_dir(), reason="no ../shared/data/celeba_hq")
FOLDERS = [f"{s}/{g}" for s, g in product(["train", "val"], ["female", "male"])]


def picture(path: Path, width: int = 16, height: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(str(path))).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def tree(root: Path) -> Path:
    for i, folder in enumerate(FOLDERS):
        picture(root / folder / f"{i:06d}.jpg")
        picture(root / folder / f"{i + 10:06d}.PNG")
    return root


def test_layout_genders_and_splits(tmp_path):
    tree(tmp_path)
    (tmp_path / "train/male/._000002.jpg").write_bytes(b"x")
    (tmp_path / "val/male/Thumbs.db").write_bytes(b"x")
    corpus = CelebaHqCorpus(tmp_path, seed=3)
    records = corpus.records()
    assert [(r.id, r.gender, r.split) for r in records] == [
        ("000000", 0, "train"),
        ("000010", 0, "train"),
        ("000001", 1, "train"),
        ("000011", 1, "train"),
        ("000002", 0, "unseen"),
        ("000012", 0, "unseen"),
        ("000003", 1, "unseen"),
        ("000013", 1, "unseen"),
    ]
    assert all(r.speaker == r.id and r.audio is None and (tmp_path / str(r.image)).is_file() for r in records)
    assert len(corpus.notes) == 1
    assert "no identities" in corpus.notes[0]


def test_numbers_that_are_not_of_celeba_are_noted(tmp_path):
    picture(tree(tmp_path) / "train/female/17.jpg")
    corpus = CelebaHqCorpus(tmp_path)
    assert len(corpus.records()) == 9
    assert any("CelebAMask-HQ" in note for note in corpus.notes)


def test_errors_say_what_was_got(tmp_path):
    with pytest.raises(BenchmarkError, match=r"lacks numbered pictures in train/female, train/male, val/female, val/m"):
        CelebaHqCorpus(tmp_path / "nowhere").records()
    (tmp_path / "mask/CelebA-HQ-img").mkdir(parents=True)
    picture(tmp_path / "mask/CelebA-HQ-img/0.jpg")
    with pytest.raises(BenchmarkError, match=r"CelebAMask-HQ \(CelebA-HQ-img/\) has no such split"):
        CelebaHqCorpus(tmp_path / "mask").records()
    shutil.rmtree(tree(tmp_path / "set") / "val/male")
    with pytest.raises(BenchmarkError, match=r"lacks numbered pictures in val/male:"):
        CelebaHqCorpus(tmp_path / "set").fingerprint()


@pytest.mark.parametrize("twin", ["val/female/000001.jpg", "train/male/000001.png", "train/female/000001.jpg"])
def test_a_number_twice_is_a_leak_or_a_wrong_label(tmp_path, twin):
    picture(tree(tmp_path) / twin)
    with pytest.raises(BenchmarkError, match=r"one number twice, .*000001\..*000001\."):
        CelebaHqCorpus(tmp_path).records()


def test_the_fingerprint_sees_files_but_neither_place_nor_seed(tmp_path):
    shutil.copytree(tree(tmp_path / "a"), tmp_path / "b")
    one = CelebaHqCorpus(tmp_path / "a").fingerprint()
    assert CelebaHqCorpus(tmp_path / "b", seed=5).fingerprint() == one
    assert "bilinear" in one["resize"]
    picture(tmp_path / "b/train/male/000099.jpg")
    assert CelebaHqCorpus(tmp_path / "b").fingerprint() != one
    assert pickle.loads(pickle.dumps(CelebaHqCorpus(tmp_path / "a"))).fingerprint() == one


def test_unreadable_pictures_do_not_stop_the_others(tmp_path):
    tree(tmp_path)
    (tmp_path / "train/female/000000.jpg").write_bytes(b"")
    picture(tmp_path / "val/male/000003.jpg", width=18)
    data = (tmp_path / "val/male/000013.PNG").read_bytes()
    (tmp_path / "val/male/000013.PNG").write_bytes(data[: len(data) // 2])
    store = prepare(CelebaHqCorpus(tmp_path), jobs=1, cache=tmp_path / "cache", progress=False)
    assert len(store.records) == 5
    reasons = {s["id"]: s["reason"] for s in store.meta["skipped"]}
    assert set(reasons) == {"000000", "000003", "000013"}
    assert "18x16 pixels; the pictures of CelebA-HQ are square" in reasons["000003"]


@pytest.mark.real
@real
def test_the_real_sample(tmp_path):
    store = prepare(CelebaHqCorpus(REAL), jobs=1, cache=tmp_path, progress=False)
    assert Counter((r.split, r.gender) for r in store.records) == {
        ("train", 0): 10,
        ("train", 1): 8,
        ("unseen", 0): 10,
        ("unseen", 1): 10,
    }
    assert store.index["face"].all()
    assert not store.index["audio"].any()
    record = next(i for i, r in enumerate(store.records) if r.image == "val/male/005735.jpg")
    with Image.open(REAL / "val/male/005735.jpg") as native:
        assert native.size == (1024, 1024)
        # As torchvision.transforms.Resize((128, 128)) does on a Pillow picture.
        expected = np.asarray(native.convert("RGB").resize((128, 128), Image.Resampling.BILINEAR))
    assert np.array_equal(store.rows(FACE128, record)[0], expected)
