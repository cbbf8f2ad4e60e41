import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyworld
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.corpora.pocket import voice
from benchmark.corpora.pocket.identity import DRIVERS, Identity, make_identity

SENTENCE = "set red by b one now"  # one of the shortest
AVERAGE = Identity("average", 0, 49.0, *([0.0] * 7))
traits = st.floats(-2.0, 2.0)


def people() -> st.SearchStrategy[Identity]:
    return st.builds(Identity, st.just("made"), st.integers(0, 1), st.floats(18.0, 80.0), *([traits] * 7))


def pitch_of(wave: np.ndarray) -> float:
    f0, _ = pyworld.dio(wave.astype(np.float64), voice.RATE, f0_floor=50.0, f0_ceil=600.0)
    return float(np.median(f0[f0 > 0]))


def spectrum(wave: np.ndarray) -> np.ndarray:
    """Mean dB in third octaves from 200 Hz to 5 kHz."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    hz = np.fft.rfftfreq(len(wave), 1 / voice.RATE)
    edges = 200.0 * 2.0 ** (np.arange(15) / 3)
    return np.array([10 * np.log10(power[(hz >= a) & (hz < b)].mean()) for a, b in itertools.pairwise(edges)])


@settings(deadline=None, max_examples=25)
@given(people(), st.integers(0, 1000))
def test_any_person_speaks_long_loud_and_unclipped(person: Identity, seed: int) -> None:
    wave = voice.synthesise(person, SENTENCE, seed)
    assert wave.dtype == np.float32
    assert wave.ndim == 1
    assert len(wave) >= voice.SECONDS * voice.RATE
    assert np.abs(wave).max() <= voice.PEAK + 1e-6
    assert 0.5 * voice.LEVEL < np.sqrt(np.mean(wave**2)) < 1.05 * voice.LEVEL
    loud = np.flatnonzero(np.abs(wave) > 0.1 * np.abs(wave).max())
    assert loud[0] < 0.3 * voice.RATE
    assert len(wave) - loud[-1] < 0.8 * voice.RATE


def test_the_same_arguments_say_the_same_and_seeds_differ_a_little() -> None:
    first = voice.synthesise(AVERAGE, SENTENCE, 0)
    voice.synthesise(make_identity("other", 1, 0), SENTENCE, 3)
    np.testing.assert_array_equal(first, voice.synthesise(AVERAGE, SENTENCE, 0))
    other = voice.synthesise(AVERAGE, SENTENCE, 1)
    assert len(other) != len(first) or not np.allclose(other, first)
    assert abs(np.log(pitch_of(other) / pitch_of(first))) < 0.2


@pytest.mark.parametrize("gender", [0, 1])
@pytest.mark.parametrize("size", [-2.0, 0.0, 2.0])
def test_pitch_is_as_intended_whatever_the_formant_scale(gender: int, size: float) -> None:
    person = replace(AVERAGE, gender=gender, size=size)
    measured = np.mean([pitch_of(voice.synthesise(person, SENTENCE, seed)) for seed in range(3)])
    assert measured == pytest.approx(voice.voice_of(person).pitch, rel=0.1)


def test_formants_scale_and_duration_does_not() -> None:
    small, big = (replace(AVERAGE, size=s) for s in (-1.5, 1.5))
    assert voice.voice_of(small).formants == pytest.approx(np.exp(0.105))
    lengths = [len(voice.synthesise(p, "place white with x seven again", 0)) for p in (small, AVERAGE, big)]
    assert max(lengths) / min(lengths) < 1.15
    centres = []
    for person in (small, big):
        power = 10 ** (spectrum(voice.synthesise(person, SENTENCE, 0)) / 10)
        centres.append(np.average(np.arange(len(power)), weights=power))
    assert centres[0] > centres[1] + 0.5


@pytest.mark.parametrize("driver", [d for d in DRIVERS if d != "gender"])
def test_every_driver_is_heard(driver: str) -> None:
    low, high = ({"age": 30.0, "other": -1.0}, {"age": 68.0, "other": 1.0})
    waves = [
        voice.synthesise(replace(AVERAGE, **{driver: ends.get(driver, ends["other"])}), SENTENCE, 0)
        for ends in (low, high)
    ]
    assert np.abs(spectrum(waves[0]) - spectrum(waves[1])).max() > 3.0


@given(people(), people(), st.floats(0.0, 1.0))
def test_the_map_is_linear_within_a_gender(a: Identity, b: Identity, t: float) -> None:
    b = replace(b, gender=a.gender)
    mixed = replace(a, **{d: (1 - t) * getattr(a, d) + t * getattr(b, d) for d in DRIVERS if d != "gender"})
    va, vb, vm = map(voice.voice_of, (a, b, mixed))
    np.testing.assert_allclose(vm.gain, (1 - t) * va.gain + t * vb.gain, atol=1e-6)
    for name in ("pitch", "pace", "breath"):
        expected = (1 - t) * np.log(getattr(va, name)) + t * np.log(getattr(vb, name))
        assert np.log(getattr(vm, name)) == pytest.approx(expected, abs=1e-9)


def test_formant_scale_keeps_its_limit() -> None:
    giant = replace(AVERAGE, size=2.0, jaw=2.0, hidden=2.0)
    assert voice.voice_of(giant).formants == pytest.approx(np.exp(-voice.FORMANT_LIMIT))


@pytest.mark.parametrize("driver", voice.EFFECTS)
def test_the_page_says_what_the_code_does(driver: str) -> None:
    effect = voice.EFFECTS[driver]
    bands = ", ".join(f"{db:+g} dB at {hz:g} Hz" for hz, db in effect.bands)
    tilt = f"{effect.tilt:+g} dB an octave" if effect.tilt else ""
    numbers = (effect.formants, effect.pitch, effect.pitch_range, effect.pace, effect.breath)
    row = [driver, *(f"{number:+g}" if number else "" for number in numbers), ", ".join(filter(None, (bands, tilt)))]
    page = (Path(__file__).parents[4] / "docs" / "pocket.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    assert row in rows
