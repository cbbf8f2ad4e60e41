"""A whole run, small: what it leaves behind, and that nothing is lost or done twice when it is broken off."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from benchmark.cli import main
from benchmark.reporting.store import RunFolder
from benchmark.reporting.tables import remake
from protocols.trial import read_trials

ROOT = Path(__file__).parents[3]
GRID = ROOT.parent / "shared" / "data" / "grid"
PROFILE = """
[trials.image_guided_vc]
trials = 16
natural = 2
[corpora.pocket_av]
frames_per_clip = 1
scale = 0.1
[corpora.grid]
frames_per_clip = 1
[systems.adain_cvc]
channels = 8
bank_channels = 4
bank_size = 2
code = 4
embedding = 8
batch = 4
crop = 64
face_channels = [2, 4, 4, 4, 4]
face_hidden = 8
[systems.adain_cvc.train]
steps = 4
save_every = 2
"""
RECONSTRUCTED = "reconstructed:adain_cvc"
SYSTEMS = (
    "adain_cvc",
    "shuffled_reference:adain_cvc",
    "gender_only:adain_cvc",
    RECONSTRUCTED,
    "ground_truth",
    "copy_source",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a cache and the profile; every run of this file shares the prepared corpus."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "mini.toml").write_text(PROFILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_CACHE", str(folder / "cache"))
        yield folder


def command(place: Path, out: str, *more: str) -> list[str]:
    line = ["run", "--task", "image_guided_vc", "--profile", str(place / "mini.toml"), "--systems", *SYSTEMS]
    return [*line, "--metrics", "spksim@resemblyzer", "--jobs", "1", "--out", str(place / out), *more]


def go(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    return int(str(stop.value.code or 0))


@pytest.fixture(scope="module")
def whole(place: Path) -> Path:
    assert go(*command(place, "whole")) == 0
    return place / "whole"


def scores(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


def table(folder: Path) -> list[dict[str, Any]]:
    """Rows without what depends on the clock."""
    rows = json.loads((folder / "table.json").read_text())
    return [{k: v for k, v in row.items() if k not in ("train_seconds", "real_time_factor")} for row in rows]


def assert_close(got: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        assert a.keys() == b.keys()
        for key, value in b.items():
            assert a[key] == (pytest.approx(value, abs=1e-6) if isinstance(value, float) else value), (key, b)


@pytest.mark.slow
def test_a_run_leaves_everything_behind(whole: Path) -> None:
    record = json.loads((whole / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["counts"]["spksim@resemblyzer"] == {"planned": 96, "scored": 96, "failed": 0}
    for key in ("trials_sha256", "corpus_sha256", "weights_sha256", "packages", "git", "device", "timings", "facts"):
        assert record[key], key
    assert record["systems"]["adain_cvc"] == "adain_cvc:mini", "a shrunken system's rows say so"
    assert {(s["system"], s["trial"]) for s in scores(whole)} == {
        (system, t.trial) for system in SYSTEMS for t in read_trials(whole / "trials.csv")
    }
    rows = {(row["system"], row["split"]): row for row in table(whole)}
    assert rows["ground_truth", "all"]["value"] > rows["copy_source", "all"]["value"]
    assert rows["adain_cvc:mini", "seen"]["n"] == rows["adain_cvc:mini", "unseen"]["n"] == 8
    assert all(row["paper_value"] is None for row in rows.values())
    for name in ("table.md", "table.csv", "table.tex", "differences.json", "outputs.csv", "grid.png"):
        assert (whole / name).stat().st_size > 0
    for trial in read_trials(whole / "outputs.csv"):
        for path in (trial.output, trial.source, trial.reference, *trial.natural_target_voice):
            assert (whole / path).is_file(), path


@pytest.mark.slow
def test_the_ground_truth_through_a_system_is_its_ceiling_and_no_network_of_its_own(whole: Path) -> None:
    """Its outputs are as long as the target's recordings, not the sources', and it stands in no difference."""
    assert sorted(p.name for p in (whole / "systems").iterdir()) == ["adain_cvc", "gender_only_adain_cvc"]
    rows = {t.trial: t for t in read_trials(whole / "outputs.csv") if t.system == RECONSTRUCTED}
    lengths = [
        [soundfile.info(whole / path).frames for path in (row.output, row.other_target_voice, row.source, row.content)]
        for row in rows.values()
    ]
    assert all(abs(made - own) <= 600 and abs(words - said) <= 600 for made, own, said, words in lengths)
    assert any(abs(made - said) > 600 for made, _, said, _ in lengths), "else this test says nothing"
    facts = json.loads((whole / "run.json").read_text())["facts"]
    assert facts[RECONSTRUCTED]["checkpoint_sha256"] == facts["adain_cvc"]["checkpoint_sha256"]
    compared = {(row["system"], row["against"]) for row in json.loads((whole / "differences.json").read_text())}
    assert compared
    assert not any("reconstructed" in name for pair in compared for name in pair)


@pytest.mark.slow
def test_the_same_command_does_nothing_twice(place: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: p.stat().st_mtime_ns for p in whole.rglob("*.flac")} | {
        p: p.stat().st_mtime_ns for p in whole.rglob("step-*.pt")
    }
    lines, rows = scores(whole), table(whole)
    assert go(*command(place, "whole", "--json")) == 0
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert scores(whole) == lines
    printed = json.loads(capsys.readouterr().out)
    assert len(printed) == len(rows)


@pytest.mark.slow
def test_a_table_is_remade_from_the_folder_alone(whole: Path) -> None:
    rows = table(whole)
    (whole / "table.json").unlink()
    remake(whole)
    assert table(whole) == rows


@pytest.mark.slow
def test_lost_scores_and_media_are_made_again(place: Path, whole: Path) -> None:
    rows, lines = table(whole), (whole / "scores.jsonl").read_text().splitlines(keepends=True)
    (whole / "scores.jsonl").write_text("".join(lines[:37]) + lines[37][:20])
    next(whole.glob("media/adain_cvc/*.flac")).unlink()
    assert go(*command(place, "whole")) == 0
    values = {(s["system"], s["trial"]): s["value"] for s in map(json.loads, lines)}
    again = {(s["system"], s["trial"]): s["value"] for s in scores(whole)}
    # What else is in a batch moves the last bits of a score (docs/precision.md), not more.
    assert again == pytest.approx(values, abs=1e-6)
    assert_close(table(whole), rows)


@pytest.mark.slow
def test_another_run_does_not_enter_the_folder(place: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go(*command(place, "whole", "--seed", "1")) == 2
    assert "seed" in capsys.readouterr().err
    with RunFolder(whole):
        assert go(*command(place, "whole")) == 2
    said = capsys.readouterr().err
    assert "is being written by process" in said


@pytest.mark.slow
def test_train_leaves_a_finished_run_as_it_was(place: Path, whole: Path) -> None:
    before, rows = json.loads((whole / "run.json").read_text()), table(whole)
    assert go(*["train", *command(place, "whole")[1:]]) == 0
    after = json.loads((whole / "run.json").read_text())
    assert after["status"] == "finished"
    for key in ("facts", "counts", "trials_sha256", "weights_sha256", "finished", "timings"):
        assert after[key] == before[key], key
    remake(whole)
    assert table(whole) == rows


@pytest.mark.slow
def test_other_trials_or_another_corpus_do_not_take_old_media(
    place: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = (whole / "trials.csv").read_text()
    (whole / "trials.csv").write_text("\n".join(trials.splitlines()[:-1]) + "\n")
    assert go(*command(place, "whole")) == 2
    assert "another trial list" in capsys.readouterr().err
    (whole / "trials.csv").write_text(trials)
    kept = (whole / "run.json").read_text()
    record = json.loads(kept)
    record["corpus_sha256"]["pocket_av"] = "0" * 64
    (whole / "run.json").write_text(json.dumps(record))
    assert go(*command(place, "whole")) == 2
    assert "corpus_sha256" in capsys.readouterr().err
    (whole / "run.json").write_text(kept)


@pytest.mark.slow
def test_what_failed_is_tried_again_once_it_is_mended(place: Path, whole: Path) -> None:
    rows, lost = table(whole), next(whole.glob("media/copy_source/*.flac"))
    lines = [line for line in (whole / "scores.jsonl").read_text().splitlines() if lost.stem not in line]
    failed = {"system": "copy_source", "trial": lost.stem, "metric": "spksim@resemblyzer", "error": "was away"}
    (whole / "scores.jsonl").write_text("\n".join([*lines, json.dumps(failed)]) + "\n")
    assert go(*command(place, "whole")) == 0
    assert_close(table(whole), rows)


@pytest.mark.slow
def test_a_limit_keeps_the_strata_and_marks_the_rows(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = command(place, "limited", "--limit", "4")
    line[line.index("adain_cvc") : line.index("ground_truth")] = []
    assert go(*line) == 0
    rows = {(r["system"], r["split"]): r for r in table(place / "limited")}
    assert rows["copy_source", "seen"]["n"] == rows["copy_source", "unseen"]["n"] == 2
    assert all(row["partial"] for row in rows.values())
    assert "limited to 4 trials" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["run", "train"])
def test_an_interrupted_session_says_so(place: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    def terminated(*_: object) -> None:
        raise SystemExit(143)

    monkeypatch.setattr("benchmark.runner.run._train", terminated)
    assert go(verb, *command(place, f"stopped-{verb}")[1:]) == 143
    assert json.loads((place / f"stopped-{verb}" / "run.json").read_text())["status"] == "interrupted"


@pytest.mark.slow
def test_a_full_disk_loses_nothing(
    place: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmark.runner import shelf, translate_voices

    written, real = 0, shelf.write_flac

    def full(path: Path, *rest: Any) -> bool:
        nonlocal written
        written += 1
        if written > 30:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, *rest)

    for stage in (shelf, translate_voices):
        monkeypatch.setattr(stage, "write_flac", full)
    assert go(*command(place, "full")) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert json.loads((place / "full" / "run.json").read_text())["status"] == "failed"
    assert len(list((place / "full").rglob("*.flac"))) == 30
    for stage in (shelf, translate_voices):
        monkeypatch.setattr(stage, "write_flac", real)
    assert go(*command(place, "full")) == 0
    assert_close(table(place / "full"), table(whole))


@pytest.mark.slow
def test_killed_while_scoring_and_resumed(place: Path, whole: Path) -> None:
    out = place / "killed"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *command(place, "killed")],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    log = out / "scores.jsonl"
    while not (log.exists() and log.stat().st_size > 0):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert go(*command(place, "killed")) == 0
    assert_close(table(out), table(whole))


@pytest.mark.slow
def test_missing_weights_are_said_with_the_command(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(place / "none"))
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    assert go(*command(place, "asked"), "--metrics", "nisqa@nisqa.tar") == 2
    assert "python -m benchmark weights get nisqa.tar" in capsys.readouterr().err
    line = [word for word in command(place, "default") if word not in ("--metrics", "spksim@resemblyzer")]
    line[line.index("adain_cvc") : line.index("ground_truth")] = []
    assert go(*line) == 0
    assert "python -m benchmark weights get nisqa.tar" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not GRID.is_dir(), reason="no ../shared/data/grid")
def test_real_grid_clips_run_to_the_same_table(place: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go(*command(place, "grid", "--corpus", f"grid={GRID}")) == 0
    record = json.loads((place / "grid" / "run.json").read_text())
    assert record["partial"] == ["grid"]
    assert any("trials" in note for note in record["notes"])
    assert {row["system"] for row in table(place / "grid")} == {row["system"] for row in table(whole)}
    assert "s2" in capsys.readouterr().out
