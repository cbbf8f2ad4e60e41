"""Scoring outputs made elsewhere: one table a task, nothing lost, nothing judged twice, nothing mixed up."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmark.cli import main
from benchmark.errors import BenchmarkError, RunLocked
from benchmark.reporting.store import RunFolder
from benchmark.reporting.tables import remake
from benchmark.runner import score as scoring
from benchmark.runner.given import score_given
from protocols.trial import Score, Trial

SHARED = Path(__file__).parents[4] / "shared"
SPKSIM, NISQA = "spksim@resemblyzer", "nisqa@nisqa.tar"
VC, LATENT = "audio_guided_vc", "latent_guided_vc"
HEAD = "output,system,task,reference,source_id,source_gender,target_id,target_gender,trial"


class Loudness:
    """A judge that is quick and whose verdicts can be told beforehand: the mean of |x|, an error where nothing lies."""

    weights: tuple[str, ...] = ()

    def __init__(self, metric: str) -> None:
        self.metrics = (metric,)
        self.seen: list[str] = []
        self.doubts = ""

    def score(self, trials: Sequence[Trial], root: Path) -> Iterator[Score]:
        for trial in trials:
            self.seen.append(trial.trial)
            needed = (trial.output, trial.reference) if self.metrics == (SPKSIM,) else (trial.output,)
            absent = [name for name in needed if not (root / name).is_file()]
            if absent:
                yield Score(trial.system, trial.trial, *self.metrics, error=f"{absent[0]} is not there")
            else:
                value = float(np.abs(soundfile.read(root / trial.output)[0]).mean())
                yield Score(trial.system, trial.trial, *self.metrics, value=value)

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        return [f"{self.metrics[0]}: {self.doubts} of {len(trials)} rows."] if self.doubts else []

    def fits(self, trials: Sequence[Trial]) -> bool:
        return not self.doubts


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> dict[str, Loudness]:
    """In place of networks: SpkSim, which needs the reference, and NISQA, which does not."""
    made = {metric: Loudness(metric) for metric in (SPKSIM, NISQA)}

    def usable(metrics: Sequence[str], asked: bool) -> tuple[dict[str, Any], dict[str, str]]:
        return {m: made[m] for m in metrics if m in made}, {m: "no weights" for m in metrics if m not in made}

    monkeypatch.setattr("benchmark.runner.given.usable", usable)
    return made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Root with a reference and ten outputs of each of two systems, louder and louder; beside it the list."""
    root = tmp_path / "root"
    (root / "out").mkdir(parents=True)
    lines = [HEAD]
    for system, offset in (("XFaVoT", 0.0), ("shuffled_reference:XFaVoT", 0.5)):
        for i in range(10):
            name = f"out/{'ab'[offset > 0]}{i}.wav"
            soundfile.write(root / name, np.full(800, (i + 1) / 100 + offset / 2), 16000, subtype="FLOAT")
            lines.append(f"{name},{system},{VC},ref.wav,s{i},F,t{i},{'FM'[i % 2]},row{i}")
    soundfile.write(root / "out" / "latent.wav", np.full(800, 0.5), 16000, subtype="FLOAT")
    lines.append(f"out/latent.wav,XFaVoT,{LATENT},,s0,F,z,M,")
    soundfile.write(root / "ref.wav", np.full(800, 0.1), 16000)
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def go(place: Path, **more: Any) -> Path:
    return score_given(place / "list.csv", **{"root": place / "root", "out": place / "scored", **more})


def rows(folder: Path) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    found = json.loads((folder / "table.json").read_text())
    return {(r["task"], r["system"], r["metric"], r["split"]): r for r in found}


def test_a_table_for_each_task_with_its_own_metrics(place: Path, judges: object) -> None:
    found = rows(go(place))
    assert {(task, metric) for task, _, metric, _ in found} >= {(VC, SPKSIM), (VC, NISQA), (LATENT, NISQA)}
    assert (LATENT, SPKSIM) not in {(task, metric) for task, _, metric, _ in found}
    cell = found[VC, "XFaVoT", NISQA, "all"]
    assert (cell["corpus"], cell["n"], cell["failed"]) == ("list", 10, 0)
    assert cell["value"] == pytest.approx(0.055)
    assert cell["low"] < 0.055 < cell["high"]
    assert found[LATENT, "XFaVoT", NISQA, "all"]["value"] == pytest.approx(0.5)
    assert found[VC, "XFaVoT", NISQA, "same"]["value"] == pytest.approx(0.05)
    assert found[VC, "XFaVoT", NISQA, "cross"]["value"] == pytest.approx(0.06)


def test_a_system_is_paired_with_its_own_control_by_trial(place: Path, judges: object) -> None:
    found = json.loads((go(place) / "differences.json").read_text())
    (row,) = [r for r in found if (r["metric"], r["split"]) == (NISQA, "all")]
    assert (row["system"], row["against"], row["n"]) == ("XFaVoT", "shuffled_reference:XFaVoT", 10)
    assert row["difference"] == pytest.approx(-0.25)


def test_a_judge_that_doubts_itself_is_left_out_unless_it_is_named(place: Path, judges: dict[str, Loudness]) -> None:
    judges[SPKSIM].doubts = "it knows none"
    found = rows(go(place))
    assert found[VC, "XFaVoT", SPKSIM, "all"]["n"] == 0
    assert found[VC, "XFaVoT", SPKSIM, "all"]["note"].startswith("it knows none of 20 rows. Named with --metrics")
    assert found[VC, "XFaVoT", NISQA, "all"]["n"] == 10
    assert not judges[SPKSIM].seen
    named = go(place, metrics=(SPKSIM,), out=place / "named")
    assert rows(named)[VC, "XFaVoT", SPKSIM, "all"]["n"] == 10
    assert RunFolder(named).read().notes == [f"{SPKSIM}: it knows none of 21 rows."]


def test_what_a_folder_holds(place: Path, judges: object) -> None:
    folder = go(place)
    record = RunFolder(folder).read()
    assert (record.kind, record.status, record.corpora) == ("score", "finished", ["list"])
    assert record.given is not None
    assert (record.given.root, list(record.given.tasks)) == (str((place / "root").resolve()), [VC, LATENT])
    assert record.systems == {"xfavot": "XFaVoT", "shuffled_reference:xfavot": "shuffled_reference:XFaVoT"}
    assert record.counts[SPKSIM].planned == 20
    assert record.counts[NISQA].planned == record.counts[NISQA].scored == 21
    assert record.notes == []
    listed = list(csv.DictReader((folder / "trials.csv").open()))
    assert listed[-1]["trial"] == "list-0022"
    assert {line["system"] for line in listed} == set(record.systems)
    for name in ("table.md", "table.tex", "table.csv", "differences.json", "scores.jsonl"):
        assert (folder / name).stat().st_size > 0
    assert "scored from list.csv" in (folder / "table.md").read_text()


def test_a_table_is_remade_from_the_folder_alone(place: Path, judges: object) -> None:
    folder = go(place)
    before = (folder / "table.json").read_bytes()
    shutil.rmtree(place / "root")
    (folder / "table.json").unlink()
    remake(folder)
    assert (folder / "table.json").read_bytes() == before


def test_a_missing_output_is_counted_and_named(place: Path, judges: object) -> None:
    (place / "root" / "out" / "a3.wav").unlink()
    cell = rows(folder := go(place))[VC, "XFaVoT", NISQA, "all"]
    assert (cell["n"], cell["failed"]) == (9, 1)
    assert cell["value"] == pytest.approx((0.55 - 0.04) / 9)
    assert "row3 (out/a3.wav is not there)" in cell["note"]
    assert "row3" in (folder / "table.md").read_text()


def test_a_missing_reference_fails_the_metric_that_needs_it_alone(place: Path, judges: object) -> None:
    (place / "root" / "ref.wav").unlink()
    found = rows(go(place))
    assert (found[VC, "XFaVoT", SPKSIM, "all"]["n"], found[VC, "XFaVoT", SPKSIM, "all"]["failed"]) == (0, 10)
    assert (found[VC, "XFaVoT", NISQA, "all"]["n"], found[VC, "XFaVoT", NISQA, "all"]["failed"]) == (10, 0)


def test_a_picture_where_a_voice_is_due_is_a_failure_not_a_gap(place: Path, judges: dict[str, Loudness]) -> None:
    path = place / "list.csv"
    path.write_text(path.read_text().replace("out/a3.wav", "out/a3.png"))
    (place / "root" / "out" / "a3.png").write_bytes(b"\x89PNG")
    cell = rows(go(place))[VC, "XFaVoT", NISQA, "all"]
    assert (cell["n"], cell["failed"]) == (9, 1)
    assert "out/a3.png is a picture" in cell["note"]


def test_what_is_judged_is_not_judged_again_and_what_failed_is(place: Path, judges: dict[str, Loudness]) -> None:
    missing = place / "root" / "out" / "a3.wav"
    kept = missing.read_bytes()
    missing.unlink()
    go(place)
    judges[NISQA].seen.clear()
    missing.write_bytes(kept)
    cell = rows(go(place))[VC, "XFaVoT", NISQA, "all"]
    assert judges[NISQA].seen == ["row3"]
    assert (cell["n"], cell["failed"]) == (10, 0)


def test_scores_of_files_that_changed_are_not_passed_off_as_theirs(place: Path, judges: object) -> None:
    go(place)
    soundfile.write(place / "root" / "out" / "a3.wav", np.full(800, 0.9), 16000)
    with pytest.raises(BenchmarkError, match=r"files that have changed since: out/a3\.wav\. Name another folder"):
        go(place)


def test_the_default_folder_is_another_one_for_other_files(
    place: Path, judges: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    first = go(place, out=None)
    assert first.parent == Path("results")
    assert first.name.startswith("score-list-")
    assert go(place, out=None) == first
    soundfile.write(place / "root" / "out" / "a3.wav", np.full(800, 0.9), 16000)
    assert go(place, out=None) != first


@pytest.mark.parametrize("change", ["list", "root", "metrics"])
def test_a_folder_holds_the_scores_of_one_list(place: Path, judges: object, change: str) -> None:
    go(place)
    more: dict[str, Any] = {}
    if change == "list":
        path = place / "list.csv"
        path.write_text(path.read_text().replace("row3", "row_3"))
    elif change == "root":
        more["root"] = shutil.copytree(place / "root", place / "copy")
    else:
        more["metrics"] = (NISQA,)
    with pytest.raises(BenchmarkError, match="holds another run"):
        go(place, **more)


def test_a_folder_is_claimed(place: Path, judges: object) -> None:
    with RunFolder(place / "scored"), pytest.raises(RunLocked):
        go(place)


def test_broken_off_it_goes_on(place: Path, judges: dict[str, Loudness], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_CHUNK", 4)
    real, heard = soundfile.read, 0

    def stopping(*arguments: Any, **options: Any) -> Any:
        nonlocal heard
        heard += 1
        if heard > 9:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(soundfile, "read", stopping)
    with pytest.raises(KeyboardInterrupt):
        go(place)
    assert RunFolder(place / "scored").read().status == "interrupted"
    monkeypatch.setattr(soundfile, "read", real)
    judges[SPKSIM].seen.clear()
    folder = go(place)
    assert len(judges[SPKSIM].seen) == 12
    assert rows(folder)[VC, "XFaVoT", SPKSIM, "all"]["value"] == pytest.approx(0.055)


def test_metrics_by_name_are_the_only_ones(place: Path, judges: object) -> None:
    found = rows(go(place, metrics=(NISQA,)))
    assert {metric for _, _, metric, _ in found} == {NISQA}
    with pytest.raises(BenchmarkError, match="Unknown metric 'nisqa@nisqa'"):
        go(place, metrics=("nisqa@nisqa",))


def test_a_metric_that_cannot_be_had_is_said(place: Path, judges: dict[str, Loudness]) -> None:
    del judges[NISQA]
    folder = go(place)
    assert rows(folder)[VC, "XFaVoT", NISQA, "all"]["note"] == "no weights"
    assert "nisqa@nisqa.tar: no weights" in (folder / "table.md").read_text()


def test_a_wrong_root_is_recognised_and_the_right_one_found(place: Path, judges: object) -> None:
    listed = shutil.copy(place / "list.csv", place / "root" / "out" / "list.csv")
    with pytest.raises(BenchmarkError, match=rf"None of the 21 outputs .* Did you mean --root {place / 'root'}\?"):
        score_given(Path(listed), out=place / "scored")
    assert not (place / "scored").exists()
    with pytest.raises(BenchmarkError, match="no such folder"):
        go(place, root=place / "nowhere")


def test_the_folder_of_the_list_is_the_root_where_none_is_named(place: Path, judges: object) -> None:
    listed = shutil.copy(place / "list.csv", place / "root" / "list.csv")
    assert rows(score_given(Path(listed), out=place / "scored"))[VC, "XFaVoT", NISQA, "all"]["n"] == 10


def test_an_own_split_is_a_stratum(place: Path, judges: object) -> None:
    path = place / "list.csv"
    lines = path.read_text().splitlines()
    marked = [f"{line},{'dev' if i % 4 else 'test'}" for i, line in enumerate(lines[1:])]
    path.write_text("\n".join([f"{lines[0]},split", *marked]) + "\n")
    folder = go(place)
    splits = {split for task, system, _, split in rows(folder) if (task, system) == (VC, "XFaVoT")}
    assert splits == {"all", "dev", "test", "dev/same", "dev/cross"}, "all rows of test keep the gender: said once"
    assert "| dev n=7 " in (folder / "table.md").read_text()


def test_one_content_under_two_names_is_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real speaker encoder."""
    from benchmark.upstream import speaker_frontend

    time = np.arange(32000) / 16000
    voices = {
        n: 0.2 * np.sign(np.sin(2 * np.pi * f * time)) * (1 - np.cos(8 * np.pi * time))
        for n, f in [("a", 110), ("b", 210)]
    }
    for name, wave in voices.items():
        soundfile.write(tmp_path / f"{name}.wav", 0.4 * wave, 16000, subtype="FLOAT")
    shutil.copy(tmp_path / "a.wav", tmp_path / "same.wav")
    (tmp_path / "l.csv").write_text(
        f"output,system,task,reference\na.wav,s,{VC},b.wav\nsame.wav,s,{VC},b.wav\nb.wav,s,{VC},b.wav\n"
    )
    prepared: list[int] = []
    real: Callable[..., np.ndarray] = speaker_frontend.preprocess
    monkeypatch.setattr(speaker_frontend, "preprocess", lambda wave: prepared.append(len(wave)) or real(wave))
    cell = rows(score_given(tmp_path / "l.csv", metrics=(SPKSIM,), out=tmp_path / "o"))[VC, "s", SPKSIM, "all"]
    assert len(prepared) == 2
    assert (cell["n"], cell["low"]) == (3, None)
    assert "no source_id or target_id" in cell["note"]
    values = [json.loads(line)["value"] for line in (tmp_path / "o" / "scores.jsonl").open()]
    assert values[0] == values[1] < 0.95 < values[2] == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
def test_the_outputs_of_a_run_have_the_scores_that_the_run_gave_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "mini.toml").write_text(
        f"[trials.{VC}]\ntrials = 16\n[corpora.pocket_av]\nframes_per_clip = 1\nscale = 0.1\n"
    )
    line = ["run", "--task", VC, "--profile", str(tmp_path / "mini.toml"), "--systems", "copy_source", "copy_reference"]
    with pytest.raises(SystemExit) as stop:
        main([*line, "--metrics", SPKSIM, "--jobs", "1", "--out", str(tmp_path / "run")])
    assert not stop.value.code
    again = score_given(tmp_path / "run" / "outputs.csv", metrics=(SPKSIM,), out=tmp_path / "again")
    first, second = (
        {(r["system"], r["split"]): r for r in json.loads((f / "table.json").read_text())}
        for f in (tmp_path / "run", again)
    )
    assert first.keys() == second.keys()
    for key, row in first.items():
        for name in ("value", "low", "high", "n", "failed"):
            assert second[key].get(name) == pytest.approx(row.get(name), abs=1e-6), (key, name)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "data" / "outputs").is_dir(), reason="no ../shared/data/outputs")
def test_the_outputs_of_published_systems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["score", "--trials", str(SHARED / "data" / "outputs" / "pairs.csv"), "--root", str(SHARED / "data")]
    with pytest.raises(SystemExit) as stop:
        main([*line, "--out", str(tmp_path / "pairs"), "--metrics", NISQA, SPKSIM, "--json"])
    assert stop.value.code == 0
    found = {
        (r["task"], r["system"], r["metric"]): r for r in json.loads(capsys.readouterr().out) if r["split"] == "all"
    }
    xfavot = found["image_guided_vc", "XFaVoT", NISQA]
    assert (xfavot["value"], xfavot["n"], xfavot["failed"]) == (pytest.approx(4.639, abs=0.005), 4, 0)
    assert found["latent_guided_vc", "XFaVoT", NISQA]["value"] == pytest.approx(4.472, abs=0.005)
    expected = {
        ("image_guided_vc", "FaceVC"): (3.853, 0.4394, 24),
        (VC, "AdaIN-VC (Griffin-Lim)"): (3.552, 0.7625, 16),
        (VC, "AutoVC"): (3.289, 0.8679, 6),
        (VC, "AutoVC(speech)"): (2.326, 0.5970, 12),
        (VC, "FragmentVC"): (2.910, 0.7314, 16),
        (VC, "StarGANv2-VC"): (4.552, 0.8320, 6),
    }
    for (task, system), (nisqa, spksim, n) in expected.items():
        assert found[task, system, NISQA]["value"] == pytest.approx(nisqa, abs=0.005)
        assert found[task, system, SPKSIM]["value"] == pytest.approx(spksim, abs=0.001)
        assert found[task, system, NISQA]["n"] == found[task, system, SPKSIM]["n"] == n
    for task in ("audio_guided_translation", "latent_guided_translation", "face_from_voice"):
        faces = [r for (t, _, _), r in found.items() if t == task]
        assert faces
        assert all((r["n"], r["failed"]) == (0, 0) for r in faces)
