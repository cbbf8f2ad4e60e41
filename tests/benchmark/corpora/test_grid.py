import pickle
import shutil
import string
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmark.corpora.grid import GridCorpus, read_align, sentence
from benchmark.corpora.prepare import derive, prepare
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.audio import WAVE24K
from benchmark.media.catalogue import feature
from benchmark.media.image import FACE128

REAL = Path(__file__).parents[4] / "shared" / "data" / "grid"
real = pytest.mark.skipif(not REAL.is_dir(), reason="no ../shared/data/grid")
CODES = ("bbaf2n", "lgwz1a", "priz8p", "swbazs")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_sentences_of_file_names():
    assert sentence("bbaf2n") == "bin blue at f two now"
    assert sentence("pwij3p") == "place white in j three please"
    assert sentence("sgwzzs") == "set green with z zero soon"
    names = ["".join(c) for c in product("blps", "bgrw", "abiw", "kz", string.digits[1:] + "z", "anps")]
    assert len({sentence(n) for n in names}) == len(names) == 4 * 4 * 4 * 2 * 10 * 4
    for odd in ("", "bbaf2", "bbaf2nn", "xbaf2n", "bbaf0n", "bba-2n", "BBAF2N"):
        assert sentence(odd) is None


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_alignments(tmp_path, end):
    lines = ["0 23750 sil", "23750 29500 bin", "29500 34000 blue", "34000 35500 sp", "35500 41000 at", ""]
    (tmp_path / "a.align").write_bytes(end.join(lines).encode())
    assert read_align(tmp_path / "a.align") == "bin blue at"
    (tmp_path / "b.align").write_bytes(b"\x00\xff\xfe" + end.encode())
    assert read_align(tmp_path / "b.align") is None


@pytest.mark.parametrize("layout", ["{}/{}.mpg", "{}/video/{}.mpg", "{}/video/mpg_6000/{}.mpg"])
def test_layouts(tmp_path, layout):
    touch(tmp_path, *(layout.format(s, c) for s, c in product(["s10", "s2", "s1"], CODES)))
    touch(tmp_path, "alignments/s1/bbaf2n.align", "s1/._bbaf2n.mpg", "audio_25k/s1/bbaf2n.wav", "readme.txt")
    records = GridCorpus(tmp_path).records()
    assert [r.id for r in records] == [f"{s}_{c}" for s, c in product(["s1", "s2", "s10"], sorted(CODES))]
    assert all(r.audio == r.image == layout.format(r.speaker, r.id.split("_")[1]) for r in records)
    assert all((tmp_path / str(r.image)).is_file() for r in records)


def test_the_better_picture_quality_is_taken(tmp_path):
    touch(tmp_path, "s1/video/bbaf2n.mpg", "s1/video/mpg_6000/bbaf2n.mpg", "s2/video/bbaf2n.mpg")
    assert [r.image for r in GridCorpus(tmp_path).records()] == ["s1/video/mpg_6000/bbaf2n.mpg", "s2/video/bbaf2n.mpg"]


@pytest.mark.parametrize("folder", ["alignments/s1", "s1/align"])
def test_the_alignment_wins_and_says_so(tmp_path, folder):
    touch(tmp_path, "s1/bbaf2n.mpg", "s1/lgwz1a.mpg", "s2/bbaf2n.mpg")
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "bbaf2n.align").write_bytes(b"0 9 sil\r\n9 10 bin\r\n10 11 red\r\n")
    (tmp_path / folder / "lgwz1a.align").write_bytes(b"")
    corpus = GridCorpus(tmp_path, held_out=0)
    assert [r.transcript for r in corpus.records()] == [
        "bin red",
        "lay green with z one again",
        "bin blue at f two now",
    ]
    assert len(corpus.notes) == 1
    assert 's1/bbaf2n: its .align says "bin red"' in corpus.notes[0]


def test_names_that_are_no_code_have_no_transcript_but_count(tmp_path):
    touch(tmp_path, "s1/take one.mpg", "s2/bbaf2n.mpg")
    records = GridCorpus(tmp_path).records()
    assert [(r.id, r.transcript) for r in records] == [
        ("s1_take_one", None),
        ("s2_bbaf2n", "bin blue at f two now"),
    ]


def test_genders_are_known_and_a_table_overrides_them(tmp_path):
    touch(tmp_path, *(f"s{i}/bbaf2n.mpg" for i in range(1, 35)), "sx/bbaf2n.mpg")
    corpus = GridCorpus(tmp_path)
    genders = {r.speaker: r.gender for r in corpus.records()}
    assert Counter(genders.values()) == {1: 18, 0: 16, None: 1}
    assert (genders["s1"], genders["s2"], genders["s31"]) == (1, 1, 0)
    assert any("sx" in n and "speakers.csv" in n for n in corpus.notes)
    before = corpus.fingerprint()
    (tmp_path / "speakers.csv").write_text("speaker,gender\nsx,F\ns1,f\n")
    corpus = GridCorpus(tmp_path)
    genders = {r.speaker: r.gender for r in corpus.records()}
    assert (genders["sx"], genders["s1"], genders["s2"]) == (0, 0, 1)
    assert corpus.fingerprint() != before
    (tmp_path / "speakers.csv").write_text("speaker,gender\nsx,?\n")
    with pytest.raises(BenchmarkError, match="expected columns speaker and gender"):
        GridCorpus(tmp_path).records()


def test_four_speakers_of_both_genders_are_held_out(tmp_path):
    touch(tmp_path, *(f"s{i}/{c}.mpg" for i in range(1, 35) for c in CODES))
    records = GridCorpus(tmp_path).records()
    unseen = {r.speaker: r.gender for r in records if r.split == "unseen"}
    assert sorted(unseen.values()) == [0, 0, 1, 1]
    other = {r.speaker for r in GridCorpus(tmp_path, seed=1).records() if r.split == "unseen"}
    assert other != set(unseen)


def test_the_fingerprint_sees_options_files_and_sizes_but_not_the_place(tmp_path):
    touch(tmp_path / "a", "s1/bbaf2n.mpg", "s2/bbaf2n.mpg")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    prints = [GridCorpus(tmp_path / "a").fingerprint()]
    assert GridCorpus(tmp_path / "b").fingerprint() == prints[0]
    for options in ({"seed": 1}, {"held_out": 1}, {"held_out": ["s1"]}, {"held_out": 0.5}, {"frames_per_clip": 2}):
        prints.append(GridCorpus(tmp_path / "a", **options).fingerprint())
    touch(tmp_path / "a", "alignments/s1/bbaf2n.align")
    prints.append(GridCorpus(tmp_path / "a").fingerprint())
    (tmp_path / "b/s1/bbaf2n.mpg").write_bytes(b"longer")
    prints.append(GridCorpus(tmp_path / "b").fingerprint())
    assert all(prints.count(p) == 1 for p in prints)


def test_errors_say_what_was_got(tmp_path):
    with pytest.raises(BenchmarkError, match=r"There is no folder .*nowhere"):
        GridCorpus(tmp_path / "nowhere").records()
    with pytest.raises(BenchmarkError, match=r"holds no GRID clips: expected s1/\*\.mpg"):
        GridCorpus(tmp_path).records()
    touch(tmp_path, "s1/bbaf2n.mpg", "s1/lgwz1a.mpg")
    with pytest.raises(BenchmarkError, match=r"Cannot hold out 4.*got 1 speaker"):
        GridCorpus(tmp_path).records()
    with pytest.raises(BenchmarkError, match="frames_per_clip is at least 1"):
        GridCorpus(tmp_path, frames_per_clip=0)
    for wrong in ("nowhere", "."):
        with pytest.raises(BenchmarkError):
            prepare(GridCorpus(tmp_path / wrong), jobs=1, cache=tmp_path / "cache", progress=False)
    assert not (tmp_path / "cache").exists()


def test_a_folder_of_broken_clips_is_an_error(tmp_path):
    touch(tmp_path, "s1/bbaf2n.mpg", "s2/bbaf2n.mpg")
    with pytest.raises(BenchmarkError, match=r"None of the 2 records of grid can be read.*s1_bbaf2n: .*bbaf2n\.mpg"):
        prepare(GridCorpus(tmp_path), jobs=1, cache=tmp_path / "cache", progress=False)


def test_a_reader_pickles_after_use(tmp_path):
    corpus = GridCorpus(touch(tmp_path, "s1/bbaf2n.mpg", "s2/bbaf2n.mpg"))
    corpus.records()
    assert pickle.loads(pickle.dumps(corpus)).fingerprint() == corpus.fingerprint()


@pytest.mark.real
@real
def test_real_clips_end_to_end_with_corrupt_ones_among_them(tmp_path, caplog):
    for source in ("s1/bbaf2n", "s1/bragzp", "s31/bgiq6p", "s31/bgix8n"):
        (tmp_path / "grid" / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REAL / f"{source}.mpg", tmp_path / "grid" / f"{source}.mpg")
    data = (REAL / "s1/lbaq6p.mpg").read_bytes()
    (tmp_path / "grid/s1/lbaq6p.mpg").write_bytes(data[: len(data) // 4])
    (tmp_path / "grid/s31/lbig7s.mpg").write_bytes(b"")
    corpus = GridCorpus(tmp_path / "grid", frames_per_clip=2)
    store = prepare(corpus, jobs=1, cache=tmp_path / "cache", progress=False)
    assert [r.id for r in store.records] == ["s1_bbaf2n", "s1_bragzp", "s31_bgiq6p", "s31_bgix8n"]
    reasons = {s["id"]: s["reason"] for s in store.meta["skipped"]}
    assert set(reasons) == {"s1_lbaq6p", "s31_lbig7s"}
    assert "lbaq6p.mpg: 0." in reasons["s1_lbaq6p"]
    assert "lbig7s.mpg: the file is empty" in reasons["s31_lbig7s"]
    assert "2 of 6 records" in caplog.text
    assert store.meta["notes"] == corpus.notes
    for i in range(4):
        assert store.rows(FACE128, i).shape == (2, 128, 128, 3)
        wave = store.rows(WAVE24K, i)
        assert len(wave) / 24000 == pytest.approx(3.0, abs=0.05)
        assert np.abs(wave).max() > 5000
    derive(store, feature("mel80"), jobs=1, progress=False)
    assert store.rows(feature("mel80"), 0).shape == (len(store.rows(WAVE24K, 0)) // 300 + 1, 80)


@pytest.mark.real
@real
def test_every_real_alignment_agrees_with_its_file_name():
    corpus = GridCorpus(REAL)
    records = corpus.records()
    assert len(records) == 20
    assert len(corpus.notes) == 1  # about held-out speakers; none about a transcript
    assert "Held-out speakers: 4 wanted, 1 taken of the 3 there are (s2)" in corpus.notes[0]
    assert {r.speaker: r.gender for r in records} == {"s1": 1, "s2": 1, "s31": 0}
    assert all(r.transcript == sentence(r.id.split("_")[1]) for r in records)


@pytest.mark.real
@real
def test_a_real_clip_without_a_face_or_sound_names_itself(tmp_path, monkeypatch):
    corpus = GridCorpus(REAL)
    record = corpus.records()[0]
    monkeypatch.setattr("benchmark.media.align.find_landmarks", lambda image: None)
    with pytest.raises(UnreadableMedia, match=r"bbaf2n\.mpg: no face found in any of 4 pictures"):
        corpus.load(record)
