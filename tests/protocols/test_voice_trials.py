"""Trial lists of voices: what the papers count, what the strata promise, and that nobody meets himself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from protocols.trial import COLUMNS, Trial, read_trials, trials_sha256, write_trials
from protocols.trial_list import TrialList, VoiceTrialSettings
from protocols.trials import draw_trials

Make = Callable[..., Store]


def by_speaker(trials: list[Trial], name: str) -> Counter[str]:
    return Counter(getattr(t, name) for t in trials)


@pytest.fixture
def stratified(speech_store: Make) -> TrialList:
    return draw_trials([speech_store()], "image_guided_vc", "face", VoiceTrialSettings("stratified", 64, 2), 0)


def test_strata_are_halves_and_speakers_even(stratified: TrialList) -> None:
    assert not stratified.notes
    assert Counter((t.split, t.pairing) for t in stratified.trials) == {
        (split, pairing): 16 for split in ("seen", "unseen") for pairing in ("same", "cross")
    }
    for split in ("seen", "unseen"):
        rows = [t for t in stratified.trials if t.split == split]
        assert Counter(t.target_gender for t in rows) == {0: 16, 1: 16}
        for role in ("source_id", "target_id"):
            times = by_speaker(rows, role)
            assert len(times) == 8
            assert max(times.values()) - min(times.values()) <= 2


def test_no_one_meets_himself_and_no_pair_recurs(stratified: TrialList) -> None:
    assert all(t.source_id != t.target_id for t in stratified.trials)
    assert len({(t.source, t.reference) for t in stratified.trials}) == len(stratified.trials)


def test_what_metrics_compare_with_is_the_targets_and_new(stratified: TrialList) -> None:
    for trial in stratified.trials:
        voices = [*trial.natural_target_voice, trial.other_target_voice]
        # A speaker has four recordings: one is the reference's own clip, one the ground truth's.
        assert len(trial.natural_target_voice) == 2
        assert len(set(voices)) == 3
        assert all(f"/{trial.target_id}_" in voice for voice in voices)
        clip = trial.reference.rsplit("_", 1)[0]
        assert not any(voice.startswith(f"{clip}.") for voice in voices), "the reference's own sound is no judge of it"


def test_the_other_voice_is_a_third_person_of_the_targets_gender(stratified: TrialList) -> None:
    for trial in stratified.trials:
        other = trial.other_voice.split("/")[-1].split("_")[0]
        assert other not in (trial.source_id, trial.target_id)
        assert int(other[1:]) % 2 == trial.target_gender


def test_held_out_people_stay_apart(stratified: TrialList) -> None:
    for trial in stratified.trials:
        held_out = [int(s[1:]) >= 8 for s in (trial.source_id, trial.target_id)]
        assert held_out == [trial.split == "unseen"] * 2
        assert "train" not in trial.source
        assert "train" not in trial.reference


@pytest.mark.parametrize(
    ("task", "reference", "count"), [("image_guided_vc", "face", 180), ("audio_guided_vc", "voice", 140)]
)
def test_the_papers_counts(speech_store: Make, task: str, reference: str, count: int) -> None:
    store = speech_store(12, 8, (6, 6, 12), frames=2)
    drawn = draw_trials([store], task, reference, VoiceTrialSettings("paper", count, 10), 0)  # type: ignore[arg-type]
    assert len(drawn.trials) == count
    assert not drawn.notes
    assert Counter(t.split for t in drawn.trials) == {"seen": count // 2, "unseen": count // 2}
    if reference == "face":
        unseen = [t for t in drawn.trials if t.split == "unseen"]
        assert {len(t.natural_target_voice) for t in unseen} == {10}
    else:
        assert all(t.natural_target_voice == () for t in drawn.trials), "compared with the very reference"
        assert all(t.reference.endswith(".flac") for t in drawn.trials)
        assert all(t.other_target_voice != t.reference for t in drawn.trials)


def test_a_list_is_a_function_of_the_seed(speech_store: Make) -> None:
    store = speech_store()
    lists = [draw_trials([store], "image_guided_vc", "face", VoiceTrialSettings(trials=32), seed) for seed in (0, 0, 1)]
    hashes = [trials_sha256(drawn.trials) for drawn in lists]
    assert hashes[0] == hashes[1] != hashes[2]


def test_counts_that_cannot_be_met_are_said(speech_store: Make) -> None:
    drawn = draw_trials(
        [speech_store(2, 1, (1, 1, 2), frames=1)], "image_guided_vc", "face", VoiceTrialSettings(trials=20), 0
    )
    assert [t.split for t in drawn.trials] == ["seen", "seen"]
    assert any("2 of 10 seen" in note for note in drawn.notes)
    assert any("0 of 10 unseen" in note and "1 source and 1 target" in note for note in drawn.notes)


def test_too_few_natural_recordings_are_said(speech_store: Make) -> None:
    drawn = draw_trials([speech_store()], "image_guided_vc", "face", VoiceTrialSettings(trials=16, natural=10), 0)
    assert len(drawn.notes) == 2
    assert all("only 2 of 10 natural recordings" in note for note in drawn.notes)


def test_a_target_with_two_recordings_gives_up_its_ceiling(speech_store: Make) -> None:
    drawn = draw_trials(
        [speech_store(4, 4, (0, 2, 2))], "image_guided_vc", "face", VoiceTrialSettings(trials=8, natural=1), 0
    )
    assert drawn.trials
    assert all(t.natural_target_voice and not t.other_target_voice for t in drawn.trials)


def test_a_target_with_one_recording_is_no_target(speech_store: Make) -> None:
    drawn = draw_trials(
        [speech_store(4, 4, (1, 1, 1))], "image_guided_vc", "face", VoiceTrialSettings(trials=8, natural=1), 0
    )
    assert {t.split for t in drawn.trials} == {"seen"}, "training speakers have a second one, held-out ones have not"


@pytest.mark.parametrize("table", [{"trials": 0}, {"natural": -1}])
def test_settings_that_cannot_be_are_refused(table: dict[str, int]) -> None:
    with pytest.raises(BenchmarkError, match="at least 1"):
        VoiceTrialSettings(**table)


def test_one_gender_has_no_cross_trials(speech_store: Make) -> None:
    drawn = draw_trials([speech_store(genders=(1,))], "image_guided_vc", "face", VoiceTrialSettings(trials=16), 0)
    assert {t.pairing for t in drawn.trials} == {"same"}
    assert drawn.notes


def test_nothing_to_draw_is_an_error(speech_store: Make) -> None:
    store = speech_store(1, 0)
    with pytest.raises(BenchmarkError, match=r"No trial of image_guided_vc can be drawn\. made: 0 of"):
        draw_trials([store], "image_guided_vc", "face", VoiceTrialSettings(), 0)


def test_round_trip(stratified: TrialList, tmp_path: Path) -> None:
    write_trials(tmp_path / "t.csv", stratified.trials)
    assert read_trials(tmp_path / "t.csv") == stratified.trials
    assert (tmp_path / "t.csv").read_text().splitlines()[0].split(",") == list(COLUMNS)


def test_a_third_partys_list(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("task,source,source_gender,natural_target_voice,note\nimage_guided_vc,a.wav,F,b.wav;c.wav,hello\n")
    (trial,) = read_trials(path)
    assert (trial.source_gender, trial.natural_target_voice) == (0, ("b.wav", "c.wav"))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("task,reference\nx,y\n", "column source missing"),
        ("task,source,source_gender\nx,y,woman\n", "source_gender is 'woman'"),
        (None, "No trial list"),
    ],
)
def test_broken_lists_are_refused(tmp_path: Path, text: str | None, part: str) -> None:
    path = tmp_path / "t.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BenchmarkError, match=part):
        read_trials(path)
