"""The two tasks in which a face hears a voice, small and from end to end, by controls alone: what each of them must
score, and that nothing is lost, done twice or mixed up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import main
from benchmark.media.image import read_image
from protocols.trial import read_trials

PAIRS, GUIDED = "face_from_voice", "audio_guided_translation"
CONTROLS = ("ground_truth", "random_reference", "copy_source", "mean_face", "gender_mean_face")
METRICS = (
    "cos_target@pocket",
    "cos_input@pocket",
    "cos_random@pocket",
    "cos_target@pocket:centred",
    "retrieval_top1@pocket",
    "retrieval_top5@pocket",
    "gender_flip@pocket",
    "pose_error@pocket",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a cache: both tasks share the prepared corpus."""
    folder = tmp_path_factory.mktemp("voices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_CACHE", str(folder / "cache"))
        yield folder


def go(place: Path, task: str, out: str, *more: str) -> int:
    systems, metrics = (CONTROLS, METRICS) if task == PAIRS else (CONTROLS[:3], ("gender_flip@pocket", "lpips@pocket"))
    line = ["run", "--task", task, "--profile", "tiny", "--systems", *systems, "--metrics", *metrics, "--jobs", "1"]
    with pytest.raises(SystemExit) as stop:
        main([*line, "--out", str(place / out), *more])
    return int(str(stop.value.code or 0))


@pytest.fixture(scope="module")
def whole(place: Path) -> Path:
    assert go(place, PAIRS, "whole") == 0
    return place / "whole"


def values(folder: Path, metric: str, split: str = "all") -> dict[str, float]:
    rows: list[dict[str, Any]] = json.loads((folder / "table.json").read_text())
    return {row["system"]: row["value"] for row in rows if (row["metric"], row["split"]) == (metric, split)}


@pytest.mark.slow
def test_controls_score_what_they_are(whole: Path) -> None:
    target, given, other = (values(whole, f"cos_{what}@pocket") for what in ("target", "input", "random"))
    assert target["ground_truth"] == pytest.approx(1)
    assert given["copy_source"] == pytest.approx(1)
    assert other["random_reference"] == pytest.approx(1)
    assert target["ground_truth"] > max(target[name] for name in CONTROLS[1:])
    assert values(whole, "cos_target@pocket:centred")["ground_truth"] > 0
    for k in (1, 5):
        found = values(whole, f"retrieval_top{k}@pocket")
        assert found["ground_truth"] > max(found["copy_source"], found["mean_face"])
    flips = values(whole, "gender_flip@pocket")
    assert flips["ground_truth"] >= 0.9
    assert flips["copy_source"] == pytest.approx(0.5, abs=0.13), "half of the proposals have the gender already"
    assert flips["gender_mean_face"] == 1
    assert values(whole, "pose_error@pocket")["copy_source"] == 0


@pytest.mark.slow
def test_the_run_is_whole_and_shows_itself(whole: Path) -> None:
    record = json.loads((whole / "run.json").read_text())
    assert record["status"] == "finished"
    assert not record["partial"]
    assert all(count["failed"] == 0 for count in record["counts"].values())
    assert Counter((t.split, t.pairing) for t in read_trials(whole / "trials.csv")) == {
        (split, pairing): 4 for split in ("seen", "unseen") for pairing in ("same", "cross")
    }
    for name in ("trials.png", "retrieval.png"):
        assert min(read_image(whole / name).shape[:2]) > 300, name
    for trial in read_trials(whole / "outputs.csv"):
        for path in (trial.output, trial.source, trial.reference, trial.other_target_face, trial.other_face):
            assert (whole / path).is_file(), path


@pytest.mark.slow
def test_the_same_command_does_nothing_twice(place: Path, whole: Path) -> None:
    media = {path: path.stat().st_mtime_ns for path in (whole / "media").rglob("*.*")}
    scores, table = (whole / "scores.jsonl").read_text(), values(whole, "cos_target@pocket")
    assert go(place, PAIRS, "whole") == 0
    assert {path: path.stat().st_mtime_ns for path in media} == media
    assert (whole / "scores.jsonl").read_text() == scores
    assert values(whole, "cos_target@pocket") == table


@pytest.mark.slow
def test_another_run_does_not_enter_the_folder(place: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go(place, GUIDED, "whole") == 2
    assert "audio_guided_translation" in capsys.readouterr().err
    assert go(place, PAIRS, "whole", "--limit", "4") == 2
    assert "limit" in capsys.readouterr().err


@pytest.mark.slow
def test_a_limit_keeps_the_strata_and_marks_the_rows(place: Path) -> None:
    assert go(place, PAIRS, "limited", "--limit", "8") == 0
    found = Counter((t.split, t.pairing) for t in read_trials(place / "limited" / "trials.csv"))
    assert found == {(split, pairing): 2 for split in ("seen", "unseen") for pairing in ("same", "cross")}
    assert json.loads((place / "limited" / "run.json").read_text())["partial"] == ["pocket_av_many"]


@pytest.mark.slow
def test_faces_are_translated_to_the_gender_that_is_heard(place: Path) -> None:
    assert go(place, GUIDED, "guided") == 0
    trials = read_trials(place / "guided" / "trials.csv")
    assert {(t.source_gender, t.target_gender) for t in trials} == {(0, 1), (1, 0)}
    assert all(t.reference.endswith(".flac") for t in trials)
    flips = values(place / "guided", "gender_flip@pocket")
    assert flips["ground_truth"] >= 0.9
    assert flips["copy_source"] <= 0.1
    assert values(place / "guided", "lpips@pocket")["copy_source"] == pytest.approx(0, abs=1e-9)
