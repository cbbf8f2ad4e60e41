"""Trial lists of pairs: strata, even hands, what a row holds, and what a corpus may lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
import pytest

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from protocols.trial import Trial, trials_sha256
from protocols.trial_list import FaceTrialSettings, PairTrialSettings, TrialList
from protocols.trials import draw_trials

Make = Callable[..., Store]
TASK = "face_from_voice"


def draw(*stores: Store, trials: int = 64, seed: int = 0) -> TrialList:
    return draw_trials(stores, TASK, "voice", PairTrialSettings(trials), seed)


def person(path: str) -> str:
    return PurePosixPath(path).name.split("_")[0]


def record(path: str) -> str:
    return "_".join(PurePosixPath(path).stem.split("_")[:2])


def without(store: Store, modality: str, lacks: Callable[[str], bool]) -> Store:
    """The store, in which the speakers of whom `lacks` is true have no such modality."""
    index = dict(store.index)
    index[modality] = index[modality] & np.array([not lacks(r.speaker) for r in store.records])
    if modality == "face":  # a record has as many pictures as it has rows
        path = store.folder / "face128.offsets.npy"
        counts = np.where(index["face"], np.diff(np.load(path)), 0)
        np.save(path, np.concatenate([[0], counts.cumsum()]))
    np.savez(store.folder / "index.npz", **index)
    return Store(store.folder)


def test_strata_are_halves_and_people_even(speech_store: Make) -> None:
    drawn = draw(speech_store())
    rows = drawn.trials
    assert not drawn.notes
    assert not drawn.remarks
    assert Counter((t.split, t.pairing, t.target_gender) for t in rows) == {
        (split, pairing, gender): 8
        for split in ("seen", "unseen")
        for pairing in ("same", "cross")
        for gender in (0, 1)
    }
    for split in ("seen", "unseen"):
        own = [t for t in rows if t.split == split]
        assert Counter(Counter(t.target_id for t in own).values()) == {4: 8}, "32 rows over 8 people"
        times = Counter(t.source_id for t in own)
        assert len(times) == 8
        assert max(times.values()) - min(times.values()) <= 2


def test_everybody_is_a_target_before_anybody_is_again(speech_store: Make) -> None:
    rows = [t for t in draw(speech_store(), trials=22).trials if t.split == "unseen"]
    assert len(rows) == 11
    assert len({t.target_id for t in rows[:8]}) == 8
    assert len({t.target_id for t in rows[8:]}) == 3


def test_what_a_row_holds(speech_store: Make) -> None:
    drawn = draw(speech_store())
    assert len({(t.source, t.reference) for t in drawn.trials}) == len(drawn.trials)
    assert {t.corpus for t in drawn.trials} == {"made"}
    for t in drawn.trials:
        assert (t.source.endswith(".png"), t.reference.endswith(".flac")) == (True, True)
        assert drawn.pieces[t.source].frame is not None
        assert drawn.pieces[t.reference].frame is None
        assert person(t.source) == t.source_id != t.target_id == person(t.reference) == person(t.other_target_face)
        assert person(t.other_face) not in (t.source_id, t.target_id)
        assert int(person(t.other_face)[1:]) % 2 == t.target_gender == int(t.target_id[1:]) % 2
        assert int(t.source_id[1:]) % 2 == t.source_gender
        for path in (t.source, t.reference, t.other_target_face, t.other_face):
            assert (int(person(path)[1:]) >= 8) == (t.split == "unseen")
            assert "train" not in path
        assert record(t.other_target_face) != record(t.reference), "another record than the one that is heard"
        assert t.draw == t.repeat == 0


def test_one_held_out_record_gives_voice_and_face(speech_store: Make) -> None:
    """pocket_av_many has one held-out recording of a training speaker, with several pictures."""
    rows = [t for t in draw(speech_store(8, 8, (2, 1, 4), frames=3)).trials if t.split == "seen"]
    assert len(rows) == 32
    assert all(record(t.other_target_face) == record(t.reference) for t in rows)


def test_a_list_is_a_function_of_the_seed(speech_store: Make) -> None:
    store = speech_store()
    hashes = [trials_sha256(draw(store, seed=seed).trials) for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


def strata(rows: list[Trial]) -> Counter[tuple[str, str]]:
    return Counter((t.split, t.pairing) for t in rows)


@pytest.mark.parametrize("trials", [2, 3, 7, 30, 61])
def test_any_number_of_trials_is_halved(speech_store: Make, trials: int) -> None:
    rows = draw(speech_store(), trials=trials).trials
    found = strata(rows)
    for split, own in (("seen", trials - trials // 2), ("unseen", trials // 2)):
        assert found[split, "same"] + found[split, "cross"] == own
        assert 0 <= found[split, "same"] - found[split, "cross"] <= 2


# --- what a corpus may lack -------------------------------------------------------------------------------------------


def test_more_trials_than_pairs_are_said(speech_store: Make) -> None:
    drawn = draw(speech_store(4, 4, (1, 1, 1), frames=1), trials=100)
    assert all("4 targets; pictures of 2 women and 2 men" in note for note in drawn.notes)
    assert len(drawn.notes) == 2
    # Every target meets one other person of the own gender and two of the other, with one picture and one recording.
    assert strata(drawn.trials) == {(s, p): n for s in ("seen", "unseen") for p, n in (("same", 4), ("cross", 8))}


def test_one_gender_keeps_its_half(speech_store: Make) -> None:
    drawn = draw(speech_store(genders=(1,)))
    assert strata(drawn.trials) == {("seen", "same"): 16, ("unseen", "same"): 16}
    assert "made: 16 of 32 seen trials (8 targets; pictures of 0 women and 8 men" in drawn.notes[0]


def test_an_absent_split_is_said_and_the_other_is_whole(speech_store: Make) -> None:
    drawn = draw(speech_store(8, 8, (2, 0, 4)))
    assert strata(drawn.trials) == {("unseen", "same"): 16, ("unseen", "cross"): 16}
    assert drawn.remarks == [
        "made: no seen trials, because none of its seen people has both pictures and recordings (0 have pictures, 0 "
        "recordings)."
    ]
    assert not drawn.notes, "a corpus that was never meant to have the split is not partial"


@pytest.mark.parametrize(("modality", "words"), [("audio", "2 have no recording"), ("face", "2 no picture")])
def test_a_speaker_without_faces_or_voices_is_nobodys_target(speech_store: Make, modality: str, words: str) -> None:
    lacking = ("s08", "s09")
    drawn = draw(without(speech_store(), modality, lambda speaker: speaker in lacking))
    rows = [t for t in drawn.trials if t.split == "unseen"]
    assert len(rows) == 32
    assert not {t.target_id for t in rows} & set(lacking)
    assert bool({t.source_id for t in rows} & set(lacking)) == (modality == "audio"), "a silent face may be proposed"
    (remark,) = drawn.remarks
    assert remark.startswith("made: of 8 unseen people")
    assert words in remark
    assert remark.endswith("they are nobody's target.")


def test_without_identity_overlap_there_is_no_trial(speech_store: Make) -> None:
    apart = without(speech_store(), "audio", lambda s: int(s[1:]) % 4 < 2)
    apart = without(apart, "face", lambda s: int(s[1:]) % 4 >= 2)
    with pytest.raises(
        BenchmarkError, match=r"No trial of face_from_voice.*none of its seen people has both.*4 have p"
    ):
        draw(apart)


@pytest.mark.parametrize("frames", [0, 2])
def test_a_corpus_of_one_side_has_no_trial(speech_store: Make, frames: int) -> None:
    store = speech_store(frames=frames)
    if frames:
        store = without(store, "audio", lambda _: True)
    with pytest.raises(BenchmarkError, match="none of its unseen people has both pictures and recordings"):
        draw(store)


def test_unknown_genders_take_no_part(speech_store: Make) -> None:
    drawn = draw(speech_store(16, 16, genders=(0, 1, 0, 1, None)))
    assert any("seen people of unknown gender take no part" in remark for remark in drawn.remarks)
    assert {t.source_gender for t in drawn.trials} | {t.target_gender for t in drawn.trials} == {0, 1}


def test_corpora_are_drawn_each_for_itself(speech_store: Make) -> None:
    one, two = speech_store(name="one"), speech_store(name="two")
    both = draw(one, two)
    assert both.trials == [*draw(one).trials, *draw(two).trials]
    assert {both.pieces[t.source].store for t in both.trials if t.corpus == "two"} == {1}


def test_settings_and_repeats_that_cannot_be_are_refused(speech_store: Make) -> None:
    with pytest.raises(BenchmarkError, match="at least 1"):
        PairTrialSettings(trials=0)
    with pytest.raises(BenchmarkError, match="drawn once"):
        draw_trials([speech_store()], TASK, "voice", PairTrialSettings(4), 0, 2)


# --- sources of faces that meet recordings ----------------------------------------------------------------------------


def guided(store: Store, seed: int = 0, **table: object) -> TrialList:
    table = {"sources": 3, "draws": 4, **table}
    return draw_trials([store], "audio_guided_translation", "voice", FaceTrialSettings(**table), seed)  # type: ignore[arg-type]


def test_a_source_meets_recordings_of_different_people_of_the_other_gender(speech_store: Make) -> None:
    drawn = guided(speech_store(16, 16))
    assert Counter((t.split, t.source_gender, t.target_gender) for t in drawn.trials) == {
        (split, source, 1 - source): 12 for split in ("seen", "unseen") for source in (0, 1)
    }
    assert not drawn.notes
    assert not drawn.remarks
    for i in range(0, len(drawn.trials), 4):
        rows = drawn.trials[i : i + 4]
        assert [t.draw for t in rows] == [0, 1, 2, 3]
        assert len({t.source for t in rows}) == 1
        assert len({t.target_id for t in rows}) == 4
        assert len({t.other_face for t in rows}) == 4
        for t in rows:
            assert t.reference.endswith(".flac")
            assert person(t.reference) == t.target_id == person(t.other_target_face) != person(t.other_face)
            assert t.other_target_face.endswith(".png")
            assert int(t.target_id[1:]) % 2 == int(person(t.other_face)[1:]) % 2 == t.target_gender
            assert (int(t.target_id[1:]) >= 16) == (t.split == "unseen")
            assert "train" not in t.reference


def test_people_come_again_with_another_recording_only_when_all_have_come(speech_store: Make) -> None:
    drawn = guided(speech_store(4, 4, (1, 4, 4)), draws=5)
    for i in range(0, len(drawn.trials), 5):
        rows = drawn.trials[i : i + 5]
        assert len({t.reference for t in rows}) == 5
        assert sorted(Counter(t.target_id for t in rows).values()) == [2, 3]
        assert len({t.target_id for t in rows[:2]}) == 2


def test_fewer_recordings_than_the_draw_is_an_error_with_the_numbers(speech_store: Make) -> None:
    with pytest.raises(BenchmarkError, match=r"4 seen recordings of men; audio_guided_translation draws 5 different"):
        guided(speech_store(8, 8, (1, 1, 1)), draws=5)


def test_a_voice_without_a_face_is_translated_to_and_has_no_ground_truth(speech_store: Make) -> None:
    drawn = guided(without(speech_store(), "face", lambda s: s in ("s08", "s10")))
    rows = [t for t in drawn.trials if t.target_id in ("s08", "s10")]
    assert rows
    assert {t.other_target_face for t in rows} == {""}
    assert all(t.other_face and person(t.other_face) not in ("s08", "s10") for t in rows)
    (remark,) = drawn.remarks
    assert f"in {len(rows)} of 12 unseen trials that are translated to women" in remark
    assert "ground_truth has none to show" in remark


def test_pictures_alone_meet_no_recordings(speech_store: Make) -> None:
    silent = without(speech_store(), "audio", lambda _: True)
    with pytest.raises(BenchmarkError, match="0 seen recordings of women and 0 of men"):
        guided(silent)
