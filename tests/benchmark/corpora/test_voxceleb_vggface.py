"""VoxCeleb1 with VGGFace: folders of either name, splits by initial, and what is told of people with one side alone."""

from __future__ import annotations

import pickle
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmark.corpora.manifest import Record
from benchmark.corpora.prepare import prepare
from benchmark.corpora.voxceleb_vggface import VoxcelebVggfaceCorpus
from benchmark.errors import BenchmarkError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "voxceleb1"
PEOPLE = {
    "id1": ("Abe", "m", "UK"),
    "id2": ("Cleo", "f", "Egypt"),
    "id3": ("Fay", "f", "USA"),
    "id4": ("Gus_M.", "m", "USA"),
    "id5": ("Zed", "m", "Ghana"),
}
NAMES = {id_: name for id_, (name, _, _) in PEOPLE.items()}


def table(root: Path) -> None:
    rows = [f"{id_}\t{name}\t{gender}\t{nation}\tdev" for id_, (name, gender, nation) in PEOPLE.items()]
    (root / "vox1_meta.csv").write_text(
        "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n" + "\n".join(rows) + "\n"
    )


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """A tree of empty files: `recordings` of each id (two of a video), `pictures` of each name."""

    def make(
        voices: str = "wav", faces: str = "VGG_ALL_FRONTAL", recordings: int = 4, pictures: int = 3, by: str = "id"
    ) -> Path:
        table(tmp_path)
        for id_, name in NAMES.items():
            for i in range(recordings):
                touch(tmp_path / voices / (id_ if by == "id" else name) / f"video-{i // 2}_" / f"{i % 2:05d}.wav")
            for i in range(pictures):
                touch(tmp_path / faces / name / f"{i:08d}.jpg")
        return tmp_path

    return make


def split_of(records: list[Record]) -> dict[str, Counter[str]]:
    return {s: Counter(r.split for r in records if r.speaker == s) for s in dict.fromkeys(r.speaker for r in records)}


@pytest.mark.parametrize(
    ("voices", "faces", "by"),
    [
        ("wav", "VGG_ALL_FRONTAL", "id"),
        ("dev/wav", "vggface", "id"),
        ("test/wav", "vggface", "id"),
        ("voxceleb_wav", "VGG_ALL_FRONTAL", "name"),
    ],
)
def test_layouts(tree: Callable[..., Path], voices: str, faces: str, by: str) -> None:
    root = tree(voices, faces, by=by)
    touch(root / voices / "id3" / "video-0_" / "._00000.wav")
    touch(root / voices / "id3" / "video-0_" / "00000.txt")
    records = VoxcelebVggfaceCorpus(root, split="all_seen").records()
    assert len(records) == 5 * (4 + 3)
    assert all((root / str(r.audio or r.image)).is_file() for r in records)
    assert all((r.audio is None) != (r.image is None) for r in records)
    fay = [r for r in records if r.speaker == "Fay"]
    who = "id3" if by == "id" else "Fay"
    assert [r.id for r in fay[:2]] == [f"{who}_video-0__00000", f"{who}_video-0__00001"]
    assert fay[4].id == "Fay_00000000"
    assert {(r.corpus, r.gender, r.nationality) for r in fay} == {("voxceleb_vggface", 0, "USA")}


def test_dev_and_test_are_read_together_and_a_recording_once(tree: Callable[..., Path]) -> None:
    root = tree("dev/wav")
    touch(root / "test" / "wav" / "id3" / "video-9" / "00000.wav")
    shutil.copytree(root / "dev" / "wav" / "id4", root / "test" / "wav" / "id4")
    corpus = VoxcelebVggfaceCorpus(root, split="all_seen")
    records = corpus.records()
    assert Counter(r.speaker for r in records if r.audio) == {"Abe": 4, "Cleo": 4, "Fay": 5, "Gus_M.": 4, "Zed": 4}
    assert any("4 recordings lie in two folders" in note and "id4/video-0_/00000.wav" in note for note in corpus.notes)


def test_folders_may_have_other_names_below_the_root(tree: Callable[..., Path]) -> None:
    root = tree("data/fine/voices", "data/faces")
    (root / "vox1_meta.csv").rename(root / "data" / "who.csv")
    options = {"voices": "data/fine/voices", "faces": "data/faces", "meta": "data/who.csv"}
    assert len(VoxcelebVggfaceCorpus(root, split="all_seen", **options).records()) == 35  # type: ignore[arg-type]
    with pytest.raises(BenchmarkError, match="has no folder data/voices"):
        VoxcelebVggfaceCorpus(root, **{**options, "voices": "data/voices"}).records()  # type: ignore[arg-type]
    for option in options:
        with pytest.raises(BenchmarkError, match=f"{option} = .* leads out of"):
            VoxcelebVggfaceCorpus(root, **{option: "../x"})  # type: ignore[arg-type]
        with pytest.raises(BenchmarkError, match=f"{option} = .* leads out of"):
            VoxcelebVggfaceCorpus(root, **{option: "/x"})  # type: ignore[arg-type]


def test_initials_say_who_is_unseen(tree: Callable[..., Path]) -> None:
    root = tree(recordings=12, pictures=6)
    corpus = VoxcelebVggfaceCorpus(root)
    splits = split_of(corpus.records())
    assert set(splits) == {"Cleo", "Fay", "Gus_M.", "Zed"}
    assert splits["Cleo"] == {"unseen": 18}
    for name in ("Fay", "Gus_M.", "Zed"):
        assert splits[name] == {"train": 9 + 4, "seen": 3 + 2}
    seen = [r for r in corpus.records() if r.split == "seen"]
    assert {(r.speaker, r.audio is None) for r in seen} == {(n, k) for n in ("Fay", "Gus_M.", "Zed") for k in (0, 1)}
    assert "Split by initial: 3 people to train on (F to Z), 1 unseen (test), 1 left out." in " ".join(corpus.notes)
    assert any("924 train, 112 validation, 189 test" in note for note in corpus.notes)
    assert any("cropped frontal faces" in note for note in corpus.notes)


def test_validation_people_may_be_held_out_instead(tree: Callable[..., Path]) -> None:
    corpus = VoxcelebVggfaceCorpus(tree(), held_out="validation")
    splits = split_of(corpus.records())
    assert set(splits) == {"Abe", "Fay", "Gus_M.", "Zed"}
    assert splits["Abe"] == {"unseen": 7}
    assert "1 unseen (validation), 1 left out" in " ".join(corpus.notes)


def test_all_seen_trains_on_everybody(tree: Callable[..., Path]) -> None:
    corpus = VoxcelebVggfaceCorpus(tree(), split="all_seen")
    splits = split_of(corpus.records())
    assert set(splits) == set(NAMES.values())
    assert all(counts == {"train": 3 + 2, "seen": 1 + 1} for counts in splits.values())
    assert "5 people, all trained on; CAE has 1,225." in corpus.notes


@pytest.mark.parametrize("options", [{"split": "none"}, {"held_out": "train"}])
def test_options_that_are_none(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(BenchmarkError, match="split is initial or all_seen, held_out test or validation"):
        VoxcelebVggfaceCorpus(tmp_path, **options)  # type: ignore[arg-type]


def test_one_side_alone_is_counted_and_left_out(tree: Callable[..., Path]) -> None:
    root = tree()
    shutil.rmtree(root / "VGG_ALL_FRONTAL" / "Zed")
    for path in (root / "wav" / "id4").rglob("*.wav"):
        path.unlink()
    touch(root / "wav" / "id9" / "v" / "00000.wav")
    touch(root / "VGG_ALL_FRONTAL" / "Nobody_Known" / "1.jpg")
    corpus = VoxcelebVggfaceCorpus(root, split="all_seen")
    assert {r.speaker for r in corpus.records()} == {"Abe", "Cleo", "Fay"}
    assert "1 people have recordings but no pictures, left out: Zed." in corpus.notes
    assert "1 people have pictures but no recordings, left out: Gus_M.." in corpus.notes
    assert "1 folders of recordings are of nobody in vox1_meta.csv: id9." in corpus.notes
    assert "1 folders of pictures are of nobody in vox1_meta.csv: Nobody_Known." in corpus.notes


def test_nobody_with_both_is_an_error(tree: Callable[..., Path]) -> None:
    root = tree()
    for name in ("Abe", "Cleo", "Fay"):
        shutil.rmtree(root / "VGG_ALL_FRONTAL" / name)
    for id_ in ("id4", "id5"):
        shutil.rmtree(root / "wav" / id_)
    with pytest.raises(
        BenchmarkError, match=r"3 have recordings \(Abe, Cleo, Fay\), 2 have pictures .* nobody has both"
    ):
        VoxcelebVggfaceCorpus(root).records()
    shutil.rmtree(root / "VGG_ALL_FRONTAL")
    (root / "VGG_ALL_FRONTAL").mkdir()
    with pytest.raises(BenchmarkError, match=r"0 have pictures \(-\)"):
        VoxcelebVggfaceCorpus(root).fingerprint()


def test_nobody_to_train_on_is_an_error(tree: Callable[..., Path]) -> None:
    root = tree()
    for id_ in ("id3", "id4", "id5"):
        shutil.rmtree(root / "wav" / id_)
    with pytest.raises(BenchmarkError, match=r"Abe, Cleo have recordings and pictures, but nobody .* F to Z"):
        VoxcelebVggfaceCorpus(root).records()
    assert len(VoxcelebVggfaceCorpus(root, split="all_seen").records()) == 14


def test_what_is_not_there_is_told(tree: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"There is no folder .*nowhere"):
        VoxcelebVggfaceCorpus(tmp_path / "nowhere").records()
    with pytest.raises(BenchmarkError, match=r"There is no .*vox1_meta\.csv"):
        VoxcelebVggfaceCorpus(tmp_path).records()
    table(tmp_path)
    with pytest.raises(BenchmarkError, match="has no folder wav or dev/wav or test/wav or voxceleb_wav"):
        VoxcelebVggfaceCorpus(tmp_path).records()
    touch(tmp_path / "wav" / "id1" / "v" / "0.wav")
    with pytest.raises(BenchmarkError, match="has no folder VGG_ALL_FRONTAL or vggface"):
        VoxcelebVggfaceCorpus(tmp_path).records()


def test_the_fingerprint_sees_options_files_and_labels(tree: Callable[..., Path]) -> None:
    root = tree()
    prints = [VoxcelebVggfaceCorpus(root).fingerprint()]
    assert VoxcelebVggfaceCorpus(root).fingerprint() == prints[0]
    prints += [
        VoxcelebVggfaceCorpus(root, **options).fingerprint()  # type: ignore[arg-type]
        for options in ({"seed": 1}, {"split": "all_seen"}, {"held_out": "validation"})
    ]
    touch(root / "wav" / "id3" / "more" / "00000.wav")
    prints.append(VoxcelebVggfaceCorpus(root).fingerprint())
    meta = root / "vox1_meta.csv"
    meta.write_text(meta.read_text().replace("Ghana", "Togo"))
    prints.append(VoxcelebVggfaceCorpus(root).fingerprint())
    assert len({str(p) for p in prints}) == len(prints)


def test_media_are_decoded(tmp_path: Path) -> None:
    table(tmp_path)
    wave = 0.3 * np.sin(np.arange(16000) * 0.05)
    picture = np.zeros((160, 200, 3), np.uint8)
    picture[:, 20:180] = 200  # the centred square
    for id_, name in NAMES.items():
        for i in range(3):
            sound, face = tmp_path / "wav" / id_ / "v" / f"{i}.wav", tmp_path / "vggface" / name / f"{i}.png"
            sound.parent.mkdir(parents=True, exist_ok=True)
            face.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(sound, wave, 16000)
            Image.fromarray(picture).save(face)
    (tmp_path / "vggface" / "Zed" / "3.jpg").write_text("no picture")
    corpus = pickle.loads(pickle.dumps(VoxcelebVggfaceCorpus(tmp_path)))
    store = prepare(corpus, jobs=1, cache=tmp_path / "cache", progress=False)
    assert [s["id"] for s in store.meta["skipped"]] == ["Zed_3"]
    assert len(store.records) == 4 * 6
    assert {r.nationality for r in store.records} == {"Egypt", "USA", "Ghana"}
    media = {side: next(corpus.load(r) for r in store.records if getattr(r, side)) for side in ("audio", "image")}
    assert media["audio"].wave is not None
    assert media["audio"].faces is None
    assert abs(len(media["audio"].wave) - 24000) < 10
    assert media["image"].wave is None
    assert media["image"].faces is not None
    assert media["image"].faces.shape == (1, 128, 128, 3)
    assert (media["image"].faces == 200).all()
    assert store.index["audio"].sum() == store.index["face"].sum() == 12


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data/voxceleb1")
def test_real_recordings_with_made_pictures(tmp_path: Path) -> None:
    (tmp_path / "wav").symlink_to(SHARED / "wav")
    shutil.copy(SHARED / "vox1_meta.csv", tmp_path)
    names = ["Alan_Tudyk", "Bingbing_Li", "Eartha_Kitt", "Moon_Bloodgood", "Witney_Carson", "Zulay_Henao"]
    for i, name in enumerate(names):
        (tmp_path / "VGG_ALL_FRONTAL" / name).mkdir(parents=True)
        Image.fromarray(np.full((100, 100, 3), 40 * i, np.uint8)).save(tmp_path / "VGG_ALL_FRONTAL" / name / "1.jpg")
    corpus = VoxcelebVggfaceCorpus(tmp_path)
    store = prepare(corpus, jobs=1, cache=tmp_path / "cache", progress=False)
    splits = {r.speaker: r.split for r in store.records}
    assert splits == {"Eartha_Kitt": "unseen", "Moon_Bloodgood": "train", "Witney_Carson": "train"}
    assert "2 people have recordings but no pictures, left out: A.J._Buckley, Eoin_Macken." in corpus.notes
    assert "1 people have pictures but no recordings, left out: Zulay_Henao." in corpus.notes
    (eartha,) = {r.gender for r in store.records if r.speaker == "Eartha_Kitt"}
    assert (eartha, store.meta["skipped"]) == (0, [])
    assert sum(r.audio is not None for r in store.records if r.speaker == "Eartha_Kitt") == 2
