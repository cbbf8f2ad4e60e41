from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError, RunLocked
from benchmark.reporting import store
from benchmark.reporting.schema import RunRecord, provenance
from benchmark.reporting.store import RunFolder, ScoreLog, read_scores
from protocols.trial import Score

ROOT = Path(__file__).parents[3]
SCORES = [Score("adain_cvc", f"t{i}", "spksim@resemblyzer", i / 7) for i in range(20)]
FAILED = Score("adain_cvc", "t20", "spksim@resemblyzer", error="leer: ein Wort, äöü")


def record(**changes: object) -> RunRecord:
    facts = {
        "command": "run",
        "task": "image_guided_vc",
        "profile": "pocket",
        "systems": {"adain_cvc": "adain_cvc:pocket"},
        "corpora": ["pocket"],
        "metrics": ["spksim@resemblyzer"],
        "seeds": [0],
        "settings": {"adain_cvc": {"steps": 10, "betas": (0.9, 0.999)}},
        "started": "2026-11-20T11:00:00+00:00",
    }
    return RunRecord.model_validate({**provenance(), **facts, **changes})


# --- the folder -------------------------------------------------------------------------------------------------------


def test_a_run_goes_on_in_its_folder_and_keeps_its_start(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "a" / "run") as run:
        first = run.open(record())
    with RunFolder(run.path) as again:
        second = again.open(record(started="2027-01-01T00:00:00+00:00", command="run --again"))
        assert second.started == first.started
        assert again.read().model_dump(mode="json") == second.model_dump(mode="json")
    assert not (run.path / ".holder").exists()


def test_another_run_is_refused_and_told_what_differs(tmp_path: Path) -> None:
    with RunFolder(tmp_path) as run:
        run.open(record())
        before = run.run_json.read_bytes()
        with pytest.raises(BenchmarkError, match=r"settings\.adain_cvc\.steps was 10, now 11") as caught:
            run.open(record(settings={"adain_cvc": {"steps": 11, "betas": [0.9, 0.999]}}))
        assert "betas" not in str(caught.value)
        assert "--out" in str(caught.value)
        with pytest.raises(BenchmarkError, match=r"seeds was \[0\], now \[1\]"):
            run.open(record(seeds=[1]))
        with pytest.raises(BenchmarkError, match=r"systems\.copy_source was None, now 'copy_source'"):
            run.open(record(systems={"adain_cvc": "adain_cvc:pocket", "copy_source": "copy_source"}))
        assert run.run_json.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 99}', '{"schema_version": 1}'])
def test_a_broken_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(BenchmarkError, match=r"run\.json"):
        RunFolder(tmp_path).read()


def test_a_folder_without_record_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"no run\.json"):
        RunFolder(tmp_path).read()


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchmarkError, match="Cannot write the run folder"):
        RunFolder(tmp_path / "file" / "run").claim()


def test_a_second_claim_of_this_process_is_refused(tmp_path: Path) -> None:
    with RunFolder(tmp_path), pytest.raises(RunLocked, match=f"process {os.getpid()} on "):
        RunFolder(tmp_path).claim()
    with RunFolder(tmp_path):
        pass


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from benchmark.reporting.store import RunFolder\n"
        "run = RunFolder(Path(sys.argv[1])); run.claim(); print('claimed', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "claimed\n"
        with pytest.raises(RunLocked, match=f"process {child.pid} on "):
            RunFolder(tmp_path).claim()
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    with RunFolder(tmp_path) as run:
        run.open(record())


# --- the log ----------------------------------------------------------------------------------------------------------


def test_scores_survive_and_are_known_as_done(tmp_path: Path) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    log.append(SCORES[:5])
    log.append([*SCORES[5:], FAILED])
    for again in (log, ScoreLog(log.path)):
        assert again.read() == [*SCORES, FAILED]
        assert again.done() == {(s.system, s.trial, s.metric) for s in SCORES}, "what failed may be mended"
    assert len(log.path.read_text().splitlines()) == 21


def test_the_last_of_two_lines_counts(tmp_path: Path) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    log.append([FAILED, SCORES[0]])
    mended = Score(FAILED.system, FAILED.trial, FAILED.metric, 0.5)
    log.append([mended])
    assert ScoreLog(log.path).read() == log.read() == [mended, SCORES[0]]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_log_cut_anywhere_loses_its_last_line_at_most(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "scores.jsonl"
    ScoreLog(path).append([*SCORES[:4], FAILED])
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    complete = whole[:cut].count(b"\n")
    log = ScoreLog(path)
    assert log.read() == [*SCORES[:4], FAILED][:complete]
    log.append(SCORES[4:6])
    assert ScoreLog(path).read() == [*[*SCORES[:4], FAILED][:complete], *SCORES[4:6]]


@pytest.mark.parametrize("tail", [b'{"system": "a", "tri', b"\0\0\0\0", b'{"system": "a"}\n', b"\xff\xfe\n", b"17\n"])
def test_a_broken_last_line_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "scores.jsonl"
    ScoreLog(path).append(SCORES)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert ScoreLog(path).read() == SCORES
    assert path.read_bytes() == whole


def test_a_broken_line_in_the_middle_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    ScoreLog(path).append(SCORES[:3])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"oops\n" + lines[2])
    with pytest.raises(BenchmarkError, match=r"scores\.jsonl:2 is no score: b'oops'"):
        ScoreLog(path)
    assert b"oops" in path.read_bytes()


@pytest.mark.parametrize(
    "bad",
    [
        Score("s", "t", "m", float("nan")),
        Score("s", "t", "m", float("inf")),
        Score("s", "t", "m"),
        Score("s", "t", "m", 1.0, "and an error"),
    ],
)
def test_a_score_that_says_nothing_is_refused_with_its_chunk(tmp_path: Path, bad: Score) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    with pytest.raises(ValueError, match="Score"):
        log.append([SCORES[0], bad])
    assert log.read() == []
    assert log.path.read_bytes() == b""


def test_a_full_disk_loses_no_earlier_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    log.append(SCORES[:5])
    real: Callable[[int, bytes], int] = os.write
    room = 100  # the disk takes one line and a half, then it is full

    def write(descriptor: int, data: bytes) -> int:
        nonlocal room
        if room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = real(descriptor, bytes(data[:room]))
        room -= taken
        return taken

    with monkeypatch.context() as patch:
        patch.setattr(store.os, "write", write)
        with pytest.raises(BenchmarkError, match=r"No space left on device\. The 5 scores before are kept"):
            log.append(SCORES[5:])
    assert ScoreLog(log.path).read() == log.read() == SCORES[:5]
    log.append(SCORES[5:])
    assert ScoreLog(log.path).read() == SCORES


def test_an_interrupted_append_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    log.append(SCORES[:5])
    real: Callable[[int, bytes], int] = os.write

    def write(descriptor: int, data: bytes) -> int:
        real(descriptor, bytes(data[:30]))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store.os, "write", write)
        with pytest.raises(KeyboardInterrupt):
            log.append(SCORES[5:])
    log.append(SCORES[5:])
    assert ScoreLog(log.path).read() == SCORES


def _fill(path: Path, limit: int) -> None:
    log = ScoreLog(path)
    log.append(SCORES[:5])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        log.append(SCORES[5:])
    except BenchmarkError:
        os._exit(7)
    os._exit(0)


def test_a_file_the_system_itself_stops_growing_loses_no_earlier_line(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    size = sum(len(store._line(s)) for s in SCORES[:7])
    child = multiprocessing.get_context("fork").Process(target=_fill, args=(path, size - 20))
    child.start()
    child.join(30)
    assert child.exitcode == 7
    assert path.stat().st_size == sum(len(store._line(s)) for s in SCORES[:5])
    assert ScoreLog(path).read() == SCORES[:5]


def test_reading_a_log_of_another_process_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    with pytest.raises(BenchmarkError, match="No scores at"):
        read_scores(path)
    ScoreLog(path).append(SCORES)
    torn = path.read_bytes() + b'{"system": "half'
    path.write_bytes(torn)
    assert read_scores(path) == SCORES
    assert path.read_bytes() == torn


def test_a_full_disk_keeps_the_record_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with RunFolder(tmp_path) as run:
        run.open(record())
        before = run.run_json.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(BenchmarkError, match=r"run\.json: No space left"):
                run.write(record(status="finished"))
        assert run.run_json.read_bytes() == before
        assert sorted(p.name for p in tmp_path.iterdir()) == [".holder", ".lock", "run.json"]


def test_each_line_is_plain_json(tmp_path: Path) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    log.append([SCORES[1], FAILED])
    first, second = map(json.loads, log.path.read_text(encoding="utf-8").splitlines())
    assert first == {"system": "adain_cvc", "trial": "t1", "metric": "spksim@resemblyzer", "value": 1 / 7}
    assert second["error"] == FAILED.error
    assert "value" not in second
