"""Runs of the real corpus with the real judges, each broken in one way; `compare` must say what (issue 3).

One small run of the controls through the real command is the baseline. A broken one starts as its copy; what the fault
touches is taken out and made again by the same command with the fault in place.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark import weights
from benchmark.cli import main
from benchmark.media import mel
from benchmark.reporting.tables import remake
from protocols.trial import Trial, read_trials, trials_sha256, write_trials

pytestmark = pytest.mark.slow
SPKSIM, NISQA = "spksim@resemblyzer", "nisqa@nisqa.tar"
SYSTEMS = ("ground_truth", "vocoded_ground_truth", "copy_source")
PROFILE = """
[trials.image_guided_vc]
trials = 16
natural = 2
[corpora.pocket_av]
frames_per_clip = 1
scale = 0.1
"""


def go(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    return int(str(stop.value.code or 0))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("regressions")
    (folder / "mini.toml").write_text(PROFILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_CACHE", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def again(place: Path) -> Callable[[Path], None]:
    """Do, or finish, the run in a folder."""

    def run(folder: Path) -> None:
        metrics = [SPKSIM, *([NISQA] if weights.find("nisqa.tar") else [])]
        command = ["run", "--task", "image_guided_vc", "--profile", place / "mini.toml", "--systems", *SYSTEMS]
        assert go(*command, "--metrics", *metrics, "--jobs", "1", "--out", folder) == 0

    return run


@pytest.fixture(scope="module")
def baseline(place: Path, again: Callable[[Path], None]) -> Path:
    again(place / "baseline")
    assert go("compare", "--write", place / "golden.json", place / "baseline") == 0
    return place / "baseline"


@pytest.fixture
def copy(baseline: Path, tmp_path: Path) -> Path:
    shutil.copytree(baseline, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def verdicts(baseline: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Path], tuple[str, str]]:
    """What `compare` prints of a run against the golden file and against the run; both must fail."""

    def judge(folder: Path) -> tuple[str, str]:
        texts = []
        for reference in (baseline.with_name("golden.json"), baseline):
            capsys.readouterr()
            assert go("compare", reference, folder) == 1
            texts.append(capsys.readouterr().out)
        return texts[0], texts[1]

    return judge


Verdicts = Callable[[Path], tuple[str, str]]
Again = Callable[[Path], None]


def forget(folder: Path, keep: Callable[[dict[str, Any]], bool]) -> None:
    """Take scores out, so that the same command makes them again."""
    lines = [line for line in (folder / "scores.jsonl").read_text().splitlines() if keep(json.loads(line))]
    (folder / "scores.jsonl").write_text("".join(f"{line}\n" for line in lines))


def status(text: str, metric: str, system: str, split: str = "all") -> str:
    """The first word of the printed row of a system under a metric, over the trials of a split."""
    block = text.split(f"{metric} · image_guided_vc")[1].split("\n\n")[0]
    (line,) = [line for line in block.splitlines() if line.split()[1:3] == [system, split]]
    return line.split()[0]


def test_the_same_command_in_another_folder_passes(baseline: Path, copy: Path, again: Again) -> None:
    shutil.rmtree(copy / "media")
    forget(copy, lambda _: False)
    again(copy)
    assert go("compare", baseline, copy) == 0
    assert go("compare", baseline.with_name("golden.json"), copy) == 0


def test_references_of_the_training_split(
    place: Path, baseline: Path, again: Again, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drawn, rendered, translated and scored by the real command: natural controls hear other recordings, and the gate
    does not come to their scores, because the trials are others."""
    import protocols.voice_trials

    monkeypatch.setattr(protocols.voice_trials, "SPLITS", ("seen", "train", "unseen"))
    again(place / "leak")
    right, leaking = (read_trials(folder / "trials.csv") for folder in (baseline, place / "leak"))
    assert {t.split for t in right} == {"seen", "unseen"}
    assert [t.reference for t in right] != [t.reference for t in leaking], "the fault is there"
    for reference in (baseline.with_name("golden.json"), baseline):
        capsys.readouterr()
        assert go("compare", reference, place / "leak") == 1
        text = " ".join(capsys.readouterr().out.split())
        assert "trials: not comparable:" in text
        assert "have another reference" in text


def test_a_wrong_mel_bank(copy: Path, again: Again, verdicts: Verdicts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank laid out for 24 kHz: the voice is analysed with it, the vocoder goes on with the suite's."""
    right = mel.bank

    def analysis(n_fft: int, device: Any) -> Any:
        if n_fft != mel.N_FFT:  # the inverse samples the same bank at its own n_fft
            return right(n_fft, device)
        with monkeypatch.context() as patch:
            patch.setattr(mel, "BANK_RATE", 24000)
            return right.__wrapped__(n_fft, device)

    monkeypatch.setattr(mel, "bank", analysis)
    shutil.rmtree(copy / "media" / "vocoded_ground_truth")
    forget(copy, lambda s: s["system"] != "vocoded_ground_truth")
    again(copy)
    for text in verdicts(copy):
        assert "worse" in [status(text, SPKSIM, "vocoded_ground_truth", split) for split in ("seen", "unseen")]
        assert "copy_source" not in text.split("same     ")[0], "what the mel does not touch is the same"


def test_the_right_bank_for_nobody_is_caught_by_the_golden_file(
    copy: Path, baseline: Path, again: Again, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The 24 kHz bank in analysis and inverse alike makes good voices, but no longer the suite's mel."""
    monkeypatch.setattr(mel, "BANK_RATE", 24000)
    mel.bank.cache_clear()
    try:
        shutil.rmtree(copy / "media" / "vocoded_ground_truth")
        forget(copy, lambda s: s["system"] != "vocoded_ground_truth")
        again(copy)
    finally:
        monkeypatch.undo()
        mel.bank.cache_clear()
    capsys.readouterr()
    assert go("compare", baseline.with_name("golden.json"), copy) == 1
    assert "vocoded_ground_truth  all" in capsys.readouterr().out


@pytest.mark.real
def test_nisqa_of_samples_at_a_wrong_rate(
    copy: Path, again: Again, verdicts: Verdicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """24 kHz samples handed on as of 16 kHz: nothing resamples them, and every sound lies lower."""
    if weights.find("nisqa.tar") is None:
        pytest.skip("no nisqa.tar in $BENCHMARK_WEIGHTS or the cache")
    import protocols.nisqa

    right = protocols.nisqa.read_native

    def mislabelled(path: Path) -> tuple[np.ndarray, int]:
        wave, rate = right(path)
        assert rate == 24000
        return wave, 16000

    monkeypatch.setattr(protocols.nisqa, "read_native", mislabelled)
    forget(copy, lambda s: s["metric"] != NISQA)
    again(copy)
    for text in verdicts(copy):
        assert status(text, NISQA, "copy_source") in ("better", "worse")
        assert SPKSIM not in text.split("same     ")[0]


def test_shuffled_references(copy: Path, again: Again, verdicts: Verdicts, monkeypatch: pytest.MonkeyPatch) -> None:
    """SpkSim against the recordings of the next trial's target."""
    import protocols.spksim

    right = protocols.spksim.compared
    trials = read_trials(copy / "trials.csv")
    following = {t.trial: trials[(i + 1) % len(trials)] for i, t in enumerate(trials)}
    monkeypatch.setattr(protocols.spksim, "compared", lambda trial: right(following[trial.trial]))
    forget(copy, lambda s: s["metric"] != SPKSIM)
    again(copy)
    for text in verdicts(copy):
        assert status(text, SPKSIM, "ground_truth") == "worse"
        assert NISQA not in text.split("same     ")[0]


@pytest.mark.parametrize("sides", [("source_gender",), ("source_gender", "target_gender")])
def test_swapped_gender_labels(copy: Path, verdicts: Verdicts, sides: tuple[str, ...]) -> None:
    swapped: list[Trial] = [
        replace(t, **{side: 1 - getattr(t, side) for side in sides})  # type: ignore[arg-type]
        for t in read_trials(copy / "trials.csv")
    ]
    write_trials(copy / "trials.csv", swapped)
    for text in verdicts(copy):
        assert f"not comparable: 16 of 16 trials have another {sides[0]}" in text
        assert "wrong    trials: B: the trial list is not the one of the run" in text
    record = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(record | {"trials_sha256": trials_sha256(swapped)}))
    remake(copy)
    for text in verdicts(copy):
        assert f"not comparable: 16 of 16 trials have another {sides[-1]}" in text


def test_a_failed_item_and_the_same_item_dropped(copy: Path, again: Again, verdicts: Verdicts) -> None:
    victim = next((copy / "media" / "copy_source").rglob("*.flac"))
    trial = victim.stem
    victim.write_bytes(b"no flac")
    forget(copy, lambda s: (s["system"], s["trial"]) != ("copy_source", trial))
    again(copy)
    for text in verdicts(copy):
        said = " ".join(text.split())
        assert f"worse items: {SPKSIM} copy_source: 1 of 16 items failed: {trial}" in said
    forget(copy, lambda s: (s["system"], s["trial"]) != ("copy_source", trial))
    remake(copy)
    for text in verdicts(copy):
        said = " ".join(text.split())
        assert f"missing items: {SPKSIM} copy_source: 1 of 16 items have neither score nor error: {trial}" in said
        assert f"wrong counts: B: {SPKSIM}: run.json says 1 failed, the scores are 0" in said


def test_batch_means_averaged(copy: Path, verdicts: Verdicts) -> None:
    """Sixteen items in batches of five: the last one stands alone and counts five times."""
    scores = [json.loads(line) for line in (copy / "scores.jsonl").read_text().splitlines()]
    values = [s["value"] for s in scores if (s["system"], s["metric"]) == ("copy_source", SPKSIM)]
    wrong = float(np.mean([np.mean(values[i : i + 5]) for i in range(0, len(values), 5)]))
    assert abs(wrong - np.mean(values)) > 1e-4
    rows = json.loads((copy / "table.json").read_text())
    (row,) = [r for r in rows if (r["system"], r["metric"], r["split"]) == ("copy_source", SPKSIM, "all")]
    row["value"] = wrong
    (copy / "table.json").write_text(json.dumps(rows))
    for text in verdicts(copy):
        said = " ".join(text.split())
        assert f"{SPKSIM} copy_source all: the table says value {wrong:.6g} (scores give {np.mean(values):.6g})" in said
