"""A trial list that is drawn otherwise: references of the training split instead of held-out ones (issue 9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import protocols.voice_trials
from benchmark.corpora.manifest import SPLITS
from benchmark.corpora.prepared import Store
from benchmark.reporting.compare import compare, read
from protocols.trial import Trial
from protocols.trial_list import VoiceTrialSettings
from protocols.trials import draw_trials


def drawn(store: Store) -> Sequence[Trial]:
    settings = VoiceTrialSettings(trials=16, natural=2)
    return draw_trials([store], "audio_guided_vc", "voice", settings, 0, 1).trials


def splits_of_references(store: Store, trials: Sequence[Trial]) -> set[str]:
    found = {Path(t.reference).stem for t in trials}
    return {SPLITS[store.index["split"][i]] for i, record in enumerate(store.records) if record.id in found}


def test_references_of_the_training_split_are_caught(
    made_run: Callable[..., Path], speech_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = speech_store(recordings=(4, 4, 4))
    right = drawn(store)
    assert splits_of_references(store, right) == {"seen", "unseen"}
    monkeypatch.setattr(protocols.voice_trials, "SPLITS", ("seen", "train", "unseen"))
    leaking = drawn(store)
    assert splits_of_references(store, leaking) == {"train", "unseen"}, "the fault is there"

    run = read(made_run("run"))
    a, b = (replace(run, trials=trials, scores={}, rows={}) for trials in (right, leaking))
    verdict = compare(a, b)
    assert not verdict.passed
    said = [f.text for f in verdict.findings if f.check == "trials" and f.status == "differs"]
    seen = sum(t.split == "seen" for t in right)
    assert any(f"{seen} of {len(right)} trials have another reference" in text for text in said), said
    assert not verdict.changes, "scores of other trials are never compared"
    assert np.all([t.trial == u.trial for t, u in zip(right, leaking, strict=True)])
