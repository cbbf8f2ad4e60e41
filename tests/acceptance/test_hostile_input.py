"""Files nobody meant well, through `prepare` and `score`: each named with its reason, the others unharmed."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmark.cli import main
from benchmark.corpora.folder import FolderCorpus
from benchmark.corpora.prepare import prepare
from benchmark.errors import UnreadableMedia
from benchmark.media.audio import WAVE24K, read_wave
from benchmark.media.image import FACE128
from protocols.trial import Trial, write_trials

RATE = 16000


def voice(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Something with the pitch and the pauses of speech, different for every seed."""
    t = np.arange(round(RATE * seconds)) / RATE
    pitch = 110 + 20 * seed + 10 * np.sin(2 * np.pi * 3 * t)
    harmonics = sum(np.sin(2 * np.pi * np.cumsum(k * pitch) / RATE) / k for k in range(1, 12))
    noise = np.random.default_rng(seed).normal(size=len(t))
    wave: np.ndarray = 0.1 * harmonics * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * t)) + 0.002 * noise
    return wave


def wav(data_bytes: int, rate: int = 8000, bits: int = 8, channels: int = 1) -> bytes:
    """The header of a WAV that announces so many bytes of sound."""
    frame = channels * bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * frame, frame, bits)
    data = struct.pack("<4sI", b"data", data_bytes)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data) + data_bytes, b"WAVE") + form + data


def sparse(path: Path, header: bytes, size: int) -> None:
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + size)


def bad_sounds(folder: Path) -> Mapping[str, str]:
    """Name -> what its error must say."""
    (folder / "zero.wav").touch()
    sparse(folder / "six_hours.wav", wav(6 * 3600 * 8000), 6 * 3600 * 8000)
    (folder / "lying.wav").write_bytes(wav(2_000_000, 16000, 16) + bytes(64_000))
    sparse(folder / "channels.wav", wav(600 << 20, 48000, 8, 1024), 600 << 20)
    broken = voice(1).astype(np.float32)
    broken[1000] = np.nan
    soundfile.write(folder / "nan.wav", broken, RATE, subtype="FLOAT")
    soundfile.write(folder / "one_sample.wav", np.full(1, 0.5), RATE)
    (folder / "text.wav").write_text("I am no sound. " * 100)
    (folder / "picture.wav").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    return {
        "zero.wav": "not a readable sound",
        "six_hours.wav": "360 minutes by its header, at most 30",
        "lying.wav": "cut off; 64000 bytes of sound where 2000000 are announced",
        "channels.wav": "in 1024 channels; at most",
        "nan.wav": "NaN",
        "one_sample.wav": "",
        "text.wav": "not a readable sound",
        "picture.wav": "not a readable sound",
    }


def bad_pictures(folder: Path) -> Mapping[str, str]:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    Image.new("RGB", (1, 1)).save(folder / "pixel.png")
    Image.new("1", (30_000, 1)).save(folder / "line.png")
    Image.new("1", (30_000, 30_000)).save(folder / "huge.png")
    photo.save(folder / "cut.jpg")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:900])
    photo.save(folder / "film.webp", save_all=True, append_images=[photo.rotate(90)])
    photo.save(folder / "program.eps")
    (folder / "program.eps").rename(folder / "program.png")
    (folder / "words.mp4").write_text("I am no clip. " * 100)
    (folder / "list.mp4").write_text("#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    return {
        "pixel.png": "1x1 pixels; sides of 16 to 20000",
        "line.png": "30000x1 pixels; sides of 16 to 20000",
        "huge.png": "900000000 pixels",
        "cut.jpg": "not a readable picture",
        "film.webp": "several pictures",
        "program.png": "not a readable picture",
        "words.mp4": "not a readable clip",
        "list.mp4": "not a readable clip",
    }


def good(root: Path) -> None:
    for number, speaker in enumerate(("anna", "bert")):
        folder = root / ("female", "male")[number] / speaker
        folder.mkdir(parents=True)
        for k in range(2):
            soundfile.write(folder / f"good{k}.wav", voice(10 * number + k), RATE)
            picture = np.random.default_rng(number + k).integers(0, 256, (80, 70, 3), dtype=np.uint8)
            Image.fromarray(picture).save(folder / f"good{k}.png")


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.lstat().st_size, p.lstat().st_mtime_ns) for p in folder.rglob("*")}


@pytest.mark.slow
def test_prepare_lists_them_and_keeps_the_others_bit_for_bit(tmp_path: Path) -> None:
    good(tmp_path / "clean")
    good(tmp_path / "mixed")
    place = tmp_path / "mixed" / "female" / "anna"
    reasons = {**bad_sounds(place), **bad_pictures(place)}
    before = everything(tmp_path / "mixed")
    clean = prepare(FolderCorpus(tmp_path / "clean", held_out=0), jobs=1, cache=tmp_path / "cache", progress=False)
    mixed = prepare(FolderCorpus(tmp_path / "mixed", held_out=0), jobs=1, cache=tmp_path / "cache", progress=False)
    assert everything(tmp_path / "mixed") == before
    assert {p.name for p in tmp_path.iterdir()} == {"clean", "mixed", "cache"}
    listed = {entry["id"]: entry["reason"] for entry in mixed.meta["skipped"]}
    for name, reason in reasons.items():
        (found,) = (said for said in listed.values() if name in said)
        assert reason in found
    assert len(listed) == len(reasons)
    assert clean.meta["skipped"] == []
    assert [r.id for r in mixed.records] == [r.id for r in clean.records]
    for feature in (WAVE24K, FACE128):
        for i in range(len(clean.records)):
            np.testing.assert_array_equal(mixed.rows(feature, i), clean.rows(feature, i))


def score(folder: Path, rows: list[Trial]) -> dict[str, dict[str, Any]]:
    """Output -> its line of scores.jsonl."""
    write_trials(folder / "trials.csv", rows)
    given = ["--trials", str(folder / "trials.csv"), "--out", str(folder / "scored")]
    with pytest.raises(SystemExit) as stop:
        main(["score", *given, "--metrics", "spksim@resemblyzer"])
    assert stop.value.code == 0
    names = {row.trial: row.output for row in rows}
    lines = [json.loads(line) for line in (folder / "scored" / "scores.jsonl").read_text().splitlines()]
    return {names[line["trial"]]: line for line in lines}


@pytest.mark.slow
def test_score_counts_them_as_failed_and_the_others_as_ever(tmp_path: Path) -> None:
    results = []
    for name in ("clean", "mixed"):
        folder = tmp_path / name
        folder.mkdir()
        soundfile.write(folder / "target.wav", voice(3), RATE)
        outputs = {f"good{k}.wav": "" for k in range(3)}
        for k, output in enumerate(outputs):
            soundfile.write(folder / output, voice(20 + k), RATE)
        if name == "mixed":
            outputs |= bad_sounds(folder)
        rows = [
            Trial(
                output,
                "ours",
                "audio_guided_vc",
                "target.wav",
                "target.wav",
                ("target.wav",),
                "s",
                0,
                "t",
                0,
                trial=f"x-{k}",
            )
            for k, output in enumerate(outputs)
        ]
        results.append((score(folder, rows), outputs))
    (clean, _), (mixed, outputs) = results
    for output, reason in outputs.items():
        if output in clean:
            assert mixed[output]["value"] == pytest.approx(clean[output]["value"], abs=1e-6)
        else:
            assert mixed[output].get("value") is None
            assert output in mixed[output]["error"]
            assert reason in mixed[output]["error"]
    record = json.loads((tmp_path / "mixed" / "scored" / "run.json").read_text())
    assert record["counts"]["spksim@resemblyzer"] == {"planned": 11, "scored": 3, "failed": 8}


@pytest.mark.parametrize("channels", [1, 2])
def test_the_limit_is_on_samples_not_on_honest_length(tmp_path: Path, channels: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.full((29 * 60 * 8000, channels), 0.1, np.float32), 8000)
    assert len(read_wave(tmp_path / "a.wav", 8000)) == 29 * 60 * 8000


def test_one_sample_is_read_as_what_it_is_and_refused_as_a_voice(tmp_path: Path) -> None:
    from benchmark.corpora.reading import read_voice

    soundfile.write(tmp_path / "a.wav", np.full(1, 0.5), 24000)
    assert read_wave(tmp_path / "a.wav").tolist() == [0.5]
    with pytest.raises(UnreadableMedia, match=r"a\.wav: 0\.00 s of sound"):
        read_voice(tmp_path / "a.wav")
