"""The F0 that the generator knows: at the mel's frames, about the pitch that was asked for, blind to breath."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.corpora.pocket import voice
from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.pocket.identity import Identity, make_identity
from benchmark.errors import BenchmarkError
from benchmark.media.f0 import world_f0

SENTENCE = "set red by b one now"


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_its_median_is_the_voices_pitch(number: int) -> None:
    person = make_identity("pocket_upstream", number, 0)
    known = voice.known_f0(person, SENTENCE, 0)
    wave = voice.synthesise(person, SENTENCE, 0)
    assert known.shape == (1 + len(wave) // 300,)
    assert known.dtype == np.float32
    assert np.median(known[known > 0]) == pytest.approx(voice.voice_of(person).pitch, rel=0.1)


def test_it_moves_with_the_utterances_pitch() -> None:
    """The same sentence by the same person, at two seeds: their pitches differ, and known F0 by as much."""
    person = make_identity("pocket_upstream", 0, 0)
    pitches = [voice._excitation(person, SENTENCE, seed)[2] for seed in range(8)]
    low, high = int(np.argmin(pitches)), int(np.argmax(pitches))
    assert pitches[high] / pitches[low] > 1.03
    medians = [np.median(f0[f0 > 0]) for f0 in (voice.known_f0(person, SENTENCE, seed) for seed in (low, high))]
    assert medians[1] > medians[0]


def test_no_octave_error_fits_in() -> None:
    """A low creaky voice, of which Harvest by itself says in many frames that it is twice as high."""
    corpus = PocketCorpus(pool="pocket_upstream", frames_per_clip=1)
    record = next(r for r in corpus.records() if r.id == "pocket_upstream049_00")
    known, pitch = corpus.f0(record), voice.voice_of(corpus.identity(record)).pitch
    voiced = known[known > 0] / pitch
    assert 0.5 < voiced.min() < voiced.max() < 2.0
    blind = world_f0(corpus.load(record).wave)  # type: ignore[arg-type]
    assert (blind[blind > 0] / pitch > 1.5).mean() > 0.1 > (voiced > 1.5).mean()


def test_breath_and_shaping_do_not_move_it(monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_identity("pocket_upstream", 3, 0)
    known = voice.known_f0(person, SENTENCE, 0)
    plain = voice.synthesise(person, SENTENCE, 0)
    of = voice.voice_of
    monkeypatch.setattr(voice, "voice_of", lambda p: replace(of(p), breath=3.0, gain=of(p).gain + 6.0))
    assert np.abs(voice.synthesise(person, SENTENCE, 0) - plain).max() > 1e-3
    np.testing.assert_array_equal(voice.known_f0(person, SENTENCE, 0), known)


def test_the_silence_around_a_short_utterance_is_unvoiced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Padding is half before and half after, as in the samples."""
    person: Identity = make_identity("pocket_upstream", 1, 0)
    spoken = voice.known_f0(person, SENTENCE, 0)
    samples = len(voice.synthesise(person, SENTENCE, 0))
    monkeypatch.setattr(voice, "SECONDS", samples / voice.RATE + 1.0)
    longer = voice.known_f0(person, SENTENCE, 0)
    assert len(longer) == 1 + len(voice.synthesise(person, SENTENCE, 0)) // 300
    assert len(longer) - len(spoken) == pytest.approx(80, abs=1)
    assert not longer[:35].any()
    assert not longer[-35:].any()
    middle = longer[40 : 40 + len(spoken)]
    both = (middle > 0) & (spoken > 0)
    assert both.sum() > 0.9 * (spoken > 0).sum()
    assert np.median(np.abs(np.log(middle[both] / spoken[both]))) < 0.01


def test_a_pool_without_sound_and_a_foreign_record_are_refused() -> None:
    faces = PocketCorpus(pool="pocket_faces", scale=0.01)
    with pytest.raises(BenchmarkError, match="has no sound"):
        faces.f0(faces.records()[0])
    other = PocketCorpus(pool="pocket_voices", scale=0.1).records()[0]
    with pytest.raises(BenchmarkError, match="is not of pool"):
        faces.f0(other)
