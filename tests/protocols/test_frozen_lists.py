"""Trial lists that results rest on: the same seed draws the same list in every version."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmark.corpora.prepared import Store
from benchmark.tasks import TASKS
from protocols.trial import trials_sha256
from protocols.trial_list import FaceTrialSettings, PairTrialSettings, TrialSettings, VoiceTrialSettings
from protocols.trials import draw_trials

VOICES, FACES = VoiceTrialSettings(trials=32, natural=2), FaceTrialSettings(sources=3, draws=4)


@pytest.mark.parametrize(
    ("task", "settings", "sha256"),
    [
        ("image_guided_vc", VOICES, "419cf58ab27a7847"),
        ("audio_guided_vc", VOICES, "e8774212a4d3a000"),
        ("audio_guided_vc", VoiceTrialSettings("paper", 20, 2), "ce77560b4d36fd92"),
        ("image_guided_translation", FACES, "db9a2a8d29ef1990"),
        ("image_guided_translation", FaceTrialSettings("starganv2", 3, 4, 3), "952bfc3ac91413c7"),
        ("latent_guided_translation", FACES, "f0f1a5a69020bbe8"),
        ("audio_guided_translation", FACES, "c099ef73147f414e"),
        ("face_from_voice", PairTrialSettings(32), "d870649912ba7852"),
    ],
)
def test_a_frozen_list(speech_store: Callable[..., Store], task: str, settings: TrialSettings, sha256: str) -> None:
    drawn = draw_trials([speech_store()], task, TASKS[task].reference, settings, 7)
    assert trials_sha256(drawn.trials)[:16] == sha256
