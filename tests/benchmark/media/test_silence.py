import numpy as np
import pytest

from benchmark.media.silence import trim_silence


def spoken(rate: int, before: float, during: float, after: float, hum: float = 0.0) -> np.ndarray:
    """A tone of 200 Hz between silences, with a hum of 40 Hz below all of it."""
    time = np.arange(round((before + during + after) * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * 200 * time) * ((time >= before) & (time < before + during))
    noise = np.random.default_rng(0).normal(0, 1e-4, len(time))
    return (tone + noise + hum * np.sin(2 * np.pi * 40 * time)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
@pytest.mark.parametrize("hum", [0.0, 0.1])
def test_silence_goes_and_a_tenth_of_a_second_stays(rate, hum):
    wave = spoken(rate, 1.5, 1.0, 0.7, hum)
    trimmed = trim_silence(wave, rate)
    assert len(trimmed) / rate == pytest.approx(1.2, abs=0.1)
    start = np.flatnonzero(wave == trimmed[0])[0]
    assert np.array_equal(wave[start : start + len(trimmed)], trimmed)
    assert start / rate == pytest.approx(1.4, abs=0.05)


def test_pauses_inside_and_quiet_ends_stay():
    wave = np.concatenate([spoken(24000, 0.5, 1.0, 0.5), 0.1 * spoken(24000, 0.5, 0.5, 1.0)])
    assert len(trim_silence(wave, 24000)) / 24000 == pytest.approx(0.1 + 1.0 + 0.5 + 0.5 + 0.5 + 0.1, abs=0.1)


def test_what_has_no_silence_is_as_it_was():
    loud = spoken(24000, 0.0, 2.0, 0.0)
    assert np.array_equal(trim_silence(loud, 24000), loud)
    for wave in (np.zeros(24000, np.float32), loud[:100], loud[:1]):
        assert trim_silence(wave, 24000) is wave


def test_twice_is_once_to_a_frame():
    wave = trim_silence(spoken(24000, 1.0, 1.0, 1.0, hum=0.05), 24000)
    assert abs(len(trim_silence(wave, 24000)) - len(wave)) <= 0.03 * 24000
