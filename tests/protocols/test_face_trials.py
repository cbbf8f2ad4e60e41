"""Trial lists of faces: the two samplers as rules, both directions, repeats, and what a corpus may lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from protocols.face_trials import drawn_alone, drawn_in_batches
from protocols.trial import Trial, trials_sha256
from protocols.trial_list import FaceTrialSettings, TrialList
from protocols.trials import draw_trials

Make = Callable[..., Store]
TASK = "image_guided_translation"
LATENT = "latent_guided_translation"


def draw(store: Store, seed: int = 0, repeats: int = 1, task: str = TASK, **table: object) -> TrialList:
    table = {"sources": 3, "draws": 4, "batch": 4, **table}
    faces = FaceTrialSettings(**table)  # type: ignore[arg-type]
    return draw_trials([store], task, "face" if task == TASK else None, faces, seed, repeats)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_the_papers_sampler_gives_every_source_different_references(
    sources: int, references: int, data: st.DataObject
) -> None:
    draws = data.draw(st.integers(1, references))
    met = drawn_alone(sources, references, draws, np.random.default_rng(data.draw(st.integers(0, 99))))
    assert met.shape == (sources, draws)
    assert all(len(set(row)) == draws for row in met.tolist())
    assert met.min() >= 0
    assert met.max() < references


def official_loop(sources: int, references: int, draws: int, batch: int, rng: np.random.Generator) -> np.ndarray:
    """The loops of metrics/eval.py, calculate_metrics in reference mode, with its loaders as lists of numbers: row i of
    the result is source i of the shuffled sources."""

    def loader_ref() -> Iterator[list[int]]:
        order = rng.permutation(references).tolist()
        while len(order) >= batch:  # drop_last=True
            yield [order.pop(0) for _ in range(batch)]

    met: list[list[int]] = []
    iter_ref = loader_ref()
    for start in range(0, sources, batch):
        x_src = list(range(start, min(start + batch, sources)))
        group = []
        for _ in range(draws):
            try:
                x_ref = next(iter_ref)
            except StopIteration:
                iter_ref = loader_ref()
                x_ref = next(iter_ref)
            if len(x_ref) > len(x_src):
                x_ref = x_ref[: len(x_src)]
            group.append(x_ref)
        met += [[refs[i] for refs in group] for i in range(len(x_src))]
    return np.array(met)


@given(st.integers(1, 50), st.integers(1, 12), st.integers(0, 40), st.integers(1, 6), st.integers(0, 99))
def test_batch_coupling_is_the_official_loop(sources: int, batch: int, more: int, draws: int, seed: int) -> None:
    references = batch + more
    got = drawn_in_batches(sources, references, draws, batch, np.random.default_rng(seed))
    assert got.tolist() == official_loop(sources, references, draws, batch, np.random.default_rng(seed)).tolist()


@settings(max_examples=30)
@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 5), st.integers(0, 99))
def test_batch_coupling_gives_one_reference_to_one_source_of_a_batch(
    sources: int, batch: int, draws: int, seed: int
) -> None:
    met = drawn_in_batches(sources, 3 * batch, draws, batch, np.random.default_rng(seed))
    for start in range(0, sources, batch):
        for column in met[start : start + batch].T.tolist():
            assert len(set(column)) == len(column)


@pytest.mark.parametrize("sampler", ["paper", "starganv2"])
def test_counts_genders_and_both_directions(speech_store: Make, sampler: str) -> None:
    drawn = draw(speech_store(), sampler=sampler)
    rows = drawn.trials
    assert Counter((t.split, t.source_gender, t.target_gender) for t in rows) == {
        (split, source, 1 - source): 12 for split in ("seen", "unseen") for source in (0, 1)
    }
    assert len({t.trial for t in rows}) == len(rows)
    assert {t.corpus for t in rows} == {"made"}
    for trial in rows:
        assert int(trial.source_id[1:]) % 2 == trial.source_gender
        assert int(trial.target_id[1:]) % 2 == trial.target_gender
        assert [int(s[1:]) >= 8 for s in (trial.source_id, trial.target_id)] == [trial.split == "unseen"] * 2
        assert all("train" not in path for path in (trial.source, trial.reference, trial.other_face))
        assert trial.source.endswith(".png")
        assert trial.natural_target_voice == ()
        assert trial.transcript == trial.other_voice == ""
    # Rows of one source stand together, its draws in order: LPIPS compares them, and batches of sources can be told.
    assert [t.draw for t in rows] == [0, 1, 2, 3] * (len(rows) // 4)
    assert all(len({t.source for t in rows[i : i + 4]}) == 1 for i in range(0, len(rows), 4))
    if sampler == "paper":
        assert all(len({t.reference for t in rows[i : i + 4]}) == 4 for i in range(0, len(rows), 4))


def test_all_pictures_are_sources_unless_a_number_is_said(speech_store: Make) -> None:
    store = speech_store(frames=3)
    everything = {t.source for t in draw(store, sources=0).trials if t.split == "unseen"}
    assert len(everything) == 8 * 4 * 3


def test_what_controls_emit(speech_store: Make) -> None:
    for trial in draw(speech_store(), sources=0).trials:
        person = trial.other_target_face.split("/")[-1].split("_")[0]
        other = trial.other_face.split("/")[-1].split("_")[0]
        assert person == trial.target_id
        assert trial.other_target_face != trial.reference
        assert other not in (trial.source_id, trial.target_id)
        assert int(other[1:]) % 2 == trial.target_gender


def test_other_faces_of_a_source_differ_as_its_references_do(speech_store: Make) -> None:
    rows = draw(speech_store(), sources=0).trials
    assert all(len({t.other_face for t in rows[i : i + 4]}) == 4 for i in range(0, len(rows), 4))


def test_a_target_with_one_picture_is_its_own_ground_truth_and_said_so(speech_store: Make) -> None:
    drawn = draw(speech_store(8, 8, (1, 1, 1), frames=1), draws=2)
    assert all(t.other_target_face == t.reference for t in drawn.trials)
    assert len(drawn.remarks) == 4
    assert all("ground_truth is the reference" in remark for remark in drawn.remarks)
    assert not drawn.notes, "the counts are met"


def test_a_list_is_a_function_of_the_seed(speech_store: Make) -> None:
    store = speech_store()
    hashes = [trials_sha256(draw(store, seed).trials) for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


def anonymous(trials: list[Trial]) -> list[Trial]:
    return [replace(t, trial="", repeat=0) for t in trials]


def test_a_repeat_is_what_its_own_seed_draws(speech_store: Make) -> None:
    store = speech_store()
    three = draw(store, 5, repeats=3).trials
    assert len({t.trial for t in three}) == len(three)
    for repeat in range(3):
        alone = draw(store, 5 + repeat).trials
        assert anonymous([t for t in three if t.repeat == repeat]) == anonymous(alone)
    assert anonymous([t for t in three if t.repeat == 0]) != anonymous([t for t in three if t.repeat == 1])


def test_latent_guided_rows_have_a_gender_and_no_reference(speech_store: Make) -> None:
    rows = draw(speech_store(), task=LATENT, draws=3).trials
    assert {(t.reference, t.target_id) for t in rows} == {("", "")}
    assert all(t.target_gender == 1 - (t.source_gender or 0) for t in rows)
    for i in range(0, len(rows), 3):
        assert len({t.other_target_face for t in rows[i : i + 3]}) == 3, "as different as real people are"
    for trial in rows:
        for path in (trial.other_target_face, trial.other_face):
            assert int(path.split("/")[-1].split("_")[0][1:]) % 2 == trial.target_gender


def test_latent_guided_rows_need_no_ten_pictures(speech_store: Make) -> None:
    drawn = draw(speech_store(2, 2, (1, 1, 1), frames=1), task=LATENT, sources=1, draws=10)
    assert len(drawn.trials) == 2 * 2 * 10


@pytest.mark.parametrize(
    ("sampler", "table", "words"),
    [
        ("paper", {"draws": 5}, ["4 seen pictures of men", "draws 5 different references", "set draws = 4 or less"]),
        ("starganv2", {"batch": 7}, ["4 seen pictures of men", "in batches of 7", "set batch = 4 or less"]),
    ],
)
def test_fewer_references_than_the_draw_is_an_error_with_the_numbers(
    speech_store: Make, sampler: str, table: dict[str, int], words: list[str]
) -> None:
    store = speech_store(8, 8, (1, 1, 1), frames=1)
    with pytest.raises(BenchmarkError) as error:
        draw(store, sampler=sampler, **table)
    for word in [*words, "made has", f"[trials.{TASK}]", "--profile"]:
        assert word in str(error.value)


def test_one_gender_has_no_translations(speech_store: Make) -> None:
    with pytest.raises(BenchmarkError, match=r"No trial of image.*0 seen pictures of women and \d+ of men"):
        draw(speech_store(genders=(1,)))


def test_an_empty_split_is_said_and_the_other_is_whole(speech_store: Make) -> None:
    drawn = draw(speech_store(8, 8, (2, 0, 4)))
    assert {t.split for t in drawn.trials} == {"unseen"}
    assert drawn.remarks == ["made: no seen trials, because it has no seen pictures."]
    assert not drawn.notes, "a corpus that was never meant to have the split is not partial"


def test_a_corpus_of_voices_has_no_translations(speech_store: Make) -> None:
    with pytest.raises(BenchmarkError, match="has no unseen pictures"):
        draw(speech_store(frames=0))


def test_fewer_sources_than_wished_for_are_said(speech_store: Make) -> None:
    notes = draw(speech_store(), sources=20).notes
    assert "made: 16 of 20 seen sources to be translated to men." in notes
    assert len(notes) == 2, "the held-out speakers have 32 pictures a gender"


def test_unknown_genders_take_no_part_and_are_said(speech_store: Make) -> None:
    drawn = draw(speech_store(16, 16, genders=(0, 1, 0, 1, None)))  # type: ignore[arg-type]
    assert any("of unknown gender take no part" in remark for remark in drawn.remarks)
    assert {t.source_gender for t in drawn.trials} == {0, 1}


@pytest.mark.parametrize("table", [{"sources": -1}, {"draws": 0}, {"batch": 0}])
def test_settings_that_cannot_be_are_refused(table: dict[str, int]) -> None:
    with pytest.raises(BenchmarkError, match="at least"):
        FaceTrialSettings(**table)


def test_voices_are_drawn_once(speech_store: Make) -> None:
    from protocols.trial_list import VoiceTrialSettings

    with pytest.raises(BenchmarkError, match="drawn once"):
        draw_trials([speech_store()], "image_guided_vc", "face", VoiceTrialSettings(trials=4), 0, 2)


def test_with_both_genders_the_same_sources_also_meet_people_of_their_own(speech_store: Make) -> None:
    store = speech_store(16, 16, (2, 2, 4), name="pocket_made")
    table = FaceTrialSettings(sources=3, draws=4)
    other = draw_trials([store], "audio_guided_translation", "voice", table, 0).trials
    both = draw_trials([store], "audio_guided_translation", "voice", replace(table, genders="both"), 0).trials
    assert sorted((r.source, r.reference, r.draw) for r in both if r.pairing == "cross") == sorted(
        (r.source, r.reference, r.draw) for r in other
    ), "the rows of the other gender stay"
    assert len({r.trial for r in both}) == len(both) == 2 * len(other)
    kept = [r for r in both if r.pairing == "same"]
    assert {(r.source, r.split) for r in kept} == {(r.source, r.split) for r in other}
    assert all(r.target_id != r.source_id for r in kept)
    for source in {r.source for r in both}:
        own = [r for r in both if r.source == source]
        assert sorted(r.draw for r in own) == list(range(8)), "each output of a source draws its own noise"
        assert len({r.target_id for r in own}) == 8
    with pytest.raises(BenchmarkError, match=r'genders = "both" .* Set sampler = "paper"'):
        FaceTrialSettings(sampler="starganv2", genders="both")
