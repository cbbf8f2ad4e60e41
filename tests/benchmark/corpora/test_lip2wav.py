"""Lip2Wav: whose pieces are read and from where, the part of a picture that shows the speaker, what is told."""

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

from benchmark.corpora.lip2wav import Lip2WavCorpus, speaker_region
from benchmark.corpora.prepare import prepare
from benchmark.errors import BenchmarkError
from benchmark.media.align import align_faces, find_landmarks
from benchmark.media.audio import WAVE24K
from benchmark.media.image import FACE128
from benchmark.media.video import read_clip

SHARED = Path(__file__).parents[4] / "shared" / "data" / "voxceleb2"
FIVE = ("chem", "chess", "dl", "eh", "hs")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def tree(root: Path, speakers: tuple[str, ...] = FIVE, pieces: int = 4) -> Path:
    return touch(root, *(f"{s}/intervals/-vid_{s}/cut-{i}.mp4" for s in speakers for i in range(pieces)))


@pytest.mark.parametrize("base", ["", "Dataset/"])
def test_pieces_of_clips_and_of_cut_out_faces(tmp_path: Path, base: str) -> None:
    touch(tmp_path, *(f"{base}hs/intervals/vid/cut-{i}.mp4" for i in (0, 2, 10)), f"{base}hs/intervals/vid/._cut-0.mp4")
    for piece in ("vid/cut-2", "vid/cut-3"):
        touch(tmp_path, f"{base}hs/preprocessed/{piece}/audio.wav", f"{base}hs/preprocessed/{piece}/0.jpg")
    touch(tmp_path, f"{base}hs/preprocessed/vid/cut-4/0.jpg", f"{base}dl/videos/vid.mp4", f"{base}hs/train.txt")
    corpus = Lip2WavCorpus(tmp_path)
    records = corpus.records()
    assert [r.id for r in records] == [f"hs_vid_cut-{i}" for i in (0, 2, 3, 10)]
    assert {r.speaker for r in records} == {"hs"}
    assert [r.image for r in records] == [
        f"{base}hs/intervals/vid/cut-0.mp4",
        f"{base}hs/intervals/vid/cut-2.mp4",
        f"{base}hs/preprocessed/vid/cut-3",
        f"{base}hs/intervals/vid/cut-10.mp4",
    ]
    assert records[2].audio == f"{base}hs/preprocessed/vid/cut-3/audio.wav"
    assert all(r.audio == r.image for r in records if r is not records[2])
    assert all(r.transcript is None and r.gender is None for r in records)
    assert any("Faces of hs are (in part) from Lip2Wav's own tight boxes" in note for note in corpus.notes)


def test_four_of_the_five_are_read_and_it_is_said_which(tmp_path: Path) -> None:
    corpus = Lip2WavCorpus(tree(tmp_path))
    assert {r.speaker for r in corpus.records()} == {"eh", "chem", "chess", "dl"}
    assert any(n.startswith("Read: chem, chess, dl, eh; left out: hs. XFaVoT has four") for n in corpus.notes)
    assert {r.speaker for r in Lip2WavCorpus(tmp_path, speakers=1).records()} == {"eh"}
    assert {r.speaker for r in Lip2WavCorpus(tmp_path, speakers=9).records()} == set(FIVE)
    named = Lip2WavCorpus(tmp_path, speakers=["hs", "eh", "hs"])
    assert {r.speaker for r in named.records()} == {"eh", "hs"}
    assert not any("XFaVoT has four" in note for note in named.notes)
    touch(tmp_path, "guest10/intervals/v/cut-0.mp4", "guest9/intervals/v/cut-0.mp4")
    assert {r.speaker for r in Lip2WavCorpus(tmp_path, speakers=6).records()} == {*FIVE, "guest9"}


def test_nobody_is_held_out_unless_asked_and_a_tenth_is_seen(tmp_path: Path) -> None:
    tree(tmp_path, pieces=40)
    splits = Counter((r.speaker, r.split) for r in Lip2WavCorpus(tmp_path).records())
    assert splits == {(v, s): n for v in ("chem", "chess", "dl", "eh") for s, n in (("train", 36), ("seen", 4))}
    records = Lip2WavCorpus(tmp_path, held_out=["dl"]).records()
    assert {r.speaker for r in records if r.split == "unseen"} == {"dl"}


def test_genders_are_told_by_the_user(tmp_path: Path) -> None:
    (tree(tmp_path / "set") / "speakers.csv").write_text("speaker,gender\nchem,M\n")
    corpus = Lip2WavCorpus(tmp_path / "set", speakers=["chem", "dl"])
    assert {r.speaker: r.gender for r in corpus.records()} == {"chem": 1, "dl": None}
    assert any("Gender not known of dl, who" in note for note in corpus.notes)
    (tmp_path / "mine.csv").write_text("speaker,gender\ndl,F\nchem,M\n")
    corpus = Lip2WavCorpus(tmp_path / "set", speakers=["chem", "dl"], genders=str(tmp_path / "mine.csv"))
    assert {r.speaker: r.gender for r in corpus.records()} == {"chem": 1, "dl": 0}
    assert not any("Gender" in note for note in corpus.notes)


def test_videos_that_vanished_are_counted(tmp_path: Path) -> None:
    tree(tmp_path, ("chem", "dl"))
    (tmp_path / "chem" / "train.txt").write_text("-vid_chem\nlost1\n")
    (tmp_path / "chem" / "test.txt").write_text("lost2\nlost1")  # no line end at the end, as some lists
    (tmp_path / "dl" / "val.txt").write_text("-vid_dl")
    corpus = Lip2WavCorpus(tmp_path)
    corpus.records()
    assert [n for n in corpus.notes if "listed" in n] == ["chem: 2 of 3 listed videos are not there: lost1, lost2."]


def test_errors_say_what_was_got(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"There is no folder .*nowhere"):
        Lip2WavCorpus(tmp_path / "nowhere").records()
    touch(tmp_path, "chem/videos/vid.mp4", "chem/train.txt")
    with pytest.raises(
        BenchmarkError, match=r"holds no pieces of Lip2Wav: expected chem/intervals.*download_speaker\.sh"
    ):
        Lip2WavCorpus(tmp_path).records()
    tree(tmp_path, ("chem", "dl"))
    with pytest.raises(BenchmarkError, match=r"lacks pieces of eh, hs; it has those of chem, dl"):
        Lip2WavCorpus(tmp_path, speakers=["chem", "eh", "hs"]).records()
    with pytest.raises(BenchmarkError, match="nobody is asked for"):
        Lip2WavCorpus(tmp_path, speakers=[]).records()
    for options in ({"speakers": 0}, {"frames_per_clip": 0}):
        with pytest.raises(BenchmarkError, match="speakers and frames_per_clip are at least 1"):
            Lip2WavCorpus(tmp_path, **options)
    with pytest.raises(BenchmarkError, match="There is no table of genders"):
        Lip2WavCorpus(tmp_path, genders="who.csv").records()


def test_one_speaker_alone_is_told_and_cannot_be_held_out(tmp_path: Path) -> None:
    corpus = Lip2WavCorpus(tree(tmp_path, ("chem",)))
    assert len(corpus.records()) == 4
    assert "One speaker alone, chem: trials need another, of another corpus." in corpus.notes
    with pytest.raises(BenchmarkError, match=r"Cannot hold out 1 .*got 1 speaker"):
        Lip2WavCorpus(tmp_path, held_out=1).records()


def test_the_fingerprint_sees_options_files_and_genders_but_not_the_place(tmp_path: Path) -> None:
    a, b = tree(tmp_path / "a"), tmp_path / "b"
    shutil.copytree(a, b)
    prints = [Lip2WavCorpus(a).fingerprint()]
    assert Lip2WavCorpus(b).fingerprint() == prints[0]
    for options in ({"seed": 1}, {"held_out": 1}, {"frames_per_clip": 2}, {"speakers": 1}, {"speakers": ["hs"]}):
        prints.append(Lip2WavCorpus(a, **options).fingerprint())  # type: ignore[arg-type]
    (a / "speakers.csv").write_text("speaker,gender\nchem,M\n")
    prints.append(Lip2WavCorpus(a).fingerprint())
    touch(a, "chem/preprocessed/other/cut-0/audio.wav")
    prints.append(Lip2WavCorpus(a).fingerprint())
    assert all(prints.count(p) == 1 for p in prints)


def test_the_part_that_shows_the_speaker() -> None:
    pictures = np.arange(2 * 720 * 1280 * 3, dtype=np.int64).reshape(2, 720, 1280, 3)
    for name in ("dl", "eh"):
        assert np.array_equal(speaker_region(pictures, name), pictures[:, 540:, 960:])
    assert np.array_equal(speaker_region(pictures, "chess"), pictures[:, 270:460, 770:1130])
    assert speaker_region(pictures[:, ::2, ::2], "chess").shape == (2, 95, 180, 3)
    for name in ("chem", "hs", "guest"):
        assert np.array_equal(speaker_region(pictures, name), pictures)


@pytest.mark.usefixtures("face_in_the_middle")
def test_pieces_are_decoded_and_bad_ones_are_named(tmp_path: Path, write_mp4: Callable[..., None]) -> None:
    root = tmp_path / "lip2wav"
    picture = np.full((240, 320, 3), 40, np.uint8)
    picture[180:, 240:] = 200
    for speaker, tone in (("chem", 200), ("dl", 300)):
        write_mp4(root / speaker / "intervals/v/cut-0.mp4", picture, tone=tone)
    data = (root / "dl/intervals/v/cut-0.mp4").read_bytes()
    (root / "dl/intervals/v/cut-1.mp4").write_bytes(data[: len(data) // 2])
    write_mp4(root / "dl/intervals/v/cut-2.mp4", picture, tone=None)
    for cut, shades in (("cut-3", (10, 110, 120)), ("cut-4", ())):
        folder = root / "dl/preprocessed/v" / cut
        folder.mkdir(parents=True)
        soundfile.write(folder / "audio.wav", 0.3 * np.sin(np.arange(16000) * 2 * np.pi * 400 / 16000), 16000)
        for i, shade in enumerate(shades):
            Image.fromarray(np.full((60 + i, 50, 3), shade, np.uint8)).save(folder / f"{8 + i}.jpg")
    (root / "dl/preprocessed/v/cut-5").mkdir()
    shutil.copy(root / "dl/preprocessed/v/cut-3/audio.wav", root / "dl/preprocessed/v/cut-5/audio.wav")
    (root / "dl/preprocessed/v/cut-5/0.jpg").write_bytes(b"no picture")
    corpus = pickle.loads(pickle.dumps(Lip2WavCorpus(root, frames_per_clip=3)))
    store = prepare(corpus, jobs=1, cache=tmp_path / "cache", progress=False)
    assert [r.id for r in store.records] == ["chem_v_cut-0", "dl_v_cut-0", "dl_v_cut-3"]
    for i, (tone, shades) in enumerate(((200, (40, 40, 40)), (300, (200, 200, 200)), (400, (10, 110, 120)))):
        wave, faces = store.rows(WAVE24K, i), store.rows(FACE128, i)
        assert np.abs(np.fft.rfft(wave[2000:14000])).argmax() == tone // 2
        assert faces.shape == (3, 128, 128, 3)
        assert faces[:, 40:88, 40:88].mean(axis=(1, 2, 3)) == pytest.approx(shades, abs=6)
    reasons = {s["id"]: s["reason"] for s in store.meta["skipped"]}
    assert set(reasons) == {"dl_v_cut-1", "dl_v_cut-2", "dl_v_cut-4", "dl_v_cut-5"}
    assert "cut-1.mp4: not a readable clip" in reasons["dl_v_cut-1"]
    assert "cut-2.mp4: the clip is mute" in reasons["dl_v_cut-2"]
    assert "cut-4: no face found in any of 0 pictures" in reasons["dl_v_cut-4"]
    assert "0.jpg: not a readable picture" in reasons["dl_v_cut-5"]
    assert store.meta["notes"] == corpus.notes


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data/voxceleb2")
def test_real_faces_in_a_corner_and_in_boxes(tmp_path: Path, write_mp4: Callable[..., None]) -> None:
    """No clip of Lip2Wav is at hand: a real face stands in the corner of a picture, as dl and eh do, and in a box."""
    source = SHARED / "test/mp4/id06209/unknown_vid/00105.mp4"
    face = read_clip(source, 1).frames[0]
    picture = np.full((896, 896, 3), 128, np.uint8)
    picture[:224, :224] = face[:, ::-1]  # somebody on a slide
    picture[672:, 672:] = face
    write_mp4(tmp_path / "set/eh/intervals/v/cut-0.mp4", picture, seconds=0.4)
    box = tmp_path / "set/eh/preprocessed/v/cut-1"
    box.mkdir(parents=True)
    soundfile.write(box / "audio.wav", np.zeros(16000), 16000)
    landmarks = find_landmarks(face)
    assert landmarks is not None
    down = np.hypot(*(landmarks[3:].mean(axis=0) - landmarks[:2].mean(axis=0)))
    x, y = landmarks.mean(axis=0)
    left, right, top, bottom = x - 1.05 * down, x + 1.05 * down, y - 1.5 * down, y + 1.3 * down  # the face, little else
    tight = face[max(int(top), 0) : int(bottom), max(int(left), 0) : int(right)]
    Image.fromarray(tight).save(box / "0.jpg", quality=95)
    Image.fromarray(np.full((80, 80, 3), 90, np.uint8)).save(box / "1.jpg")  # shows nobody, and is dropped
    (tmp_path / "set/hs/intervals/v").mkdir(parents=True)
    (tmp_path / "set/hs/intervals/v/cut-0.mp4").symlink_to(source)
    store = prepare(Lip2WavCorpus(tmp_path / "set", frames_per_clip=2), 1, tmp_path / "cache", progress=False)
    assert [r.id for r in store.records] == ["eh_v_cut-0", "eh_v_cut-1", "hs_v_cut-0"]
    corner, boxed, whole = (store.rows(FACE128, i).astype(float) for i in range(3))
    assert (len(corner), len(boxed), len(whole)) == (2, 1, 2)
    (alone,) = align_faces(face[None]).astype(float)
    middle = (slice(32, 96), slice(32, 96))
    for other in (boxed[0], corner[0], corner[1]):
        straight, mirrored = (np.abs(other[middle] - a[middle]).mean() for a in (alone, alone[:, ::-1]))
        assert straight < 0.5 * mirrored
