"""Trials of `latent_guided_vc`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from benchmark.errors import BenchmarkError
from protocols.trial_list import TrialList, VoiceTrialSettings
from protocols.trials import draw_trials

TASK = "latent_guided_vc"


def drawn(store: Any, seed: int = 0, **settings: Any) -> TrialList:
    return draw_trials([store], TASK, None, VoiceTrialSettings(**settings), seed)


def test_strata_are_even_and_nobody_is_a_reference(speech_store: Callable[..., Any]) -> None:
    rows = drawn(speech_store(), trials=64).trials
    assert Counter((t.split, t.source_gender == t.target_gender) for t in rows) == dict.fromkeys(
        [("seen", True), ("seen", False), ("unseen", True), ("unseen", False)], 16
    )
    assert set(Counter((t.split, t.source_id) for t in rows).values()) == {4}
    assert all(not t.reference and not t.target_id and not t.other_target_voice for t in rows)
    assert len({t.trial for t in rows}) == 64


def test_both_genders_come_to_everybody(speech_store: Callable[..., Any]) -> None:
    rows = drawn(speech_store(), trials=32).trials
    assert set(Counter((t.source_id, t.target_gender) for t in rows).values()) == {1}


def test_the_other_voice_is_of_the_styles_gender_and_not_the_sources(speech_store: Callable[..., Any]) -> None:
    store = speech_store(train=4, unseen=2)
    trials = drawn(store, trials=40)
    of = {record.id: record for record in store.records}
    missing = 0
    for t in trials.trials:
        if not t.other_voice:
            missing += 1
            assert t.split == "unseen"
            assert t.source_gender == t.target_gender, "one unseen speaker a gender: nobody else has it"
            continue
        other = of[store.records[trials.pieces[t.other_voice].record].id]
        assert other.gender == t.target_gender
        assert other.speaker != t.source_id
        assert other.split == t.split
    assert missing == 10


@pytest.mark.parametrize("sampler", ["paper", "stratified"])
def test_a_list_is_a_function_of_its_seed(speech_store: Callable[..., Any], sampler: str) -> None:
    store = speech_store()
    first, again, other = (drawn(store, seed, trials=32, sampler=sampler).trials for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_corpus_without_unseen_speakers_is_told(speech_store: Callable[..., Any]) -> None:
    trials = drawn(speech_store(unseen=0), trials=10)
    assert {t.split for t in trials.trials} == {"seen"}
    assert any("0 of 5 unseen trials" in note for note in trials.notes)


def test_repeats_are_of_faces(speech_store: Callable[..., Any]) -> None:
    with pytest.raises(BenchmarkError, match="drawn once"):
        draw_trials([speech_store()], TASK, None, VoiceTrialSettings(), 0, repeats=2)
