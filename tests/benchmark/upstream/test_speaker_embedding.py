"""Resemblyzer's network: golden values, independence of the batch, and what it refuses."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.upstream.speaker_embedding import embed, embed_partials, speaker_encoder
from benchmark.upstream.speaker_frontend import RATE, partial_mels, partial_starts, preprocess, resample

# Of resemblyzer 0.1.4, embed_utterance(preprocess_wav(wave, 16000)) on the four made voices.
VOICED = [68640, 43200, 17280, 42240]
COSINES = np.array(
    [
        [1.0, 0.54747, 0.88856, 0.94169],
        [0.54747, 1.0, 0.45603, 0.55171],
        [0.88856, 0.45603, 1.0, 0.84418],
        [0.94169, 0.55171, 0.84418, 1.0],
    ]
)
LARGEST = {0: (163, 0.26351), 1: (18, 0.25021), 2: (62, 0.29725), 3: (62, 0.26906)}

# Golden table 6.2 of the reference pages: VCTK, sentence 023, by resemblyzer 0.1.4.
SPEAKERS = ("p228", "p230", "p233", "p236", "p243", "p254", "p258", "p259")
GOLDEN = """
    .7941 .7394 .6365 .5969 .5625 .5667 .6282
          .7746 .6808 .5914 .5973 .5926 .5859
                .7355 .5772 .6284 .5853 .6256
                      .5882 .5730 .5488 .5996
                            .6379 .7309 .5919
                                  .6548 .5737
                                        .7498
"""


def test_the_network_has_the_published_size() -> None:
    assert sum(p.numel() for p in speaker_encoder().parameters()) == 1_423_616
    assert not any(p.requires_grad for p in speaker_encoder().parameters())


def test_golden_values_of_made_voices(voices: list[np.ndarray]) -> None:
    assert [len(preprocess(wave)) for wave in voices] == VOICED
    embeddings = embed(voices)
    np.testing.assert_allclose(embeddings @ embeddings.T, COSINES, atol=2e-5)
    for row, (place, value) in LARGEST.items():
        assert embeddings[row].argmax() == place
        assert embeddings[row, place] == pytest.approx(value, abs=2e-5)


def test_embeddings_are_positive_and_of_norm_one(voices: list[np.ndarray]) -> None:
    embeddings = embed(voices)
    assert embeddings.dtype == np.float32
    assert (embeddings >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-6)


def test_a_recording_does_not_depend_on_its_batch(voices: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    together = embed(voices)
    np.testing.assert_allclose(together, np.concatenate([embed([wave]) for wave in voices]), atol=1e-5)
    np.testing.assert_allclose(together, embed(voices[::-1])[::-1], atol=1e-5)
    monkeypatch.setattr("benchmark.upstream.speaker_embedding._BATCH", 3)
    np.testing.assert_allclose(together, embed(voices), atol=1e-5)


def test_a_voice_below_minus_30_dbfs_is_raised_to_it(voices: list[np.ndarray]) -> None:
    quiet, quieter = embed([voices[3], np.float32(0.25) * voices[3]])
    np.testing.assert_allclose(quiet, quieter, atol=1e-4)
    level = 20 * np.log10(np.sqrt(np.mean(preprocess(voices[0]) ** 2)))
    assert level > -30
    np.testing.assert_array_equal(preprocess(voices[0]), voices[0][: VOICED[0]])


@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (np.zeros(16000, np.float32), "[Ss]ilence"),
        (np.ones(479, np.float32), r"0\.03 s"),
        (np.zeros(0, np.float32), r"0\.03 s"),
        (np.full(16000, np.nan, np.float32), "NaN"),
        (np.full(16000, np.inf, np.float32), "infinite"),
    ],
)
def test_what_has_no_embedding_is_refused(wave: np.ndarray, said: str) -> None:
    with pytest.raises(BenchmarkError, match=said):
        embed([wave])


def test_no_voice_gives_the_embedding_of_silence_as_in_the_package() -> None:
    click = np.zeros(16000, np.float32)
    click[8000] = 0.01
    assert len(preprocess(click)) == 0
    silence = embed_partials([np.zeros((1, 160, 40), np.float32)], speaker_encoder())
    np.testing.assert_allclose(embed([click]), silence, atol=1e-6)
    assert embed([]).shape == (0, 256)


@pytest.mark.parametrize(
    ("samples", "starts"),
    [
        (0, [0]),
        (25600, [0]),
        (40000, [0, 77]),
        (44000, [0, 77, 154]),
        (100000, [0, 77, 154, 231, 308, 385, 462]),
    ],
)
def test_partial_windows_start_where_the_package_starts_them(samples: int, starts: list[int]) -> None:
    assert partial_starts(samples) == starts


@given(samples=st.integers(0, 16000 * 60))
def test_partial_windows_cover_the_recording(samples: int) -> None:
    starts = partial_starts(samples)
    assert starts[0] == 0
    assert set(np.diff(starts)) <= {77}
    uncovered = samples / 160 - (starts[-1] + 160)
    assert uncovered < 0.75 * 160
    assert len(starts) == 1 or samples / 160 - starts[-1] >= 0.75 * 160


def test_partial_mels_have_whole_windows(voices: list[np.ndarray]) -> None:
    mels = partial_mels(preprocess(voices[0]))
    assert mels.shape == (len(partial_starts(VOICED[0])), 160, 40)
    assert mels.dtype == np.float32
    np.testing.assert_array_equal(mels[0, 77:], mels[1, :83])


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_resampling_is_librosas(rate: int) -> None:
    import librosa

    wave = np.random.default_rng(0).standard_normal(rate // 3 + 1).astype(np.float32)
    np.testing.assert_array_equal(resample(wave, rate), librosa.resample(wave, orig_sr=rate, target_sr=RATE))


@pytest.mark.real
def test_golden_table_of_vctk(recordings: Path) -> None:
    files = [recordings / f"vctk/wav48_silence_trimmed/{s}/{s}_023_mic1.flac" for s in SPEAKERS]
    waves = [resample(*soundfile.read(path, dtype="float32")) for path in files]
    embeddings = dict(zip(SPEAKERS, embed(waves), strict=True))
    for (a, b), cosine in zip(combinations(SPEAKERS, 2), GOLDEN.split(), strict=True):
        assert float(embeddings[a] @ embeddings[b]) == pytest.approx(float(cosine), abs=1e-4), (a, b)
