import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmark.corpora.prepare import derive, prepare
from benchmark.corpora.vctk import VctkCorpus, read_speaker_info
from benchmark.errors import BenchmarkError
from benchmark.media.audio import WAVE24K
from benchmark.media.catalogue import feature

SHARED = Path(__file__).parents[4] / "shared" / "data"
REAL = SHARED / "vctk"
real = pytest.mark.skipif(not REAL.is_dir(), reason="no ../shared/data/vctk")
INFO = "ID  AGE  GENDER  ACCENTS  REGION COMMENTS \n"
ROWS = "p225  23  F    English    Southern  England\np226  22  M    English    Surrey\np280  25  F  French  (no mic2)\n"


def tone(path: Path, seconds: float = 1.0, rate: int = 48000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(np.arange(round(seconds * rate)) * 0.05), rate)


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("Please call Stella.\n" if name.endswith(".txt") else "x")
    return root


def new(speaker: str, number: int, mic: int = 1) -> str:
    return f"wav48_silence_trimmed/{speaker}/{speaker}_{number:03d}_mic{mic}.flac"


def old(speaker: str, number: int) -> str:
    return f"wav48/{speaker}/{speaker}_{number:03d}.wav"


def text(speaker: str, number: int) -> str:
    return f"txt/{speaker}/{speaker}_{number:03d}.txt"


@pytest.mark.parametrize("name", [new, old])
def test_layouts(tmp_path, name):
    touch(tmp_path, *(name(s, n) for s in ("p226", "p225", "s5") for n in (10, 2)), text("p225", 2), "log.txt")
    touch(tmp_path, name("p225", 3).replace("p225_", "._p225_"), name("p225", 4).replace("p225_", "p226_"))
    corpus = VctkCorpus(tmp_path, held_out=0)
    records = corpus.records()
    assert [r.id for r in records] == [f"{s}_{n}" for s in ("p225", "p226", "s5") for n in ("002", "010")]
    assert all((tmp_path / str(r.audio)).is_file() and r.image is None for r in records)
    assert records[0].audio == name("p225", 2)


def test_the_trimmed_release_is_taken_where_both_are(tmp_path):
    touch(tmp_path, new("p225", 1), old("p225", 1), old("p226", 1))
    assert [r.audio for r in VctkCorpus(tmp_path, held_out=0).records()] == [new("p225", 1)]


def test_microphones_and_the_speaker_without_the_chosen_one(tmp_path):
    touch(tmp_path, *(new("p225", n, mic) for n in (1, 2) for mic in (1, 2)), new("p225", 3, 1), new("p280", 1, 1))
    corpus = VctkCorpus(tmp_path, held_out=0, microphone="mic2")
    assert [r.audio for r in corpus.records()] == [new("p225", 1, 2), new("p225", 2, 2), new("p280", 1, 1)]
    assert "No mic2 of p280: the other microphone is read." in corpus.notes
    assert "Left out, because mic2 lacks them: p225_003." in corpus.notes
    first = VctkCorpus(tmp_path, held_out=0)
    assert len(first.records()) == 4
    assert not any("mic" in note for note in first.notes)
    with pytest.raises(BenchmarkError, match="mic1 or mic2, got 'mic3'"):
        VctkCorpus(tmp_path, microphone="mic3")


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("ids", ["p", ""])
def test_speaker_info_of_both_releases(tmp_path, start, end, ids):
    content = start + INFO + ROWS.replace("p2", f"{ids}2") + f"{ids}299\ns5  f  Welsh\n\n{ids}300  F\n"
    (tmp_path / "speaker-info.txt").write_bytes(content.replace("\n", end).encode())
    found = {"p225": 0, "p226": 1, "p280": 0, "s5": 0, "p300": 0}
    assert read_speaker_info(tmp_path / "speaker-info.txt") == found
    assert read_speaker_info(tmp_path / "nothing.txt") == {}


def test_genders_that_nobody_wrote_down_are_noted(tmp_path):
    touch(tmp_path, old("p225", 1), old("p226", 1), old("p999", 1))
    (tmp_path / "speaker-info.txt").write_text(INFO + ROWS)
    corpus = VctkCorpus(tmp_path, held_out=0)
    assert [r.gender for r in corpus.records()] == [0, 1, None]
    assert any(note.startswith("Gender not known of p999, who take no part") for note in corpus.notes)
    before = corpus.fingerprint()
    (tmp_path / "speaker-info.txt").write_text(INFO + ROWS + "p999 20 M\n")
    assert VctkCorpus(tmp_path, held_out=0).fingerprint() != before


def test_texts_are_kept_as_they_are_and_missing_ones_noted(tmp_path):
    touch(tmp_path, *(old(s, n) for s in ("p225", "p315") for n in (1, 2, 3)), text("p225", 1))
    (tmp_path / text("p225", 2)).write_bytes("\ufeff  It's  5 % \u2013 yellow.)\r\n".encode())
    (tmp_path / text("p225", 3)).write_bytes(b" \r\n")
    corpus = VctkCorpus(tmp_path, held_out=0)
    told = {r.id: r.transcript for r in corpus.records()}
    assert told["p225_001"] == "Please call Stella."
    assert told["p225_002"] == "It's 5 % \u2013 yellow.)"
    assert {told[i] for i in ("p225_003", "p315_001", "p315_002", "p315_003")} == {None}
    assert "No texts of p315." in corpus.notes
    assert "No text of p225_003." in corpus.notes


def test_thirty_of_the_full_set_are_held_out_of_both_genders(tmp_path):
    speakers = [f"p{n}" for n in range(225, 335)]
    touch(tmp_path, *(old(s, n) for s in speakers for n in range(1, 5)))
    rows = "".join(f"{s[1:]}  23  {'FM'[i % 2]}  English\n" for i, s in enumerate(speakers))
    (tmp_path / "speaker-info.txt").write_text(INFO + rows)
    corpus = VctkCorpus(tmp_path)
    genders = {r.speaker: r.gender for r in corpus.records() if r.split == "unseen"}
    assert Counter(genders.values()) == {0: 15, 1: 15}
    assert not any("held" in note.lower() for note in corpus.notes)
    named = VctkCorpus(tmp_path, held_out=["p225", "p228"]).records()
    assert {r.speaker for r in named if r.split == "unseen"} == {"p225", "p228"}


def test_the_fingerprint_sees_options_and_files_but_not_the_place(tmp_path):
    touch(tmp_path / "a", new("p225", 1), new("p225", 1, 2), new("p226", 1))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    prints = [VctkCorpus(tmp_path / "a").fingerprint()]
    assert VctkCorpus(tmp_path / "b").fingerprint() == prints[0]
    for options in ({"seed": 1}, {"held_out": 1}, {"microphone": "mic2"}, {"trim": False}):
        prints.append(VctkCorpus(tmp_path / "a", **options).fingerprint())
    touch(tmp_path / "a", text("p225", 1))
    prints.append(VctkCorpus(tmp_path / "a").fingerprint())
    (tmp_path / "b" / new("p226", 1)).write_text("longer")
    prints.append(VctkCorpus(tmp_path / "b").fingerprint())
    assert all(prints.count(p) == 1 for p in prints)


def test_errors_say_what_was_got(tmp_path):
    with pytest.raises(BenchmarkError, match=r"There is no folder .*nowhere"):
        VctkCorpus(tmp_path / "nowhere").records()
    touch(tmp_path, "VCTK-Corpus/wav48/p225/p225_001.wav")
    with pytest.raises(BenchmarkError, match=r"holds no VCTK recordings: expected wav48_silence_trimmed/p225/"):
        VctkCorpus(tmp_path).records()
    with pytest.raises(BenchmarkError, match=r"Cannot hold out 30.*got 1 speaker"):
        VctkCorpus(tmp_path / "VCTK-Corpus").records()


def test_unreadable_recordings_do_not_stop_the_others(tmp_path):
    touch(tmp_path, old("p225", 1), old("p226", 2))
    (tmp_path / old("p225", 2)).write_bytes(b"")
    tone(tmp_path / old("p226", 1))
    tone(tmp_path / old("p226", 3), seconds=0.2)
    tone(tmp_path / old("p226", 4))
    cut = (tmp_path / old("p226", 4)).read_bytes()
    (tmp_path / old("p226", 4)).write_bytes(cut[: len(cut) // 2])
    store = prepare(VctkCorpus(tmp_path, held_out=0), jobs=1, cache=tmp_path / "cache", progress=False)
    assert [r.id for r in store.records] == ["p226_001"]
    reasons = {s["id"]: s["reason"] for s in store.meta["skipped"]}
    assert set(reasons) == {"p225_001", "p225_002", "p226_002", "p226_003", "p226_004"}
    assert "0.20 s of sound" in reasons["p226_003"]
    assert "cut off" in reasons["p226_004"]


def test_a_reader_pickles_after_use(tmp_path):
    corpus = VctkCorpus(touch(tmp_path, new("p225", 1), new("p226", 1)))
    corpus.records()
    assert pickle.loads(pickle.dumps(corpus)).fingerprint() == corpus.fingerprint()


@pytest.mark.real
@real
def test_the_real_sample(tmp_path):
    corpus = VctkCorpus(REAL)
    store = prepare(corpus, jobs=1, cache=tmp_path, progress=False)
    assert len(store.records) == 32
    assert store.meta["skipped"] == []
    assert Counter({r.speaker: r.gender for r in store.records}.values()) == {0: 5, 1: 6}
    assert all(r.transcript for r in store.records)
    assert {r.transcript for r in store.records if r.id.endswith("_001")} == {"Please call Stella."}
    assert next(r.transcript for r in store.records if r.id == "p259_023").endswith(")")
    assert len(store.meta["notes"]) == 1
    assert "Held-out speakers: 30 wanted, 3 taken of the 11" in store.meta["notes"][0]
    several = {r.speaker for r in store.records if r.id.endswith("_006")}
    assert len(several & {r.speaker for r in store.records if r.split == "unseen"}) == 1
    for i, record in enumerate(store.records):
        native = soundfile.info(REAL / str(record.audio)).duration
        seconds = len(store.rows(WAVE24K, i)) / 24000
        # 23 letters a second would be faster than anybody reads.
        assert len(str(record.transcript)) / 23 < seconds < native - 0.1
        assert len(str(record.transcript)) / seconds > 8
    derive(store, feature("mel80"), jobs=1, progress=False)
    assert store.rows(feature("mel80"), 0).shape == (len(store.rows(WAVE24K, 0)) // 300 + 1, 80)


@pytest.mark.real
@real
def test_a_real_tree_of_the_older_release(tmp_path):
    root = tmp_path / "VCTK-Corpus"
    for path in sorted((SHARED / "vctk_other_rates" / "24000_float").glob("*/*.wav")):
        (root / "wav48" / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, root / "wav48" / path.parent.name / path.name)
    shutil.copytree(SHARED / "vctk_other_rates" / "txt", root / "txt")
    (root / "speaker-info.txt").write_text((REAL / "speaker-info.txt").read_text().replace("\np", "\n"))
    corpus = VctkCorpus(root, trim=False)
    store = prepare(corpus, jobs=1, cache=tmp_path / "cache", progress=False)
    assert len(store.records) == 32
    assert Counter({r.speaker: r.gender for r in store.records}.values()) == {0: 3, 1: 1}
    assert all(r.transcript for r in store.records)
    for i, record in enumerate(store.records):
        assert len(store.rows(WAVE24K, i)) == soundfile.info(root / str(record.audio)).frames
