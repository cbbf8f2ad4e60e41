import hashlib
import multiprocessing
import subprocess
import sys

import numpy as np
import pytest

from benchmark.corpora.pocket import espeak
from benchmark.errors import BenchmarkError

SENTENCE = "bin blue at f two now"


def say(voice: str = "en-us+f5", pace: int = 100, pitch: int = 50, pitch_range: int = 50) -> np.ndarray:
    return espeak.speak(SENTENCE, voice, pace, pitch, pitch_range)


def digest(voice: str) -> str:
    return hashlib.sha256(say(voice).tobytes()).hexdigest()


@pytest.mark.parametrize("voice", ["en-us+f5", "en-us+m1"])
def test_speech_does_not_depend_on_what_was_said_before(voice: str) -> None:
    first = say(voice)
    espeak.speak("place red with z nine soon", "en-us+m3", 130, 20, 80)
    np.testing.assert_array_equal(first, say(voice))
    assert first.dtype == np.float32
    assert 0.05 < np.abs(first).max() <= 1.0


def test_forked_and_fresh_processes_say_the_same() -> None:
    here = [digest("en-us+f5"), digest("en-us+m1")]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(digest, ["en-us+f5", "en-us+m1"]) == here
    code = (
        "import hashlib; from benchmark.corpora.pocket.espeak import speak; "
        f"print(hashlib.sha256(speak({SENTENCE!r}, 'en-us+f5', 100, 50, 50).tobytes()).hexdigest())"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == here[0]


def test_slower_is_longer() -> None:
    assert len(say(pace=80)) > 1.2 * len(say(pace=110))


def test_unknown_voice() -> None:
    with pytest.raises(BenchmarkError, match="no voice 'en-us-nobody'"):
        say("en-us-nobody")


def test_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak.espeakng_loader, "get_library_path", lambda: "libnothing.so")
    with pytest.raises(BenchmarkError, match="reinstall the package `espeakng-loader`"):
        say()


def test_data_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak.espeakng_loader, "get_data_path", lambda: "nowhere")
    with pytest.raises(BenchmarkError, match="did not start"):
        say()
