"""LRS3: which videos are read and from which set, where sound and text lie, and what damaged clips lead to."""

from __future__ import annotations

import pickle
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from benchmark.corpora.lrs3 import Lrs3Corpus, most_recorded, read_transcript
from benchmark.corpora.prepare import prepare
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.audio import WAVE24K
from benchmark.media.image import FACE128

SHARED = Path(__file__).parents[4] / "shared" / "data"
TEXT = """Text:  SO {WHAT} DON'T   WE\r
Conf:  4\r
Ref:  aaa\r
\r
FRAME \tX \tY \tW \tH \r
000190 \t0.392 \t0.203 \t0.179 \t0.319\r
\r
WORD START END ASDSCORE\r
SO 0.00 0.25 4.6\r
WHAT 0.25 0.40 3.1\r
"""
GREY = np.full((224, 224, 3), 90, np.uint8)


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def tree(root: Path, counts: dict[str, int], set_: str = "trainval") -> Path:
    return touch(root, *(f"{set_}/{video}/{i:05d}.mp4" for video, count in counts.items() for i in range(count)))


def genders(root: Path, women: str = "", men: str = "", name: str = "speakers.csv") -> None:
    rows = [*(f"{v},F" for v in women.split()), *(f"{v},M" for v in men.split())]
    (root / name).write_text("\n".join(["speaker,gender", *rows, ""]))


def test_transcripts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.encode())
    assert read_transcript(tmp_path / "a.txt") == "SO WHAT DON'T WE"
    for text in ("", "Text:\nConf: 1\n", "WORD START END ASDSCORE\nSO 0 1 2\n", "\xff\x00"):
        (tmp_path / "b.txt").write_text(text)
        assert read_transcript(tmp_path / "b.txt") is None
    assert read_transcript(tmp_path / "c.txt") is None


@pytest.mark.parametrize("base", ["", "video/"])
def test_sets_texts_and_speakers(tmp_path: Path, base: str) -> None:
    touch(tmp_path, f"{base}trainval/-aB_1/50001.mp4", f"{base}test/ccc/00001.mp4", f"{base}pretrain/ddd/00001.mp4")
    touch(tmp_path, f"{base}trainval/-aB_1/._50001.mp4", f"{base}trainval/-aB_1/x.avi", f"{base}other/eee/1.mp4")
    (tmp_path / f"{base}trainval/-aB_1/50001.txt").write_bytes(TEXT.encode())
    corpus = Lrs3Corpus(tmp_path)
    records = corpus.records()
    assert [(r.id, r.speaker, r.image) for r in records] == [
        ("-aB_1_50001", "-aB_1", f"{base}trainval/-aB_1/50001.mp4"),
        ("ccc_00001", "ccc", f"{base}test/ccc/00001.mp4"),
        ("ddd_00001", "ddd", f"{base}pretrain/ddd/00001.mp4"),
    ]
    assert [r.transcript for r in records] == ["SO WHAT DON'T WE", None, None]
    assert all(r.audio == r.image and r.gender is None for r in records)
    assert "No text of ccc_00001, ddd_00001." in corpus.notes
    assert any("Gender not known of -aB_1, ccc, ddd" in note and "speakers.csv" in note for note in corpus.notes)


def test_a_video_of_two_sets_is_read_from_one_of_them(tmp_path: Path) -> None:
    tree(tmp_path, {"aaa": 3, "bbb": 2})
    tree(tmp_path, {"aaa": 9, "ccc": 1}, "pretrain")
    corpus = Lrs3Corpus(tmp_path)
    places = Counter((r.speaker, str(r.image).split("/")[0]) for r in corpus.records())
    assert places == {("aaa", "trainval"): 3, ("bbb", "trainval"): 2, ("ccc", "pretrain"): 1}
    assert "In several sets, which overlap in content, and read from one: aaa." in corpus.notes


@pytest.mark.parametrize(
    "place", ["trainval/aaa/00000.wav", "wav/trainval/aaa/00000.wav", "audio/trainval/aaa/00000.wav"]
)
def test_sound_that_was_taken_out_is_found(tmp_path: Path, place: str) -> None:
    touch(tree(tmp_path, {"aaa": 2}), place)
    before, after = Lrs3Corpus(tmp_path).records()
    assert (before.audio, before.image) == (place, "trainval/aaa/00000.mp4")
    assert after.audio == after.image == "trainval/aaa/00001.mp4"


def test_the_videos_with_the_most_recordings_are_taken_and_genders_take_turns() -> None:
    sizes = {"a": 1, "b": 5, "c": 5, "d": 9, "e": 7, "f": 2}
    assert most_recorded(sizes, {}, 3) == ["d", "e", "b"]
    told = {"a": 0, "b": 1, "c": 1, "f": 1, "elsewhere": 0}
    assert most_recorded(sizes, told, 9) == ["a", "b", "c", "f", "d", "e"]
    assert most_recorded(sizes, {"d": 0, "e": 0, "b": 1, "f": 1}, 4) == ["d", "b", "e", "f"]


def test_videos_are_chosen_by_number_or_by_name(tmp_path: Path) -> None:
    tree(tmp_path, {f"v{i:02d}": 1 + i % 7 for i in range(20)})
    sizes = Counter(r.speaker for r in Lrs3Corpus(tmp_path).records())
    assert len(sizes) == 16
    assert min(sizes.values()) == 2  # the three videos of one recording, and one of the three of two, stay out
    assert {r.speaker for r in Lrs3Corpus(tmp_path, videos=["v00", "v07", "v00"]).records()} == {"v00", "v07"}
    assert {r.speaker for r in Lrs3Corpus(tmp_path, videos="v14").records()} == {"v14"}
    genders(tmp_path, women="v00 v07", men="v14")
    corpus = Lrs3Corpus(tmp_path, videos=3)
    assert {r.speaker: r.gender for r in corpus.records()} == {"v00": 0, "v07": 0, "v14": 1}
    assert any("3 of 20 videos are read" in note and "are not named" in note for note in corpus.notes)
    corpus = Lrs3Corpus(tmp_path, videos=100)
    assert len({r.speaker for r in corpus.records()}) == 20
    assert any("20 of 20 videos" in note for note in corpus.notes)


def test_nobody_is_held_out_unless_asked_and_a_tenth_is_seen(tmp_path: Path) -> None:
    tree(tmp_path, {"aaa": 40, "bbb": 40, "ccc": 40, "ddd": 40})
    splits = Counter((r.speaker, r.split) for r in Lrs3Corpus(tmp_path).records())
    assert splits == {(v, s): n for v in ("aaa", "bbb", "ccc", "ddd") for s, n in (("train", 36), ("seen", 4))}
    genders(tmp_path, women="aaa bbb", men="ccc ddd")
    records = Lrs3Corpus(tmp_path, held_out=2).records()
    unseen = {r.speaker: r.gender for r in records if r.split == "unseen"}
    assert sorted(unseen.values()) == [0, 1]  # type: ignore[type-var]
    assert {r.speaker for r in Lrs3Corpus(tmp_path, held_out=["ddd"]).records() if r.split == "unseen"} == {"ddd"}


def test_errors_say_what_was_got(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"There is no folder .*nowhere"):
        Lrs3Corpus(tmp_path / "nowhere").records()
    with pytest.raises(BenchmarkError, match=r"holds no clips of LRS3: expected trainval/<YouTube id>/NNNNN\.mp4"):
        Lrs3Corpus(tmp_path).records()
    (tmp_path / "trainval" / "empty").mkdir(parents=True)
    with pytest.raises(BenchmarkError, match="holds no clips of LRS3"):
        Lrs3Corpus(tmp_path).records()
    tree(tmp_path, {"aaa": 2})
    with pytest.raises(BenchmarkError, match=r"holds no clips of LRS3.*Name the folder that holds these sets"):
        Lrs3Corpus(tmp_path / "trainval").records()
    with pytest.raises(BenchmarkError, match=r"lacks the videos bbb, ccc; it holds 1: aaa"):
        Lrs3Corpus(tmp_path, videos=["aaa", "bbb", "ccc"]).records()
    with pytest.raises(BenchmarkError, match="none is asked for"):
        Lrs3Corpus(tmp_path, videos=[]).records()
    for options in ({"videos": 0}, {"frames_per_clip": 0}):
        with pytest.raises(BenchmarkError, match="videos and frames_per_clip are at least 1"):
            Lrs3Corpus(tmp_path, **options)
    with pytest.raises(BenchmarkError, match="There is no table of genders"):
        Lrs3Corpus(tmp_path, genders="who.csv").records()


def test_one_speaker_alone_is_told_and_cannot_be_held_out(tmp_path: Path) -> None:
    corpus = Lrs3Corpus(tree(tmp_path, {"aaa": 6}))
    assert len(corpus.records()) == 6
    assert "One speaker alone, aaa: trials need another, of another corpus." in corpus.notes
    with pytest.raises(BenchmarkError, match=r"Cannot hold out 1 .*got 1 speaker"):
        Lrs3Corpus(tmp_path, held_out=1).records()


def test_the_fingerprint_sees_options_files_and_genders_but_not_the_place(tmp_path: Path) -> None:
    a, b = tree(tmp_path / "a", {"aaa": 2, "bbb": 3}), tmp_path / "b"
    shutil.copytree(a, b)
    prints = [Lrs3Corpus(a).fingerprint()]
    assert Lrs3Corpus(b).fingerprint() == prints[0]
    for options in ({"seed": 1}, {"held_out": 1}, {"frames_per_clip": 2}, {"videos": 1}, {"videos": ["aaa"]}):
        prints.append(Lrs3Corpus(a, **options).fingerprint())  # type: ignore[arg-type]
    genders(a, women="aaa")
    prints.append(Lrs3Corpus(a).fingerprint())
    (a / "trainval/aaa/00000.txt").write_bytes(TEXT.encode())
    prints.append(Lrs3Corpus(a).fingerprint())
    touch(a, "wav/trainval/aaa/00000.wav")
    prints.append(Lrs3Corpus(a).fingerprint())
    assert all(prints.count(p) == 1 for p in prints)


@pytest.mark.usefixtures("face_in_the_middle")
def test_clips_are_decoded_and_bad_ones_are_named(tmp_path: Path, write_mp4: Callable[..., None]) -> None:
    root = tmp_path / "lrs3"
    write_mp4(root / "trainval/aaa/00001.mp4", GREY, seconds=1.0, tone=200)
    write_mp4(root / "trainval/aaa/00002.mp4", GREY, tone=None)
    soundfile.write(root / "trainval/aaa/00002.wav", 0.3 * np.sin(np.arange(16000) * 2 * np.pi * 300 / 16000), 16000)
    write_mp4(root / "trainval/bbb/00001.mp4", GREY, tone=None)
    write_mp4(root / "trainval/bbb/00002.mp4", GREY, seconds=0.08)
    write_mp4(root / "trainval/bbb/00003.mp4", GREY[:96, :96])
    data = (root / "trainval/aaa/00001.mp4").read_bytes()
    (root / "trainval/bbb/00004.mp4").write_bytes(data[: len(data) // 2])
    (root / "trainval/bbb/00005.mp4").write_bytes(b"")
    corpus = pickle.loads(pickle.dumps(Lrs3Corpus(root, frames_per_clip=2)))
    store = prepare(corpus, jobs=1, cache=tmp_path / "cache", progress=False)
    assert [r.id for r in store.records] == ["aaa_00001", "aaa_00002"]
    for i, tone in enumerate((200, 300)):
        wave = store.rows(WAVE24K, i)
        assert len(wave) == pytest.approx(24000, abs=3000)  # AAC pads to whole frames
        assert np.abs(np.fft.rfft(wave[2000:14000])).argmax() == tone // 2
        assert store.rows(FACE128, i).shape == (2, 128, 128, 3)
        assert abs(store.rows(FACE128, i).astype(float) - 90).max() < 6
    reasons = {s["id"]: s["reason"] for s in store.meta["skipped"]}
    assert set(reasons) == {f"bbb_{i:05d}" for i in range(1, 6)}
    told = (
        "the clip is mute",
        "s of sound; at least",
        "96x96 where LRS3 has 224x224",
        "not a readable clip",
        "is empty",
    )
    for (_, reason), why in zip(sorted(reasons.items()), told, strict=True):
        assert why in reason
        assert ".mp4" in reason
    assert store.meta["notes"] == corpus.notes


def test_a_clip_without_a_face_names_itself(
    tmp_path: Path, write_mp4: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mp4(tmp_path / "trainval/aaa/00001.mp4", GREY)
    monkeypatch.setattr("benchmark.media.align.find_landmarks", lambda image: None)
    corpus = Lrs3Corpus(tmp_path)
    with pytest.raises(UnreadableMedia, match=r"00001\.mp4: no face found in any of 4 pictures"):
        corpus.load(corpus.records()[0])
    with pytest.raises(BenchmarkError, match=r"None of the 1 records of lrs3 can be read.*aaa_00001"):
        prepare(corpus, jobs=1, cache=tmp_path / "cache", progress=False)


@pytest.mark.real
@pytest.mark.skipif(not (SHARED / "lrs3_l2su").is_dir(), reason="no ../shared/data/lrs3_l2su")
def test_real_mouth_crops_are_listed_with_their_sound_and_refused(tmp_path: Path) -> None:
    corpus = Lrs3Corpus(SHARED / "lrs3_l2su")
    records = corpus.records()
    assert Counter(r.speaker for r in records) == {"UmvOgW6iV2s": 4, "jobYTQTgeUE": 3, "aYBJayS6mTY": 2}
    for record in records:
        assert str(record.audio).startswith("audio/")
        with av.open(str(corpus.root / str(record.image))) as clip:
            seconds = clip.streams.video[0].frames / 25
        assert soundfile.info(corpus.root / str(record.audio)).duration == pytest.approx(seconds, abs=0.1)
    with pytest.raises(BenchmarkError, match=r"None of the 9 records .* Crops of the mouth"):
        prepare(corpus, jobs=1, cache=tmp_path, progress=False)


@pytest.mark.real
@pytest.mark.skipif(not (SHARED / "voxceleb2").is_dir(), reason="no ../shared/data/voxceleb2")
def test_real_clips_of_the_same_make(tmp_path: Path) -> None:
    """No clip of LRS3 with a whole face is at hand; VoxCeleb2's are of the same size, rates and codecs."""
    for video, source in (("aaa", "id05176/unknown_vid/00055"), ("bbb", "id06209/unknown_vid/00105")):
        (tmp_path / "lrs3/trainval" / video).mkdir(parents=True)
        (tmp_path / f"lrs3/trainval/{video}/50001.mp4").symlink_to(SHARED / f"voxceleb2/test/mp4/{source}.mp4")
    (tmp_path / "lrs3/trainval/aaa/50001.txt").write_bytes(TEXT.encode())
    corpus = Lrs3Corpus(tmp_path / "lrs3", frames_per_clip=2)
    store = prepare(corpus, jobs=1, cache=tmp_path / "cache", progress=False)
    assert [(r.id, r.transcript) for r in store.records] == [("aaa_50001", "SO WHAT DON'T WE"), ("bbb_50001", None)]
    for i, frames in enumerate((112, 108)):
        wave, faces = store.rows(WAVE24K, i), store.rows(FACE128, i)
        assert len(wave) / 24000 == pytest.approx(frames / 25, abs=0.1)
        assert np.abs(wave).max() > 3000
        assert faces.shape == (2, 128, 128, 3)
        assert faces.std() > 20
