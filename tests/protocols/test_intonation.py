"""F0 contours compared: known tones and glides give known values, and what must not matter does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from protocols.intonation import (
    CEILING,
    FEWEST,
    FLOOR,
    HOP,
    RATE,
    Contour,
    contour,
    correlation,
    lag,
    semitones_apart,
)

SEEDS = st.integers(0, 2**32 - 1)


def buzz(f0: np.ndarray, quiet: tuple[tuple[float, float], ...] = ()) -> np.ndarray:
    """A voice with the F0 (N,) in Hz at every sample: harmonics below 3.5 kHz; silent between the given seconds."""
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    wave = sum(np.where(f0 * k < 3500, np.cos(k * phase) / k, 0.0) for k in range(1, 30))
    time = np.arange(len(f0)) / RATE
    for start, stop in quiet:
        wave = np.where((time >= start) & (time < stop), 0.0, wave)
    return np.asarray(0.1 * wave, np.float32)


def glide(start: float, stop: float, seconds: float = 1.5) -> np.ndarray:
    """F0 even in log from `start` to `stop` Hz."""
    return np.geomspace(start, stop, int(seconds * RATE))


def melody(base: float, seconds: float = 2.0) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return base * 2 ** ((3 * np.sin(2 * np.pi * 0.8 * time) + np.sin(2 * np.pi * 2.1 * time)) / 12)


def spoken(base: float) -> np.ndarray:
    """Four syllables of different lengths and pitches, 2 s."""
    return buzz(melody(base), quiet=((0.0, 0.12), (0.5, 0.62), (0.85, 1.0), (1.45, 1.5), (1.85, 2.0)))


def made(seed: int, frames: int = 300) -> Contour:
    """A contour without a wave: three in four frames voiced, a wandering pitch, a wandering energy."""
    rng = np.random.default_rng(seed)
    height = np.cumsum(rng.normal(0, 0.3, frames))
    f0 = 150 * 2 ** ((height - height.mean()) / 12)
    return Contour(np.where(rng.random(frames) < 0.75, f0, 0.0), 10 * np.cumsum(rng.normal(size=frames)))


@pytest.mark.parametrize("hertz", [80.0, 110.0, 220.0, 330.0, 440.0])
def test_a_tone_is_read_to_two_cents(hertz: float) -> None:
    f0 = contour(buzz(np.full(RATE, hertz))).f0[20:-20]
    assert (f0 > 0).all()
    assert np.abs(1200 * np.log2(f0 / hertz)).max() < 2.0


@pytest.mark.parametrize("cents", [0.0, 100.0, 350.0, 1200.0])
def test_tones_are_as_far_apart_as_they_were_made(cents: float) -> None:
    low, high = (contour(buzz(np.full(RATE, 110 * 2 ** (c / 1200)))) for c in (0.0, cents))
    assert semitones_apart(high, [low]) == pytest.approx(cents / 100, abs=0.05)
    assert semitones_apart(low, [high]) == semitones_apart(high, [low])


def test_the_targets_height_is_the_mean_over_all_its_voiced_frames() -> None:
    f0 = np.r_[np.full(60, 100.0), np.zeros(40)]
    octave_up = Contour(np.full(180, 200.0), np.zeros(180))
    low = Contour(f0, np.zeros(100))
    assert semitones_apart(low, [low]) == 0.0
    assert semitones_apart(low, [low, octave_up]) == pytest.approx(12 * 180 / 240, abs=1e-9)


def test_glides_up_and_down_correlate_wholly() -> None:
    up, octave, down = (contour(buzz(glide(a, b))) for a, b in ((110, 180), (220, 360), (180, 110)))
    assert correlation(up, up) == 1.0
    assert correlation(up, octave) == pytest.approx(1.0, abs=0.005)
    assert correlation(up, down) == pytest.approx(-1.0, abs=0.01)


def test_a_transposed_melody_correlates_and_is_an_octave_away() -> None:
    low, high = contour(spoken(110)), contour(spoken(220))
    assert correlation(low, high) == pytest.approx(1.0, abs=0.01)
    assert semitones_apart(low, [high]) == pytest.approx(12.0, abs=0.05)


@pytest.mark.parametrize("gain", [1e-3, 30.0])
def test_loudness_is_no_matter(gain: float) -> None:
    wave = spoken(150)
    quiet, loud = contour(wave), contour(wave * np.float32(gain))
    assert np.allclose(quiet.energy - quiet.energy.max(), loud.energy - loud.energy.max(), atol=1e-3)
    assert correlation(quiet, loud) == pytest.approx(1.0, abs=1e-5)


def test_hum_and_rumble_are_no_voice() -> None:
    wave, time = spoken(200), np.arange(2 * RATE) / RATE
    hum = (0.1 * np.sin(2 * np.pi * 50 * time) + 0.1 * np.sin(2 * np.pi * 23 * time)).astype(np.float32)
    clean, noisy = contour(wave), contour(wave + hum)
    assert correlation(clean, noisy) > 0.98
    assert semitones_apart(clean, [noisy]) < 0.2


@pytest.mark.parametrize(("front", "back"), [(0.0, 0.3), (0.1, 0.15), (0.3, 0.0)])
def test_padding_and_cutting_leave_the_correlation(front: float, back: float) -> None:
    wave = spoken(140)
    whole = contour(wave)
    edges = [np.zeros(round(seconds * RATE), np.float32) for seconds in (front, back)]
    padded = contour(np.concatenate([edges[0], wave, edges[1]]))
    cut = contour(wave[round(front * RATE) : len(wave) - round(back * RATE)])
    assert correlation(padded, whole) == pytest.approx(1.0, abs=0.005)
    assert correlation(cut, whole) == pytest.approx(1.0, abs=0.02)
    assert lag(padded.energy, whole.energy) == pytest.approx(front * RATE / HOP, abs=1)
    assert lag(cut.energy, whole.energy) == pytest.approx(-front * RATE / HOP, abs=1)


@pytest.mark.parametrize("cut", [1, 40, 149])
def test_the_shorter_one_is_found_where_it_lies(cut: int) -> None:
    energy = 10 * np.random.default_rng(cut).normal(size=300)
    part = energy[cut : cut + 150]
    assert lag(part, energy) == -cut
    assert lag(energy, part) == cut


def test_silence_is_no_place_to_find_anything() -> None:
    part = 10 * np.random.default_rng(0).normal(size=100)
    assert lag(np.concatenate([np.full(200, -60.0), part, np.full(50, -60.0)]), part) == 200
    assert lag(np.full(300, -60.0), part) == 0, "nothing fits anywhere"


@settings(deadline=None, max_examples=60)
@given(SEEDS, st.integers(200, 400), st.integers(200, 400))
def test_correlation_is_symmetric_and_in_range(seed: int, frames: int, others: int) -> None:
    a, b = made(seed, frames), made(seed + 1, others)
    value = correlation(a, b)
    assert -1.0 <= value <= 1.0
    assert correlation(b, a) == pytest.approx(value, abs=1e-12)
    assert correlation(a, a) == pytest.approx(1.0, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(SEEDS, st.floats(-24, 24), st.floats(-24, 24))
def test_transposing_leaves_the_correlation_and_moves_the_height(seed: int, ours: float, theirs: float) -> None:
    a, b = made(seed), made(seed + 1)
    moved, other = (Contour(c.f0 * 2 ** (by / 12), c.energy) for c, by in ((a, ours), (b, theirs)))
    assert correlation(moved, other) == pytest.approx(correlation(a, b), abs=1e-9)
    assert semitones_apart(moved, [a]) == pytest.approx(abs(ours), abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_stretching_a_melody_in_height_leaves_the_correlation_and_turning_it_over_negates_it(seed: int) -> None:
    a, b = made(seed), made(seed + 1)
    log_f0 = np.log(np.where(a.f0 > 0, a.f0, 1.0))
    wider, upside_down = (Contour(np.where(a.f0 > 0, 100 * np.exp(k * log_f0), 0.0), a.energy) for k in (1.7, -1.0))
    assert correlation(wider, b) == pytest.approx(correlation(a, b), abs=1e-9)
    assert correlation(upside_down, b) == pytest.approx(-correlation(a, b), abs=1e-9)


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(0, np.float32),
        np.zeros(2 * RATE, np.float32),
        np.ones(2 * RATE, np.float32),
        np.eye(1, 2 * RATE, RATE, dtype=np.float32)[0],
        np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32),
        buzz(np.full(round(0.05 * RATE), 150.0)),
        np.concatenate([buzz(np.full(round(0.15 * RATE), 150.0)), np.zeros(RATE, np.float32)]),
    ],
    ids=["nothing", "silence", "constant", "click", "noise", "0.05 s", "0.15 s of voice"],
)
def test_what_has_no_voice_is_an_error_with_numbers(wave: np.ndarray) -> None:
    with pytest.raises(BenchmarkError, match=rf"of {len(wave) / RATE:.2f} s are voiced .* needs 0.25 s"):
        contour(wave)


def test_too_few_frames_voiced_in_both_is_an_error() -> None:
    a, b = made(0), made(1)
    apart = [Contour(np.where(mask, c.f0, 0.0), c.energy) for c, mask in ((a, _first(160)), (b, ~_first(140)))]
    with pytest.raises(BenchmarkError, match=r"voiced together for 0\.0\d s"):
        correlation(*apart)


def _first(frames: int) -> np.ndarray:
    return np.arange(300) < frames


def test_a_monotone_has_no_correlation_and_the_message_says_whose() -> None:
    tone, moving = contour(buzz(np.full(2 * RATE, 150.0))), contour(buzz(melody(150)))
    with pytest.raises(BenchmarkError, match="The output stays on one tone"):
        correlation(tone, moving)
    with pytest.raises(BenchmarkError, match="The source stays on one tone"):
        correlation(moving, tone)


def test_lengths_beyond_a_factor_of_two_are_no_versions_of_one_utterance() -> None:
    assert np.isfinite(correlation(made(0, 200), made(1, 400)))
    with pytest.raises(BenchmarkError, match=r"output lasts 1\.00 s and the source 2\.02 s"):
        correlation(made(0, 200), made(1, 404))


def test_settings_are_what_the_documentation_says() -> None:
    assert (HOP / RATE, FLOOR, CEILING, FEWEST * HOP / RATE) == (0.005, 71.0, 500.0, 0.25)
