"""The front end of Wen et al. against the official numbers and a transcription with its quirks; what is left out."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import webrtcvad

from benchmark.media.audio import RATE
from benchmark.media.mel64 import BASE, FLOOR, MEL64, bank, log_mel, mel64, voiced

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "voxceleb1" / "wav"
TUDYK = SHARED / "id10023" / "unknown_vid" / "00000.wav"


def speech(seconds: float = 3.0, rate: int = BASE, level: float = 0.1) -> np.ndarray:
    """Syllables of a harmonic tone with pauses of faint noise between them, (N,) int16."""
    time = np.arange(int(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * 130 * h * (time + 0.05 * time**2)) / h for h in range(1, 40))
    loud = np.clip(2.0 * np.sin(2 * np.pi * 0.9 * time), 0.0, 1.0)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(len(time))
    return np.asarray((level * loud * tone + noise) * 32768).astype(np.int16)


def official_stretches(samples: np.ndarray) -> np.ndarray:
    """What the official collector keeps, with a detector of its own, by bookkeeping with byte strings."""
    detector, size = webrtcvad.Vad(2), 320
    pieces = [samples[i : i + size].tobytes() for i in range(0, len(samples) - size, size)]  # the last is left out
    window: deque[bytes] = deque(maxlen=2)
    speaking, kept = False, b""
    for piece in pieces:
        window.append(piece)
        votes = sum(detector.is_speech(p, BASE) for p in window)
        if speaking:
            kept += piece
            if len(window) - votes > 1.8:
                speaking = False
                window.clear()
        elif votes > 1.8:
            speaking = True
            kept += b"".join(window)
            window.clear()
    return np.frombuffer(kept, np.int16)


def official_log_mel(samples: np.ndarray) -> np.ndarray:
    """Frame by frame, with the quirks: pre-emphasis from the last sample of the frame before; partial ones repeated."""
    edges = [20.0, *(0.0,) * 64, 7200.0]
    low, high = (2595.0 * np.log10(1.0 + e / 700.0) for e in (edges[0], edges[-1]))
    points = [round(700.0 * (10.0 ** ((low + (high - low) * i / 65) / 2595.0) - 1.0) / 15.625) for i in range(66)]
    filters = np.zeros((513, 64))
    for band in range(64):
        a, b, c = points[band : band + 3]
        for k in range(a, c + 1):
            share = (k - a) / (b - a) if k <= b else (c - k) / (c - b)
            filters[k, band] = share * 2.0 / ((c - a) * 15.625)
    before, rows = 0.0, []
    for start in range(0, len(samples) + 1, 160):
        frame = np.resize(samples[start : start + 400], 400).astype(np.float64)
        emphasised = frame - 0.97 * np.concatenate([[before], frame[:-1]])
        before = frame[-1]
        power = np.abs(np.fft.rfft(emphasised * np.hamming(400), 1024)) ** 2
        rows.append(np.log(np.clip(power @ filters, 1e-5, None)))
    return np.stack(rows)


def test_bank_has_the_official_triangles() -> None:
    assert bank().shape == (513, 64)
    np.testing.assert_allclose(bank().sum(0) * 15.625, 1.0)
    assert bank().max() == pytest.approx(0.032), "two bins wide: 2 / (4 x 15.625)"
    heard = np.flatnonzero(bank().any(1)) * 15.625
    assert 20.0 < heard.min() <= 31.25
    assert 7180.0 < heard.max() < 7200.0


def test_log_mel_is_the_official_one_up_to_its_first_samples_and_its_end() -> None:
    wave = speech()
    ours, theirs = log_mel(wave), official_log_mel(wave)
    assert ours.shape == (1 + (len(wave) - 400) // 160, 64)
    assert len(theirs) - len(ours) == 3, "two partial frames and an empty one"
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    # The sample before a frame stands in one of its 400 samples, where the window is 0.08.
    loud = theirs[: len(ours)].mean(1) > 9
    assert np.abs(ours - theirs[: len(ours)])[loud].mean() < 0.1


def test_log_mel_hears_the_sample_before_the_frame() -> None:
    wave = speech()
    late = log_mel(wave[160:])
    np.testing.assert_allclose(log_mel(wave)[2:], late[1:], rtol=1e-12)
    assert np.abs(log_mel(wave)[1] - late[0]).max() > 1e-6


@pytest.mark.parametrize("length", [48000, 47999, 48001, 47840])
def test_stretches_are_the_official_ones(length: int) -> None:
    wave = speech()[:length]
    ours, theirs = voiced(wave), official_stretches(wave)
    assert 0 < len(theirs) < len(wave)
    np.testing.assert_array_equal(ours[: len(theirs)], theirs)
    assert 0 <= len(ours) - len(theirs) <= 320, "the official code never looks at a last frame that is whole"


@pytest.mark.real
@pytest.mark.skipif(not TUDYK.is_file(), reason="../shared/data/voxceleb1 is absent")
def test_the_official_value_of_alan_tudyk() -> None:
    wave = soundfile.read(TUDYK, dtype="int16")[0]
    theirs = official_log_mel(wave)
    assert theirs.shape == (387, 64)
    assert theirs.mean() == pytest.approx(11.6261, abs=1e-4)
    assert theirs.std() == pytest.approx(2.7607, abs=1e-4)
    np.testing.assert_allclose(log_mel(wave)[0, :4], [9.53096, 9.75977, 11.35197, 12.55268], atol=1e-5)
    assert np.abs(log_mel(wave) - theirs[:384]).mean() < 0.03


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/voxceleb1 is absent")
def test_stretches_of_real_voices() -> None:
    for path in sorted(SHARED.glob("*/*/*.wav")):
        wave = soundfile.read(path, dtype="int16")[0]
        ours, theirs = voiced(wave), official_stretches(wave)
        assert len(ours) - len(theirs) in (0, 320)
        np.testing.assert_array_equal(ours[: len(theirs)], theirs)


def test_every_band_is_normalised_and_loudness_is_one_number_of_all() -> None:
    found = mel64(speech())
    np.testing.assert_allclose(found.mean(0), 0.0, atol=1e-9)
    np.testing.assert_allclose(found.std(0), 1.0, atol=1e-6)
    np.testing.assert_allclose(log_mel(2 * speech()) - log_mel(speech()), np.log(4.0), atol=1e-6)


def test_a_recording_is_for_itself() -> None:
    """The official detector and pre-emphasis remember the file before."""
    first = mel64(speech())
    mel64(speech(level=0.3)[::-1].copy())
    np.testing.assert_array_equal(mel64(speech()), first)


@pytest.mark.parametrize(
    "wave",
    [np.zeros(BASE, np.int16), np.zeros(0, np.int16), speech(0.019), speech()[:100]],
    ids=["silence", "nothing", "19 ms", "100 samples"],
)
def test_no_voice_is_no_row(wave: np.ndarray) -> None:
    assert voiced(wave).shape == (0,)
    assert mel64(wave).shape == (0, 64)


def test_noise_below_hearing_is_no_voice() -> None:
    assert mel64(np.random.default_rng(0).integers(-1, 2, BASE).astype(np.int16)).shape == (0, 64)


def test_a_band_that_does_not_vary_is_zero() -> None:
    still = np.full(640, 1000, np.int16)
    assert log_mel(np.zeros(640, np.int16)) == pytest.approx(np.log(FLOOR))
    assert np.ptp(log_mel(still)[1:], axis=0).max() == 0.0
    assert np.isfinite(mel64(speech())).all()


def test_the_feature_resamples_and_repeats() -> None:
    assert MEL64.compute is not None
    rows = MEL64.compute(speech(rate=RATE))
    assert rows.dtype == np.float32
    assert rows.shape[1:] == (64,)
    assert 100 < len(rows) < 300
    assert np.abs(rows).max() < 30.0, "fits float16"
    seen = MEL64.batch(torch.from_numpy(rows[None]))
    assert seen.shape == (1, 1, 64, len(rows))
    np.testing.assert_array_equal(seen[0, 0].T.numpy(), rows)
    assert MEL64.short == "repeat"
    assert MEL64.compute(np.zeros(RATE, np.int16)).shape == (0, 64)
