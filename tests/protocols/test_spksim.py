"""SpkSim as a protocol: what an output is compared with, errors that name the file, embeddings made once."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmark.upstream import speaker_embedding
from protocols.protocol import Protocol
from protocols.spksim import SpkSim, compared, similarity
from protocols.trial import Score, Trial, read_trials

SHARED = Path(__file__).resolve().parents[3] / "shared"
COSINES = {("low", "high"): 0.60278, ("low", "short"): 0.75703, ("high", "short"): 0.53880}
"""Of resemblyzer 0.1.4 on the same waves as float32."""


def voice(pitch: float, seconds: float) -> np.ndarray:
    """(N,) float32 at 16 kHz: a buzz in four syllables a second; a voice detector hears a voice."""
    time = np.arange(int(16000 * seconds)) / 16000
    buzz = sum(np.cos(2 * np.pi * pitch * k * time) / k for k in range(1, 25))
    return np.asarray(0.05 * buzz * (1 - 0.9 * np.cos(2 * np.pi * 4 * time)), np.float32)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    made = {"low": voice(105.0, 4.3), "high": voice(215.0, 2.7), "short": voice(120.0, 1.1)}
    for name, wave in made.items():
        soundfile.write(folder / f"{name}.wav", wave, 16000, subtype="FLOAT")
    shutil.copy(folder / "low.wav", folder / "copy.wav")
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    (folder / "torn.wav").write_bytes(b"RIFF")
    return folder


def row(output: str, reference: str = "", targets: tuple[str, ...] = (), trial: str = "t") -> Trial:
    return Trial(output=output, system="s", task="vc", reference=reference, natural_target_voice=targets, trial=trial)


def value(root: Path, trial: Trial) -> float:
    (score,) = SpkSim().score([trial], root)
    assert score.error is None
    assert score.value is not None
    return score.value


def test_it_is_a_protocol() -> None:
    protocol: Protocol = SpkSim()
    assert protocol.metrics == ("spksim@resemblyzer",)
    assert protocol.weights == ("resemblyzer/pretrained.pt",)


@pytest.mark.parametrize("pair", list(COSINES))
def test_golden_cosines_with_the_very_reference(root: Path, pair: tuple[str, str]) -> None:
    a, b = (f"{name}.wav" for name in pair)
    assert value(root, row(a, b)) == pytest.approx(COSINES[pair], abs=2e-5)
    assert value(root, row(b, a)) == pytest.approx(value(root, row(a, b)), abs=1e-6)
    assert value(root, row(a, a)) == pytest.approx(1.0, abs=1e-6)


def test_a_face_is_compared_through_recordings_and_a_recording_is_the_very_reference(root: Path) -> None:
    mean = (COSINES["low", "high"] + COSINES["low", "short"]) / 2
    assert value(root, row("low.wav", "face.jpg", ("high.wav", "short.wav"))) == pytest.approx(mean, abs=2e-5)
    assert value(root, row("low.wav", "", ("short.wav", "high.wav"))) == pytest.approx(mean, abs=2e-5)
    assert value(root, row("low.wav", "high.wav", ("short.wav",))) == pytest.approx(COSINES["low", "high"], abs=2e-5)


def test_rows_without_a_voice_to_compare_with_yield_nothing(root: Path) -> None:
    trials = [row("low.wav"), row("low.wav", "face.png"), row("low.wav", "clip.mpg"), row("face.png", "low.wav")]
    assert [compared(t) for t in trials] == [(), (), (), ("low.wav",)]
    assert list(SpkSim().score(trials, root)) == []


def test_a_failed_row_names_the_file_and_spares_the_others(root: Path) -> None:
    trials = [
        row("low.wav", "high.wav", trial="0"),
        row("torn.wav", "high.wav", trial="1"),
        row("low.wav", "", ("high.wav", "gone.wav"), trial="2"),
        row("silent.wav", "high.wav", trial="3"),
        row("", "high.wav", trial="4"),
        row("high.wav", "low.wav", trial="5"),
    ]
    scores = list(SpkSim().score(trials, root))
    assert [s.trial for s in scores] == list("012345")
    assert [s.value is not None for s in scores] == [True, False, False, False, False, True]
    for i, said in ((1, "torn.wav"), (2, "gone.wav"), (3, "silence"), (4, "no output")):
        assert said in str(scores[i].error)
    assert scores[0].value == pytest.approx(scores[5].value, abs=1e-6)


def test_every_content_is_embedded_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = []
    original = speaker_embedding.embed_partials

    def counting(mels: Sequence[np.ndarray], encoder: speaker_embedding.SpeakerEncoder) -> np.ndarray:
        embedded.extend(mels)
        return original(mels, encoder)

    monkeypatch.setattr(speaker_embedding, "embed_partials", counting)
    trials = [
        row(o, "", ("low.wav", "high.wav", "copy.wav"), str(i)) for i, o in enumerate(["low.wav", "copy.wav"] * 30)
    ]
    scores = list(SpkSim().score(trials, root))
    assert len(embedded) == 2
    assert len({s.value for s in scores}) == 1
    assert len(scores) == 60


def test_a_row_does_not_depend_on_its_neighbours(root: Path) -> None:
    names = ["low.wav", "high.wav", "short.wav"]
    trials = [row(a, b, trial=f"{a} {b}") for a in names for b in names]
    together = {s.trial: s.value for s in SpkSim().score(trials, root)}
    for trial in trials:
        assert together[trial.trial] == pytest.approx(value(root, trial), abs=1e-5)


def test_similarity_is_the_mean_cosine() -> None:
    x, y = np.eye(2, 256, dtype=np.float32)
    assert similarity(x, [x]) == 1.0
    assert similarity(x, [y]) == 0.0
    assert similarity(x, [x, y, y, y]) == 0.25


@pytest.mark.real
def test_third_partys_list_of_real_outputs() -> None:
    data = SHARED / "data"
    if not (data / "outputs" / "pairs.csv").is_file():
        pytest.skip("../shared/data is absent")
    listed = [t for t in read_trials(data / "outputs" / "pairs.csv") if t.system.startswith("AdaIN-VC")]
    trials = [Trial(**{**t.__dict__, "trial": t.output}) for t in listed]
    scores = list(SpkSim().score(trials, data))
    assert len(scores) == len([t for t in trials if compared(t)]) >= 10
    assert all(isinstance(s, Score) and s.error is None for s in scores)
    assert 0.55 < float(np.mean([s.value for s in scores if s.value is not None])) < 0.95


def test_rows_without_a_voice_to_compare_with_are_named() -> None:
    compared_with = Trial(output="a.wav", reference="r.wav", system="x", trial="1")
    picture = Trial(output="b.wav", reference="r.png", system="x", trial="2")
    face = Trial(output="c.png", reference="r.png", system="x", trial="3")
    assert SpkSim().remarks([compared_with, face]) == []
    (line,) = SpkSim().remarks([compared_with, picture, face])
    assert line.startswith("spksim@resemblyzer: 1 of 3 rows name no recording to compare with")
    assert "x 2" in line
