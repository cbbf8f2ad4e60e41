"""F0 as a protocol: what is compared with what, golden values, errors that name the file, contours made once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmark.registry import PROTOCOLS
from benchmark.runner.score import together, usable
from protocols import f0
from protocols.f0 import F0
from protocols.intonation import Contour, contour
from protocols.protocol import Together
from protocols.trial import Score, Trial, read_trials

SHARED = Path(__file__).resolve().parents[3] / "shared"
CORR, TARGET = "f0_corr@world", "f0_target@world"


def voice(base: float, seconds: float, rate: int, sway: float = 0.8) -> np.ndarray:
    """(N,) float32: a buzz whose pitch swings by 3 semitones `sway` times a second, with two pauses."""
    time = np.arange(int(rate * seconds)) / rate
    hertz = base * 2 ** ((3 * np.sin(2 * np.pi * sway * time) + 0.7 * np.sin(2 * np.pi * 2.3 * time)) / 12)
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    buzz = sum(np.where(hertz * k < rate / 2.2, np.cos(k * phase) / k, 0.0) for k in range(1, 25))
    paused = ((time > 0.5) & (time < 0.65)) | ((time > 1.1) & (time < 1.3))
    return np.asarray(np.where(paused, 0.0, 0.1 * buzz), np.float32)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    for name, base, seconds, rate, sway in (
        ("source", 120.0, 2.0, 24000, 0.8),
        ("high", 190.0, 2.0, 16000, 0.8),
        ("other", 150.0, 2.2, 24000, 1.1),
        ("long", 150.0, 4.5, 24000, 0.8),
    ):
        soundfile.write(folder / f"{name}.wav", voice(base, seconds, rate, sway), rate, subtype="FLOAT")
    shutil.copy(folder / "source.wav", folder / "copy.wav")
    soundfile.write(folder / "loud48.flac", np.repeat(voice(120.0, 2.0, 48000)[:, None], 2, axis=1), 48000)
    soundfile.write(folder / "silent.wav", np.zeros(48000), 24000)
    soundfile.write(folder / "click.wav", np.eye(1, 48000, 9000)[0], 24000)
    soundfile.write(folder / "short.wav", voice(120.0, 0.05, 24000), 24000)
    soundfile.write(folder / "nan.wav", np.full(48000, np.nan), 24000, subtype="FLOAT")
    soundfile.write(folder / "flat.wav", np.sin(np.arange(48000) * 2 * np.pi * 150 / 24000) * 0.3, 24000)
    (folder / "torn.wav").write_bytes(b"RIFF")
    return folder


def row(output: str, trial: str = "t", **more: object) -> Trial:
    given = {"system": "s", "task": "vc", "source": "source.wav", "reference": "high.wav", **more}
    return Trial(output=output, trial=trial, **given)  # type: ignore[arg-type]


def scores(root: Path, *trials: Trial) -> dict[tuple[str, str], Score]:
    return {(s.trial, s.metric): s for s in F0(CORR, TARGET).score(trials, root)}


def values(root: Path, trial: Trial) -> tuple[float, float]:
    found = scores(root, trial)
    corr, target = (found[trial.trial, metric] for metric in (CORR, TARGET))
    assert (corr.error, target.error) == (None, None)
    assert corr.value is not None
    assert target.value is not None
    return corr.value, target.value


def test_both_keys_lead_to_one_object_that_is_a_protocol() -> None:
    protocol: Together = F0(CORR, TARGET)
    assert (protocol.metrics, protocol.weights) == ((CORR, TARGET), ())
    shared = together(usable((CORR, TARGET), asked=True)[0], ())
    assert shared[CORR] is shared[TARGET]
    assert shared[CORR].metrics == (CORR, TARGET)
    assert PROTOCOLS[CORR].load()(CORR).metrics == (CORR,)


def test_golden_values(root: Path) -> None:
    assert values(root, row("source.wav")) == (1.0, pytest.approx(7.946126, abs=1e-4))
    assert values(root, row("other.wav"))[0] == pytest.approx(0.020191, abs=1e-4)


def test_values_are_those_the_voices_were_made_with(root: Path) -> None:
    assert values(root, row("source.wav"))[1] == pytest.approx(12 * np.log2(190 / 120), abs=0.1)
    assert values(root, row("high.wav")) == (pytest.approx(1.0, abs=0.02), 0.0)


def test_another_rate_and_another_format_are_the_same_voice(root: Path) -> None:
    corr, target = values(root, row("loud48.flac", reference="source.wav"))
    assert corr == pytest.approx(1.0, abs=2e-3)
    assert target == pytest.approx(0.0, abs=1e-2)


def test_the_target_is_the_very_reference_or_the_natural_voices(root: Path) -> None:
    recording = values(root, row("source.wav"))[1]
    assert values(root, row("source.wav", natural_target_voice=("other.wav",)))[1] == recording
    face = {"reference": "face.png"}
    assert values(root, row("source.wav", **face, natural_target_voice=("high.wav",)))[1] == recording
    both = values(root, row("source.wav", **face, natural_target_voice=("high.wav", "source.wav")))[1]
    assert both == pytest.approx(recording / 2, abs=0.2), "the mean height of both lies between them"


def test_the_ground_truth_of_intonation_is_the_source_and_of_height_the_target(root: Path) -> None:
    """ground_truth emits another recording of the target; column content says whose words count."""
    assert values(root, row("high.wav", content="source.wav")) == (1.0, 0.0)
    vocoded = values(root, row("high.wav", content="other.wav"))
    assert vocoded == pytest.approx((0.020191, 0.0), abs=1e-4)


def test_rows_without_something_to_compare_with_have_no_score_and_are_named(root: Path) -> None:
    trials = [
        row("source.wav", "0", source=""),
        row("source.wav", "1", source="clip.mpg"),
        row("source.wav", "2", reference="face.png"),
        row("face.png", "3"),
        row("source.wav", "4"),
    ]
    assert set(scores(root, *trials)) == {("0", TARGET), ("1", TARGET), ("2", CORR), ("4", CORR), ("4", TARGET)}
    assert F0(CORR, TARGET).planned(trials) == {("s", CORR): ["2", "4"], ("s", TARGET): ["0", "1", "4"]}
    corr, target = F0(CORR, TARGET).remarks(trials)
    assert corr.startswith(f"{CORR}: 2 of 5 rows name no recording of the source")
    assert target.startswith(f"{TARGET}: 1 of 5 rows name no recording of the target")
    assert "s 2" in target
    assert F0(CORR, TARGET).remarks(trials[3:]) == []


@pytest.mark.parametrize("name", [f"{name}.wav" for name in ("silent", "click", "short", "nan", "torn", "gone")])
def test_a_file_without_f0_is_named_wherever_it_stands(root: Path, name: str) -> None:
    trials = [row(name, "0"), row("source.wav", "1", source=name), row("source.wav", "2", reference=name)]
    found = scores(root, *trials, row("source.wav", "3"))
    failed = {key for key, score in found.items() if score.error is not None}
    assert failed == {("0", CORR), ("0", TARGET), ("1", CORR), ("2", TARGET)}
    assert all(name in str(found[key].error) for key in failed)
    assert all((score.value is None) == (key in failed) for key, score in found.items())


def test_what_two_files_cannot_say_together_is_an_error_of_the_correlation_alone(root: Path) -> None:
    found = scores(root, row("long.wav", "0"), row("flat.wav", "1"), row("", "2"))
    assert "lasts 4.50 s and the source 2.00 s" in str(found["0", CORR].error)
    assert "The output stays on one tone" in str(found["1", CORR].error)
    assert found["0", TARGET].error is found["1", TARGET].error is None
    assert "no output" in str(found["2", CORR].error)
    assert "no output" in str(found["2", TARGET].error)


def test_every_content_is_analysed_once_for_both_metrics_and_all_systems(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysed = []

    def counting(wave: np.ndarray) -> Contour:
        analysed.append(len(wave))
        return contour(wave)

    monkeypatch.setattr(f0, "contour", counting)
    protocol = F0(CORR, TARGET)
    for system in "ab":
        outputs = ["source.wav", "copy.wav", "other.wav"] * 20
        trials = [row(output, str(i), system=system) for i, output in enumerate(outputs)]
        found = list(protocol.score(trials, root))
        assert len(found) == 120
    assert len(analysed) == 3, "source and its copy are one; the target is another"


def test_a_row_depends_on_neither_its_neighbours_nor_their_order(root: Path) -> None:
    names = ["source.wav", "high.wav", "other.wav", "silent.wav"]
    trials = [row(a, f"{a} {b}", source=b, reference=b) for a in names for b in names]
    forth, back = scores(root, *trials), scores(root, *reversed(trials))
    assert forth == back
    for trial in trials:
        assert {k: forth[k] for k in forth if k[0] == trial.trial} == scores(root, trial)


@pytest.mark.real
def test_real_recordings_and_published_outputs() -> None:
    data = SHARED / "data"
    if not (data / "outputs" / "pairs.csv").is_file():
        pytest.skip("../shared/data is absent")
    recordings = {p.name: sorted(p.iterdir()) for p in sorted((data / "vctk" / "wav48_silence_trimmed").iterdir())}
    women = [files for name, files in recordings.items() if name in ("p225", "p228", "p233", "p236")]
    men = [files for name, files in recordings.items() if name in ("p226", "p227", "p232", "p256", "p259")]
    assert women
    assert men
    hers, his = (str(files[0].relative_to(data)) for files in (women[0], men[0]))
    corr, apart = values(data, row(hers, source=hers, reference=his))
    assert corr == 1.0
    assert 4 < apart < 14, "a woman and a man"
    listed = [t for t in read_trials(data / "outputs" / "pairs.csv") if t.system in ("StarGANv2-VC", "XFaVoT")]
    trials = [replace(t, trial=t.output) for t in listed if t.source.endswith((".wav", ".flac"))]
    found = [s for s in F0(CORR).score(trials, data) if s.value is not None]
    for system, least in (("StarGANv2-VC", 0.8), ("XFaVoT", 0.85)):
        own = [s.value for s in found if s.system == system]
        assert len(own) >= 6
        assert np.mean(own) > least, "their F0 loss keeps the intonation, whatever was cut off the ends"
