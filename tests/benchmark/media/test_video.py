from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import UnreadableMedia
from benchmark.media.video import read_clip, wanted

REAL = Path(__file__).parents[4] / "shared" / "data" / "grid"
RATE = 44100


def write_clip(path: Path, frames: int = 75, sound: bool = True, pictures: bool = True) -> None:
    """Frame k is grey of level 2 k + 20; the left channel is a tone of 0.4, the right one silent."""
    with av.open(str(path), "w") as container:
        if pictures:
            video = container.add_stream("mpeg1video", rate=25)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            video.bit_rate = 1_000_000
        if sound:
            audio = container.add_stream("mp2", rate=RATE)
            audio.layout = "stereo"
        if pictures:
            for k in range(frames):
                picture = np.full((48, 64, 3), 2 * k + 20, np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(video.encode(None))
        if sound:
            tone = 0.4 * np.sin(2 * np.pi * 441 * np.arange(RATE * frames // 25) / RATE)
            samples = (np.stack([tone, np.zeros_like(tone)], 1) * 32767).astype(np.int16)
            block = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "stereo")
            block.sample_rate = RATE
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))


def test_frames_are_evenly_spaced_and_sound_is_the_mean_of_the_channels(tmp_path):
    write_clip(tmp_path / "a.mpg")
    clip = read_clip(tmp_path / "a.mpg", 4)
    assert clip.frames.shape == (4, 48, 64, 3)
    assert clip.frames.dtype == np.uint8
    numbers = (clip.frames.mean(axis=(1, 2, 3)) - 20) / 2
    np.testing.assert_allclose(numbers, wanted(75, 4), atol=1.5)
    assert clip.rate == RATE
    assert clip.wave.dtype == np.float32
    assert len(clip.wave) == pytest.approx(3 * RATE, abs=3000)
    middle = clip.wave[RATE : 2 * RATE]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.2 / np.sqrt(2), rel=0.02)
    spectrum = np.abs(np.fft.rfft(middle))
    assert spectrum.argmax() == 441


def test_a_mute_clip_and_a_short_one(tmp_path):
    write_clip(tmp_path / "mute.mpg", sound=False)
    clip = read_clip(tmp_path / "mute.mpg", 2)
    assert (clip.wave, clip.rate, len(clip.frames)) == (None, 0, 2)
    write_clip(tmp_path / "short.mpg", frames=3, sound=False)
    assert len(read_clip(tmp_path / "short.mpg", 10).frames) == 3


@given(st.integers(1, 500), st.integers(1, 60))
def test_wanted_frames(available, count):
    chosen = wanted(available, count)
    assert len(chosen) == len(set(chosen)) == min(available, count)
    assert chosen == sorted(chosen)
    assert chosen[0] >= 0
    assert chosen[-1] < available
    assert abs((chosen[0] + chosen[-1]) - (available - 1)) <= 1  # as far from the start as from the end


def test_unreadable_clips_are_named(tmp_path):
    write_clip(tmp_path / "good.mpg")
    data = (tmp_path / "good.mpg").read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, len(data), dtype=np.uint8).tobytes()
    write_clip(tmp_path / "sound.mpg", pictures=False)
    for name, content in {
        "empty.mpg": b"",
        "text.mpg": b"no clip " * 99,
        "noise.mpg": noise,
        "stub.mpg": data[:30],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableMedia, match=name):
            read_clip(tmp_path / name)
    with pytest.raises(UnreadableMedia, match=r"sound\.mpg: has no video"):
        read_clip(tmp_path / "sound.mpg")
    with pytest.raises(UnreadableMedia, match=r"empty\.mpg: the file is empty"):
        read_clip(tmp_path / "empty.mpg")
    with pytest.raises(UnreadableMedia, match=r"absent\.mpg: there is no such clip"):
        read_clip(tmp_path / "absent.mpg")


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="no ../shared/data/grid")
def test_a_real_clip():
    clip = read_clip(REAL / "s1" / "bbaf2n.mpg")
    assert clip.frames.shape == (4, 288, 360, 3)
    assert clip.rate == RATE
    assert len(clip.wave) / RATE == pytest.approx(3.0, abs=0.05)
    assert 0.5 < np.abs(clip.wave).max() <= 1.0
    with av.open(str(REAL / "s1" / "bbaf2n.mpg")) as container:
        pictures = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    assert len(pictures) == 75
    np.testing.assert_array_equal(clip.frames, np.stack([pictures[i] for i in (9, 28, 46, 65)]))
