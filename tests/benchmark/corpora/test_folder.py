import pickle
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmark.corpora.folder import FolderCorpus, make_ids
from benchmark.corpora.prepare import prepare
from benchmark.errors import BenchmarkError
from benchmark.media.audio import WAVE24K
from benchmark.media.image import FACE128

SHARED = Path(__file__).parents[4] / "shared" / "data"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("some words\n" if name.lower().endswith(".txt") else "x")
    return root


def tone(path: Path, seconds: float = 1.0, rate: int = 16000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(np.arange(round(seconds * rate)) * 0.1), rate)


def picture(path: Path, width: int = 40, height: int = 30) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(path)


def found(root: Path, **options: object) -> list[tuple]:
    records = FolderCorpus(root, held_out=0, **options).records()
    return [(r.id, r.speaker, r.gender, r.audio, r.image, r.transcript) for r in records]


def test_speakers_and_genders_by_folder(tmp_path):
    touch(tmp_path, "s10/a.wav", "s2/deep/er/b.FLAC", "Female/anna/c.Mp3", "M/ben/d.JPG", "m/carl/e.png")
    assert found(tmp_path) == [
        ("anna_c", "anna", 0, "Female/anna/c.Mp3", None, None),
        ("ben_d", "ben", 1, None, "M/ben/d.JPG", None),
        ("carl_e", "carl", 1, None, "m/carl/e.png", None),
        ("s2_deep_er_b", "s2", None, "s2/deep/er/b.FLAC", None, None),
        ("s10_a", "s10", None, "s10/a.wav", None, None),
    ]


def test_files_of_one_moment_become_one_record(tmp_path):
    touch(tmp_path, "a/1.wav", "a/1.jpg", "a/1.txt", "a/2.wav", "a/3.png", "a/notes.txt")
    touch(tmp_path, "a/sound/4.wav", "a/photos/4.jpg", "a/4.TXT")
    assert [row[0::3] for row in found(tmp_path)] == [
        ("a_1", "a/1.wav"),
        ("a_2", "a/2.wav"),
        ("a_3", None),
        ("a_sound_4", "a/sound/4.wav"),
    ]
    rows = {row[0]: row[4:] for row in found(tmp_path)}
    assert rows["a_1"] == ("a/1.jpg", "some words")
    assert rows["a_2"] == (None, None)
    assert rows["a_sound_4"] == ("a/photos/4.jpg", "some words")


def test_a_stem_that_comes_more_than_once_pairs_within_its_folder_only(tmp_path):
    touch(tmp_path, "a/v1/1.wav", "a/v1/1.jpg", "a/v2/1.wav", "a/v3/1.jpg")
    assert [row[3:5] for row in found(tmp_path)] == [
        ("a/v1/1.wav", "a/v1/1.jpg"),
        ("a/v2/1.wav", None),
        (None, "a/v3/1.jpg"),
    ]


def test_a_clip_gives_what_its_neighbours_lack(tmp_path):
    touch(tmp_path, "a/1.mp4", "a/2.MPG", "a/2.wav", "a/3.mp4", "a/3.jpg", "a/4.mp4", "a/4.wav", "a/4.jpg")
    assert [row[3:5] for row in found(tmp_path)] == [
        ("a/1.mp4", "a/1.mp4"),
        ("a/2.wav", "a/2.MPG"),
        ("a/3.mp4", "a/3.jpg"),
        ("a/4.wav", "a/4.jpg"),
    ]


def test_what_is_left_out_is_said(tmp_path):
    touch(tmp_path, "a/1.wav", "a/1.flac", "b/1.wav", "stray.wav", "a/readme.md", "a/._1.wav", ".cache/x/1.wav")
    touch(tmp_path, "__MACOSX/a/1.wav", "empty/x.doc")
    corpus = FolderCorpus(tmp_path, held_out=0)
    assert [r.audio for r in corpus.records()] == ["a/1.flac", "b/1.wav"]
    assert "Left out, because no speaker's folder holds them: stray.wav." in corpus.notes
    assert "Left out, because a/1 has one of its kind: a/1.wav." in corpus.notes
    assert any(n.startswith("Gender not known of a, b, who take no part in trials") for n in corpus.notes)
    assert "Too few recordings of a, b to keep any from training: none in trials of seen speakers." in corpus.notes
    assert len(corpus.notes) == 4


def test_files_straight_in_a_gender_folder_are_people_of_their_own(tmp_path):
    touch(tmp_path, "female/1.jpg", "male/1.jpg", "male/2.jpg", "male/2.wav")
    corpus = FolderCorpus(tmp_path, held_out=0)
    assert [(r.id, r.gender) for r in corpus.records()] == [("female_1", 0), ("male_1", 1), ("male_2", 1)]
    assert "4 files lie in a gender folder itself" in corpus.notes[0]


def test_speakers_of_whom_nothing_can_be_kept_from_training_are_noted(tmp_path):
    people = [f"{g}/{n}" for g in ("f", "m") for n in ("a", "b", "c")]
    people = [f"{p}{p[0]}" for p in people]
    touch(tmp_path, *(f"{p}/{i}.wav" for p in people for i in range(3)), *(f"{p}/photo.jpg" for p in people))
    corpus = FolderCorpus(tmp_path, held_out=2)
    seen = [r for r in corpus.records() if r.split == "seen"]
    assert len(seen) == 4
    assert all(r.audio and not r.image for r in seen)
    assert [n for n in corpus.notes if n.startswith("Too few")] == [
        f"Too few pictures of {', '.join(r.speaker for r in seen)} to keep any from training: none in trials of seen "
        "speakers."
    ]


def test_links_are_followed_once(tmp_path):
    touch(tmp_path / "far", "1.wav")
    touch(tmp_path / "root", "b/1.wav")
    for name in ("a", "z"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "far")
    (tmp_path / "root/b/loop").symlink_to(tmp_path / "root")
    assert [row[3] for row in found(tmp_path / "root")] == ["a/1.wav", "b/1.wav"]


def test_names_with_blanks_and_letters_of_any_script(tmp_path):
    touch(tmp_path, "Ann B/take 1.wav", "Ann B/take_1.wav", "Ann B/TAKE_1.flac", "張/一.wav", "張/二.wav")
    touch(tmp_path, "x/" + "long" * 50 + ".wav")
    records = FolderCorpus(tmp_path, held_out=0).records()
    ids = [r.id for r in records]
    assert len({i.lower() for i in ids}) == 6
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,140}", i) for i in ids)
    assert {r.speaker for r in records} == {"Ann B", "張", "x"}
    alone = touch(tmp_path / "other", "Ann B/take 1.wav")
    assert [r.id for r in FolderCorpus(alone, held_out=0).records()] == ["Ann_B_take_1"]


@given(st.lists(st.text("aA b_/é", min_size=1, max_size=3), max_size=20))
def test_ids_never_clash(names):
    ids = make_ids(names)
    assert len({i.lower() for i in ids}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", i) for i in ids)


def test_a_name_that_is_no_utf8_is_left_out_and_said(tmp_path):
    touch(tmp_path, "a/1.wav")
    try:
        (Path(str(tmp_path)) / "a" / "b\udcff.wav").write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    corpus = FolderCorpus(tmp_path, held_out=0)
    assert len(corpus.records()) == 1
    assert any("no UTF-8: 'a/b\\udcff.wav'" in note for note in corpus.notes)
    corpus.fingerprint()


def test_errors_say_what_was_got(tmp_path):
    with pytest.raises(BenchmarkError, match=r"There is no folder .*nowhere"):
        FolderCorpus(tmp_path / "nowhere").records()
    with pytest.raises(BenchmarkError, match=r"holds no recordings, pictures or clips in folders of speakers"):
        FolderCorpus(tmp_path).records()
    touch(tmp_path / "flat", "1.wav")
    with pytest.raises(BenchmarkError, match=r"holds no recordings.*no speaker's folder holds them: 1\.wav"):
        FolderCorpus(tmp_path / "flat").records()
    touch(tmp_path / "one", "wav/1.wav", "wav/2.wav")
    with pytest.raises(BenchmarkError, match=r"holds one speaker, 'wav'.*set held_out = 0"):
        FolderCorpus(tmp_path / "one").records()
    assert Counter(r.split for r in FolderCorpus(tmp_path / "one", held_out=0).records()) == {"train": 2}
    touch(tmp_path / "deep", "faces/female/anna.jpg")
    with pytest.raises(BenchmarkError, match=r"faces/female is a gender folder below 'faces'"):
        FolderCorpus(tmp_path / "deep").records()
    touch(tmp_path / "both", "female/anna/1.wav", "male/anna/2.wav", "male/ben/1.wav")
    with pytest.raises(BenchmarkError, match="'anna' has two genders"):
        FolderCorpus(tmp_path / "both").records()
    with pytest.raises(BenchmarkError, match="frames_per_clip is at least 1"):
        FolderCorpus(tmp_path, frames_per_clip=0)


def test_the_fingerprint_sees_options_files_and_texts(tmp_path):
    touch(tmp_path / "a", "x/1.wav", "y/1.wav", "y/1.txt")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    prints = [FolderCorpus(tmp_path / "a").fingerprint()]
    assert FolderCorpus(tmp_path / "b").fingerprint() == prints[0]
    for options in ({"seed": 1}, {"held_out": 1}, {"align": True}, {"frames_per_clip": 2}):
        prints.append(FolderCorpus(tmp_path / "a", **options).fingerprint())
    (tmp_path / "a/y/1.txt").write_text("SOME WORDS\n")
    prints.append(FolderCorpus(tmp_path / "a").fingerprint())
    (tmp_path / "b/x/1.wav").write_text("longer")
    prints.append(FolderCorpus(tmp_path / "b").fingerprint())
    assert all(prints.count(p) == 1 for p in prints)
    corpus = FolderCorpus(tmp_path / "a")
    corpus.records()
    assert pickle.loads(pickle.dumps(corpus)).fingerprint() == corpus.fingerprint()


def test_anything_of_libsndfile_and_pillow_is_read_and_the_broken_left_out(tmp_path):
    for name in ("a/1.WAV", "a/2.flac", "a/3.ogg", "a/4.mp3", "a/5.aiff", "b/1.au"):
        tone(tmp_path / name)
    for name in ("a/1.jpg", "a/2.PNG", "b/8.bmp", "b/9.webp"):
        picture(tmp_path / name)
    tone(tmp_path / "b/short.wav", seconds=0.1)
    touch(tmp_path, "b/broken.wav", "b/broken.mp4", "b/other.jpg")
    corpus = FolderCorpus(tmp_path, held_out=0)
    store = prepare(corpus, jobs=1, cache=tmp_path / "cache", progress=False)
    assert {s["id"].split("-")[0] for s in store.meta["skipped"]} == {"b_short", "b_broken", "b_other"}
    assert len(store.records) == 8
    for i, record in enumerate(store.records):
        assert (len(store.rows(FACE128, i)) == 1) == (record.image is not None)
        if record.audio:
            assert len(store.rows(WAVE24K, i)) / 24000 == pytest.approx(1.0, abs=0.1)
    assert (store.rows(FACE128, 0) == store.rows(FACE128, 0)[0, 0, 0]).all()


@pytest.mark.real
@real
def test_real_voices_of_librispeech():
    corpus = FolderCorpus(SHARED / "librispeech" / "LibriSpeech" / "test-other")
    records = corpus.records()
    assert len(records) == 25
    assert {r.speaker for r in records} == {"1688", "1998", "2033", "3080", "367"}
    assert {r.gender for r in records} == {None}
    assert {r.split for r in records} == {"train", "seen", "unseen"}
    assert any("Gender not known of" in note for note in corpus.notes)
    assert len(corpus.load(records[0]).wave) / 24000 == pytest.approx(
        soundfile.info(corpus.root / str(records[0].audio)).duration, abs=0.01
    )


@pytest.mark.real
@real
def test_real_pictures_without_people(tmp_path):
    corpus = FolderCorpus(SHARED / "celeba_hq_128")
    store = prepare(corpus, jobs=1, cache=tmp_path, progress=False)
    assert Counter(r.gender for r in store.records) == {0: 5, 1: 4}
    with Image.open(corpus.root / str(store.records[0].image)) as native:
        assert native.size == (128, 128)
        assert np.array_equal(store.rows(FACE128, 0)[0], np.asarray(native.convert("RGB")))


@pytest.mark.real
@real
def test_real_pairs_of_face_and_voice_by_folders_and_by_a_table(tmp_path):
    source = SHARED / "lrs3_pairs"
    with pytest.raises(BenchmarkError, match="gender folder below 'faces'"):
        FolderCorpus(source).records()
    shutil.copytree(source, tmp_path / "table")
    rows = ["speaker,audio,image,gender"]
    for face in sorted(source.glob("faces/*/*.jpg")):
        voice = next((source / "wav" / face.stem).glob("*.wav"))
        folder = tmp_path / "tree" / face.parent.name / face.stem
        folder.mkdir(parents=True)
        shutil.copyfile(face, folder / "one.jpg")
        shutil.copyfile(voice, folder / "one.wav")
        rows.append(f"{face.stem},{voice.relative_to(source)},{face.relative_to(source)},{face.parent.name}")
    (tmp_path / "table/records.csv").write_text("\n".join(rows))
    tree, table = (FolderCorpus(tmp_path / name) for name in ("tree", "table"))
    people = [Counter((r.speaker, r.gender) for r in corpus.records()) for corpus in (tree, table)]
    assert people[0] == people[1]
    assert Counter(gender for _, gender in people[0]) == {0: 6, 1: 6}
    assert sorted(r.split for r in tree.records()) == sorted(r.split for r in table.records())
    first, other = tree.records()[0], next(r for r in table.records() if r.speaker == tree.records()[0].speaker)
    media, same = tree.load(first), table.load(other)
    assert np.array_equal(media.wave, same.wave)
    assert np.array_equal(media.faces, same.faces)
    assert media.faces.shape == (1, 128, 128, 3)


@pytest.mark.real
@real
def test_real_talking_faces_are_cut_out_where_asked(tmp_path):
    plain = FolderCorpus(SHARED / "voxceleb2" / "test" / "mp4", frames_per_clip=2)
    records = plain.records()
    assert len(records) == 5
    assert all(r.audio == r.image for r in records)
    media = plain.load(records[0])
    assert media.faces.shape == (2, 128, 128, 3)
    assert len(media.wave) > 24000
    pytest.importorskip("facenet_pytorch")
    aligned = FolderCorpus(plain.root, align=True, frames_per_clip=2).load(records[0])
    assert np.array_equal(aligned.wave, media.wave)
    assert aligned.faces.shape == media.faces.shape
    assert np.abs(aligned.faces.astype(int) - media.faces).mean() > 10


@pytest.mark.real
@real
def test_a_picture_without_a_face_is_left_out_where_faces_are_asked_for(tmp_path):
    pytest.importorskip("facenet_pytorch")
    picture(tmp_path / "a/nobody.png", 200, 200)
    (tmp_path / "b").mkdir()
    shutil.copyfile(next(SHARED.glob("lrs3_pairs/faces/female/*.jpg")), tmp_path / "b/face.jpg")
    store = prepare(FolderCorpus(tmp_path, align=True), jobs=1, cache=tmp_path / "cache", progress=False)
    assert [r.id for r in store.records] == ["b_face"]
    assert "a/nobody.png: no face found" in store.meta["skipped"][0]["reason"]
