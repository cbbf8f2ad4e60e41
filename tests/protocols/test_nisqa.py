"""NISQA as a protocol: one score or error for every row, equal contents judged once, rows streamed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from torch import Tensor

from benchmark import weights
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.upstream import nisqa as upstream
from protocols.media_scores import PerContent
from protocols.nisqa import Nisqa
from protocols.protocol import Protocol
from protocols.trial import Score, Trial

SHARED = Path(__file__).resolve().parents[3] / "shared"
MOS = {"nisqa.tar": (4.5618, 4.5209), "nisqa_tts.tar": (4.2839, 4.5979), "nisqa_mos_only.tar": (4.6177, 4.5768)}


class Judge:
    """Stands in for the network: the score is the number of segments, and calls are counted."""

    def __init__(self) -> None:
        self.judged: list[int] = []

    def __call__(self, clips: Sequence[Tensor], network: object) -> np.ndarray:
        self.judged += [len(clip) for clip in clips]
        return np.array([[len(clip), 0.0] for clip in clips], np.float32).reshape(-1, 2)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """No weights are needed: of the network the front end alone is used, with the published settings."""
    front = upstream.FrontEnd(4096, 0.02, 0.01, 48, 20000.0, 15, 4, 1300)
    stand_in = Judge()
    monkeypatch.setattr("protocols.nisqa.nisqa_network", lambda name: type("Network", (), {"front": front})())
    monkeypatch.setattr("protocols.nisqa.judge", stand_in)
    return stand_in


def sound(path: Path, seconds: float, rate: int = 16000, seed: int = 0) -> Path:
    wave = np.random.default_rng(seed).standard_normal(round(seconds * rate)) * 0.1
    soundfile.write(path, wave, rate)
    return path


def rows(*outputs: str) -> list[Trial]:
    return [Trial(output=o, system="s", task="image_guided_vc", trial=str(i)) for i, o in enumerate(outputs)]


def test_it_is_a_protocol_with_one_key_for_each_file() -> None:
    for name in MOS:
        protocol: Protocol = Nisqa(name)
        assert protocol.metrics == (f"nisqa@{name}",)
        assert protocol.weights == (name,)
    assert Nisqa().weights == ("nisqa.tar",)


def test_every_row_gets_a_score_or_says_why_not(tmp_path: Path, judge: Judge) -> None:
    sound(tmp_path / "good.wav", 1.0)
    sound(tmp_path / "short.wav", 0.08)
    (tmp_path / "torn.flac").write_bytes(b"fLaC and nothing more")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "folder.wav").mkdir()
    soundfile.write(tmp_path / "nan.wav", np.full(16000, np.nan), 16000, subtype="FLOAT")
    outputs = ("good.wav", "short.wav", "torn.flac", "empty.wav", "folder.wav", "nan.wav", "gone.wav", "")
    scores = list(Nisqa().score(rows(*outputs), tmp_path))
    assert [s.trial for s in scores] == list("01234567")
    assert scores[0] == Score("s", "0", "nisqa@nisqa.tar", value=22.0)
    assert all(s.value is None and s.error for s in scores[1:])
    assert "0.080 s of sound" in str(scores[1].error)
    for i in (2, 3, 4, 5, 6):
        assert outputs[i] in str(scores[i].error)
    assert scores[7].error == "The row names no output."
    assert judge.judged == [22]


def test_pictures_have_no_score(tmp_path: Path, judge: Judge) -> None:
    sound(tmp_path / "a.wav", 0.5)
    assert [s.trial for s in Nisqa().score(rows("a.png", "a.wav", "b.JPG"), tmp_path)] == ["1"]


def test_equal_contents_are_judged_once(tmp_path: Path, judge: Judge) -> None:
    sound(tmp_path / "a.wav", 0.5)
    shutil.copy(tmp_path / "a.wav", tmp_path / "b.wav")
    sound(tmp_path / "c.wav", 0.9, seed=1)
    names = ["a.wav", "b.wav", "a.wav", "c.wav"] * 20
    values = [s.value for s in Nisqa().score(rows(*names), tmp_path)]
    assert values == [10.0, 10.0, 10.0, 20.0] * 20
    assert judge.judged == [10, 20]


def test_scores_stream(tmp_path: Path, judge: Judge) -> None:
    for i in range(80):
        sound(tmp_path / f"{i}.wav", 0.2, seed=i)
    stream: Iterator[Score] = iter(Nisqa().score(rows(*(f"{i}.wav" for i in range(80))), tmp_path))
    next(stream)
    assert len(judge.judged) == 32
    assert len(list(stream)) == 79
    assert len(judge.judged) == 80


def test_a_fault_of_the_code_is_not_taken_for_a_fault_of_the_file(tmp_path: Path) -> None:
    def broken(path: Path) -> int:
        raise ZeroDivisionError(path)

    path = sound(tmp_path / "a.wav", 0.5)
    with pytest.raises(ZeroDivisionError):
        PerContent(broken, lambda found: found)([path])


def test_missing_and_unknown_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    upstream.nisqa_network.cache_clear()
    with pytest.raises(MissingWeights, match="weights get nisqa_tts"):
        next(Nisqa("nisqa_tts.tar").score(rows("a.wav"), tmp_path))
    with pytest.raises(BenchmarkError, match=r"Did you mean nisqa\.tar"):
        next(Nisqa("nisqa").score(rows("a.wav"), tmp_path))


@pytest.mark.real
@pytest.mark.parametrize("name", list(MOS))
def test_golden_values_through_the_protocol(name: str) -> None:
    if weights.find(name) is None or not (SHARED / "data" / "vctk").is_dir():
        pytest.skip("NISQA weights or ../shared/data are absent")
    files = [f"vctk/wav48_silence_trimmed/{s}/{s}_023_mic1.flac" for s in ("p228", "p233")]
    scores = list(Nisqa(name).score(rows(*files), SHARED / "data"))
    assert [s.metric for s in scores] == [f"nisqa@{name}"] * 2
    np.testing.assert_allclose([s.value for s in scores if s.value is not None], MOS[name], atol=1e-3)
