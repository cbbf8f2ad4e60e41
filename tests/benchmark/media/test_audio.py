"""Reading, resampling, loudness, writing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media import audio
from benchmark.media.audio import (
    WAVE16K,
    WAVE24K,
    normalise_loudness,
    read_wave,
    resample,
    to_float,
    to_int16,
    write_flac,
)

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")


def tone(frequency: float, rate: int, seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    time = np.arange(int(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 24001, 25000, 44100, 48000, 96000])
def test_a_file_of_any_rate_becomes_the_same_tone(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440.0, rate), rate, subtype="FLOAT")
    got = read_wave(tmp_path / "a.wav")
    assert got.dtype == np.float32
    assert abs(len(got) - 24000) <= 1
    inner = slice(1000, 23000)
    # 24001 Hz is taken for 24000 Hz: a tone lower by 0.04 parts in a thousand.
    hertz = 440.0 * 24000 / 24001 if rate == 24001 else 440.0
    np.testing.assert_allclose(got[inner], tone(hertz, 24000)[inner], atol=1e-4)


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [
        ("wav", "PCM_U8", 1 / 128),
        ("wav", "PCM_16", 1 / 32768),
        ("wav", "PCM_24", 1e-6),
        ("wav", "FLOAT", 0.0),
        ("wav", "DOUBLE", 0.0),
        ("flac", "PCM_16", 1 / 32768),
        ("flac", "PCM_S8", 1 / 128),
        ("ogg", "VORBIS", 0.05),
    ],
)
def test_sample_formats(tmp_path: Path, suffix: str, subtype: str, tolerance: float) -> None:
    wave = tone(300.0, 24000)
    soundfile.write(tmp_path / f"a.{suffix}", wave, 24000, subtype=subtype)
    assert np.abs(read_wave(tmp_path / f"a.{suffix}") - wave).max() <= tolerance


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(300.0, 24000), tone(500.0, 24000)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], 1), 24000, subtype="FLOAT")
    np.testing.assert_allclose(read_wave(tmp_path / "a.wav"), (left + right) / 2, atol=1e-7)


def test_a_float_file_beyond_full_scale_keeps_its_values(tmp_path: Path) -> None:
    wave = tone(300.0, 24000, amplitude=1.51)
    soundfile.write(tmp_path / "a.wav", wave, 24000, subtype="FLOAT")
    np.testing.assert_array_equal(read_wave(tmp_path / "a.wav"), wave)


def _cut(path: Path) -> None:
    generator = np.random.default_rng(0)
    soundfile.write(path, generator.uniform(-0.5, 0.5, 48000), 24000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _header_only(path: Path) -> None:
    soundfile.write(path, np.zeros(0, np.float32), 24000)


def _not_finite(path: Path, value: float) -> None:
    wave = tone(300.0, 24000)
    wave[77] = value
    soundfile.write(path, wave, 24000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("missing.wav", lambda path: None, "no such"),
        ("folder.wav", lambda path: path.mkdir(), "no such"),
        ("empty.wav", lambda path: path.touch(), "not a readable"),
        ("text.wav", lambda path: path.write_text("hello " * 100), "not a readable"),
        ("cut.flac", _cut, "cut off|not a readable"),
        ("cut.wav", _cut, "cut off"),
        ("cut.aiff", _cut, "cut off"),
        ("slow.wav", lambda path: soundfile.write(path, np.zeros(99), 12), "12 Hz"),
        ("fast.wav", lambda path: soundfile.write(path, np.zeros(99), 2**30), "1073741824 Hz"),
        ("header.wav", _header_only, "0 samples"),
        ("nan.wav", lambda path: _not_finite(path, np.nan), "NaN"),
        ("inf.wav", lambda path: _not_finite(path, -np.inf), "infinite"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, make, reason: str) -> None:
    make(tmp_path / name)
    with pytest.raises(UnreadableMedia, match=reason) as error:
        read_wave(tmp_path / name)
    assert name in str(error.value)


def test_a_wav_written_to_a_pipe_is_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(300.0, 24000), 24000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    start = data.index(b"data")
    data[4:8] = data[start + 4 : start + 8] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(data)
    assert len(read_wave(tmp_path / "a.wav")) == 24000


def test_too_long_a_file_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "long.flac", np.zeros(31 * 60 * 8000, np.int16), 8000)

    def decode(*args: object, **kwargs: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(soundfile.SoundFile, "read", decode)
    with pytest.raises(UnreadableMedia, match="31 minutes"):
        read_wave(tmp_path / "long.flac")


@given(length=st.integers(1, 4000), rate=st.sampled_from([8000, 16000, 24000]))
def test_equal_rates_change_nothing(length: int, rate: int) -> None:
    wave = np.linspace(-1, 1, length, dtype=np.float32)
    assert resample(wave, rate, rate) is wave


@settings(deadline=None, max_examples=30)
@given(
    length=st.integers(1, 5000),
    rates=st.tuples(st.sampled_from([8000, 16000, 22050, 44100, 48000]), st.sampled_from([16000, 24000])),
)
def test_length_after_resampling(length: int, rates: tuple[int, int]) -> None:
    assert len(resample(np.zeros(length, np.float32), *rates)) == math.ceil(length * rates[1] / rates[0])


def test_resampling_down_leaves_no_alias() -> None:
    assert np.abs(resample(tone(10000.0, 24000), 24000, 16000)[500:-500]).max() < 1e-3


def test_resampling_goes_back() -> None:
    wave = tone(1234.0, 16000)
    back = resample(resample(wave, 16000, 24000), 24000, 16000)
    np.testing.assert_allclose(back[500:-500], wave[500:-500], atol=1e-4)


def test_loudness_reaches_the_level_unless_a_peak_forbids() -> None:
    wave = tone(300.0, 24000, amplitude=0.01)
    rms = np.sqrt(np.mean(normalise_loudness(wave, -23.0) ** 2))
    assert 20 * np.log10(rms) == pytest.approx(-23.0, abs=1e-3)
    click = np.zeros(24000, np.float32)
    click[5] = 0.1
    assert np.abs(normalise_loudness(click, -23.0)).max() == pytest.approx(0.99, abs=1e-6)


def test_silence_stays_silence() -> None:
    silence = np.zeros(100, np.float32)
    np.testing.assert_array_equal(normalise_loudness(silence), silence)
    np.testing.assert_array_equal(to_int16(silence), silence)


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=200))
def test_stored_samples_survive_the_round_trip(values: list[int]) -> None:
    rows = np.array(values, np.int16)
    np.testing.assert_array_equal(to_int16(to_float(torch.from_numpy(rows)).numpy()), rows)


@given(st.floats(1.0, 50.0))
def test_a_loud_wave_is_scaled_not_clipped(gain: float) -> None:
    wave = tone(300.0, 24000, 0.05, 1.0)
    np.testing.assert_allclose(to_int16(wave * np.float32(gain)), to_int16(wave / np.abs(wave).max()), atol=17)


def test_flac_round_trip_and_scaling(tmp_path: Path) -> None:
    wave = tone(300.0, 24000)
    assert write_flac(tmp_path / "a.flac", wave) is False
    np.testing.assert_allclose(read_wave(tmp_path / "a.flac"), wave, atol=1 / 32768)
    assert soundfile.info(tmp_path / "a.flac").subtype == "PCM_16"
    assert write_flac(tmp_path / "b.flac", 3 * wave, 16000) is True
    loud, rate = soundfile.read(tmp_path / "b.flac")
    assert rate == 16000
    np.testing.assert_allclose(loud, 2 * wave, atol=2 / 32768)


@pytest.mark.parametrize(
    "wave",
    [np.zeros(0), np.zeros((2, 5)), np.array([0.0, np.nan]), np.array([np.inf])],
    ids=["empty", "2d", "nan", "inf"],
)
def test_an_unusable_wave_is_not_written(tmp_path: Path, wave: np.ndarray) -> None:
    with pytest.raises(BenchmarkError, match="not written"):
        write_flac(tmp_path / "a.flac", wave)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_flac(tmp_path / "a.flac", tone(300.0, 24000))
    before = (tmp_path / "a.flac").read_bytes()

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("benchmark.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_flac(tmp_path / "a.flac", tone(600.0, 24000))
    assert [p.name for p in tmp_path.iterdir()] == ["a.flac"]
    assert (tmp_path / "a.flac").read_bytes() == before


def test_waveform_features() -> None:
    rows = to_int16(tone(300.0, 24000))
    stored = WAVE24K.batch(torch.from_numpy(rows)[None])
    assert stored.shape == (1, 24000)
    assert stored.dtype == torch.float32
    assert WAVE16K.compute is not None
    low = WAVE16K.compute(rows)
    assert low.dtype == np.float32
    np.testing.assert_allclose(low[500:-500], tone(300.0, 16000)[500:-500], atol=2e-4)
    np.testing.assert_array_equal(WAVE16K.batch(torch.from_numpy(low)[None])[0].numpy(), low)


@pytest.mark.real
@real
@pytest.mark.parametrize(
    "pattern", ["vctk/**/*.flac", "vctk_other_rates/**/*.wav", "lrs3_pairs/**/*.wav", "outputs/adain_vc/**/*.wav"]
)
def test_real_files(pattern: str) -> None:
    files = sorted(SHARED.glob(pattern))[:3]
    assert files
    for path in files:
        info = soundfile.info(path)
        wave = read_wave(path)
        assert len(wave) == math.ceil(info.frames * audio.RATE / info.samplerate)
        assert 1e-3 < np.abs(wave).max() < 2.0
