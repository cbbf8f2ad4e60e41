"""The WORLD converter on made vowels, whose pitch and formants are known."""

from dataclasses import replace

import numpy as np
import pytest
import pyworld
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.world_vc import (
    RATE,
    WorldVC,
    WorldVCSettings,
    analyse,
    convert,
    envelope_factor,
    stretch,
    transfer_f0,
)

SETTINGS = WorldVCSettings()
FORMANTS = ((700, 80), (1220, 90), (2600, 120), (3500, 180), (4400, 220))


def vowel(pitch: float, tract: float, seconds: float = 1.0) -> np.ndarray:
    """A vowel whose pitch glides 10 % about `pitch` (Hz) and whose formants are multiplied by `tract`; (N,) float64."""
    time = np.arange(int(seconds * RATE)) / RATE
    glide = pitch * (1 + 0.1 * np.sin(2 * np.pi * 1.5 * time))
    phase = 2 * np.pi * np.cumsum(glide) / RATE
    wave = np.zeros(len(time))
    for harmonic in range(1, int(9000 / pitch)):
        frequency = harmonic * pitch
        gain = np.prod(
            [(f * tract) ** 2 / np.hypot((f * tract) ** 2 - frequency**2, frequency * b) for f, b in FORMANTS]
        )
        wave += gain / harmonic * np.sin(harmonic * phase)
    noise = 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    return 0.5 * wave / np.abs(wave).max() + noise


def mean_pitch(wave: np.ndarray) -> float:
    f0 = analyse(wave, SETTINGS).f0
    return float(np.exp(np.log(f0[f0 > 0]).mean()))


@pytest.fixture(scope="module")
def man() -> np.ndarray:
    return vowel(115.0, 1.0)


@pytest.fixture(scope="module")
def woman() -> np.ndarray:
    return vowel(205.0, 1.15, seconds=0.8)


def test_pitch_and_formants_follow_the_reference(man: np.ndarray, woman: np.ndarray) -> None:
    assert mean_pitch(convert(man, woman, SETTINGS)) == pytest.approx(205.0, rel=0.03)
    assert mean_pitch(convert(woman, man, SETTINGS)) == pytest.approx(115.0, rel=0.03)
    down, up = analyse(man, SETTINGS), analyse(woman, SETTINGS)
    assert envelope_factor(down, up, SETTINGS) == pytest.approx(1.15, abs=0.06)
    assert envelope_factor(up, down, SETTINGS) == pytest.approx(1 / 1.15, abs=0.06)


@pytest.mark.parametrize("pitch", [120.0, 200.0])
def test_mains_hum_does_not_hide_a_voice(pitch: float) -> None:
    """DIO finds nothing there unless low sound is turned down before."""
    wave = vowel(pitch, 1.0)
    wave += 0.1 * np.sin(2 * np.pi * 50.0 * np.arange(len(wave)) / RATE)
    assert not (analyse(wave, replace(SETTINGS, hum=0.01)).f0 > 0).any()
    assert (analyse(wave, SETTINGS).f0 > 0).mean() > 0.8
    assert mean_pitch(wave) == pytest.approx(pitch, rel=0.03)


@pytest.mark.parametrize("floor", [60.0, 71.0, 150.0])
def test_no_frame_has_a_pitch_that_its_envelope_does_not_know(floor: float) -> None:
    """CheapTrick takes an F0 below its floor for 500 Hz, as it takes 0: such a frame is unvoiced for all parts."""
    own = replace(SETTINGS, f0_floor=floor)
    parts = analyse(vowel(floor + 4.0, 1.0), own)
    known = pyworld.get_cheaptrick_f0_floor(RATE, 2 * (parts.envelope.shape[1] - 1))
    assert known <= floor
    assert parts.envelope.shape == parts.aperiodicity.shape
    assert (parts.f0 > 0).any()
    assert (parts.f0[parts.f0 > 0] >= floor).all()


def test_stonemask_moves_a_voice_below_the_floor() -> None:
    """Without which there would be nothing to leave out."""
    wave = vowel(75.0, 1.0)
    f0, times = pyworld.dio(wave, RATE, f0_floor=SETTINGS.f0_floor, f0_ceil=SETTINGS.f0_ceiling)
    refined = pyworld.stonemask(wave, f0, times, RATE)
    assert ((refined > 0) & (refined < SETTINGS.f0_floor)).any()


def test_the_way_back_is_the_inverse(man: np.ndarray, woman: np.ndarray) -> None:
    a, b = analyse(man, SETTINGS), analyse(woman, SETTINGS)
    assert envelope_factor(a, b, SETTINGS) * envelope_factor(b, a, SETTINGS) == pytest.approx(1.0, abs=1e-9)


def test_a_recording_is_its_own_reference(man: np.ndarray) -> None:
    parts = analyse(man, SETTINGS)
    assert envelope_factor(parts, parts, SETTINGS) == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(transfer_f0(parts.f0, parts.f0), parts.f0, rtol=1e-9)


def test_loudness_and_tilt_do_not_move_the_factor(man: np.ndarray, woman: np.ndarray) -> None:
    a, b = analyse(man, SETTINGS), analyse(woman, SETTINGS)
    louder = b._replace(envelope=b.envelope * 100.0)
    assert envelope_factor(a, louder, SETTINGS) == envelope_factor(a, b, SETTINGS)


@given(st.floats(0.8, 1.25))
def test_stretch_moves_a_peak_by_its_factor(factor: float) -> None:
    bins = np.arange(513)
    peak = -np.square((bins - 150) / 20.0)[None]
    assert abs(int(stretch(peak, factor)[0].argmax()) - 150 * factor) <= 1.5
    np.testing.assert_allclose(stretch(peak, 1.0), peak)


@settings(max_examples=25)
@given(st.floats(80, 250), st.floats(80, 250), st.integers(0, 99))
def test_log_pitch_takes_mean_and_deviation(own: float, other: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, reference = own * np.exp(0.1 * rng.standard_normal(50)), other * np.exp(0.2 * rng.standard_normal(60))
    source[::5], reference[::7] = 0.0, 0.0
    out = transfer_f0(source, reference)
    assert ((out > 0) == (source > 0)).all()
    for moment in (np.mean, np.std):
        assert moment(np.log(out[out > 0])) == pytest.approx(moment(np.log(reference[reference > 0])), abs=1e-9)


def test_unvoiced_recordings_come_through() -> None:
    noise = 0.01 * np.random.default_rng(1).standard_normal(RATE // 2)
    silence = np.zeros(RATE // 2)
    for source in (noise, silence):
        for reference in (noise, silence):
            out = convert(source, reference, SETTINGS)
            assert out.shape == source.shape
            assert np.isfinite(out).all()
    assert (transfer_f0(np.array([0.0, 100.0]), np.array([0.0, 0.0])) == np.array([0.0, 100.0])).all()


def test_rows_are_converted_one_by_one_at_their_own_length(man: np.ndarray, woman: np.ndarray) -> None:
    system = WorldVC(SETTINGS)
    cut = len(man) // 2 + 7
    source = {"wave24k": torch.from_numpy(np.stack([man[:cut], woman[:cut]])).float()}
    reference = {"wave24k": torch.from_numpy(np.stack([woman, man[: len(woman)]])).float()}
    out = system.translate("audio_guided_vc", source, reference, torch.tensor([1, 2]))
    assert out.shape == source["wave24k"].shape
    assert out.dtype == torch.float32
    for i in range(2):
        one = [{"wave24k": c["wave24k"][i : i + 1]} for c in (source, reference)]
        assert torch.equal(system.translate("audio_guided_vc", *one, torch.tensor([9]))[0], out[i])


def test_it_is_a_control_for_one_task() -> None:
    system = WorldVC(SETTINGS)
    assert WorldVC.tasks == {"audio_guided_vc"}
    assert system.inputs == {"audio_guided_vc": ("wave24k",)}
    assert system.output == {"audio_guided_vc": "wave24k"}
    assert system.phases() == ()
