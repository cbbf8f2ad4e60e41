"""Spectrograms show the mel; media of other formats are written anew; a limit links whole groups."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from benchmark.media.audio import RATE, write_flac
from benchmark.media.mel import HOP, log_mel
from benchmark.reporting.html.media import SECONDS, Media, spectrogram


def tone(hertz: float, seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def media(folder: Path, limit: int = 10**7) -> Media:
    page = folder / "page"
    page.mkdir()
    return Media(page, page, limit)


def test_a_spectrogram_is_the_mel_upside_down() -> None:
    wave = np.concatenate([tone(300, 0.5), np.zeros(RATE // 2, np.float32), tone(3000, 0.5)])
    data, width, height = spectrogram(wave)
    picture = Image.open(BytesIO(data))
    assert picture.size == (width, height) == (1 + len(wave) // HOP, 80)
    light = np.asarray(picture.convert("L"), float)
    mel = log_mel(torch.from_numpy(wave))[0, 0].numpy()
    for frame in (20, 100):  # in either tone
        assert abs((79 - light[:, frame].argmax()) - mel[:, frame].argmax()) <= 1
    assert light[:, 20].argmax() > light[:, 100].argmax()  # the low tone lies below
    assert light[:, 60].max() < 20  # silence is dark


def test_long_recordings_are_cut_in_the_picture_alone() -> None:
    _, width, _ = spectrogram(np.zeros(round(3 * SECONDS * RATE), np.float32))
    assert width == 1 + SECONDS * RATE // HOP


def test_files_that_browsers_know_are_copied_and_others_written_anew(tmp_path: Path) -> None:
    wave, made = tone(440, 0.2), media(tmp_path)
    write_flac(tmp_path / "a.flac", wave)
    soundfile.write(tmp_path / "b.aiff", wave, 16000)
    picture = np.arange(20 * 20 * 3, dtype=np.uint8).reshape(20, 20, 3)
    Image.fromarray(picture).save(tmp_path / "c.bmp")
    paths = [tmp_path / name for name in ("a.flac", "b.aiff", "c.bmp")]
    assert made.show(paths)
    flac, aiff, bmp = (tmp_path / "page" / str(made.shown[p].src) for p in paths)
    assert flac.read_bytes() == paths[0].read_bytes()
    again, rate = soundfile.read(aiff)
    assert (aiff.suffix, rate) == (".flac", 16000)
    np.testing.assert_allclose(again, wave, atol=1e-4)
    assert made.shown[paths[1]].seconds == pytest.approx(len(wave) / 16000)
    np.testing.assert_array_equal(np.asarray(Image.open(bmp)), picture)
    assert made.written == sum(p.stat().st_size for p in (tmp_path / "page" / "media").iterdir())


def test_what_cannot_be_shown_is_said(tmp_path: Path) -> None:
    made = media(tmp_path)
    (tmp_path / "torn.flac").write_bytes(b"fLaC")
    (tmp_path / "clip.mpg").write_bytes(b"x")
    paths = [tmp_path / name for name in ("torn.flac", "clip.mpg", "gone.png")]
    made.show(paths)
    torn, clip, gone = (made.shown[p] for p in paths)
    assert "unreadable" in str(torn.why)
    assert (clip.link, clip.src) == ("../clip.mpg", None)
    assert ".mpg" in str(clip.why)
    assert "not there: gone.png" in str(gone.why)
    assert made.counts == {"copied": 0, "linked": 1, "missing": 2}


def test_a_group_that_passes_the_limit_is_linked_whole_and_a_smaller_one_still_fits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, seconds in (("first", 0.1), ("large", 1.0), ("small", 0.1)):
        write_flac(tmp_path / f"{name} ü.flac", rng.uniform(-0.5, 0.5, round(seconds * RATE)).astype(np.float32))
    first, large, small = (tmp_path / f"{name} ü.flac" for name in ("first", "large", "small"))
    made = media(tmp_path, 3 * first.stat().st_size + 20_000)
    assert made.show([first])
    assert not made.show([first, large])
    assert made.shown[large].link == "../large%20%C3%BC.flac"
    assert made.shown[large].sound
    assert made.show([first, small])
    assert made.counts == {"copied": 2, "linked": 1, "missing": 0}
    assert made.written <= made.limit
