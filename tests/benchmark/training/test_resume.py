"""N steps are k steps, a kill, and the rest: bit for bit."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STEPS = 12


@pytest.fixture(scope="module")
def whole(start: Callable[..., Any], av: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    code, answer = start("train", stores=[av], folder=str(folder)).wait()
    assert code == 0
    return folder, answer


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def timeless(folder: Path) -> list[dict[str, Any]]:
    """The log without what a clock or the machine's memory says."""
    return [
        {k: v for k, v in line.items() if not k.endswith(("_per_s", "_seconds")) and k != "peak_memory"}
        for line in lines(folder)
    ]


@pytest.mark.parametrize("trial", range(3))
def test_killed_at_a_random_step(
    trial: int, start: Callable[..., Any], av: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    step = random.SystemRandom().randrange(STEPS)
    code, _ = start("train", stores=[av], folder=str(tmp_path), at={"step": step, "signal": signal.SIGKILL}).wait()
    assert code == -signal.SIGKILL
    code, answer = start("train", stores=[av], folder=str(tmp_path)).wait()
    assert code == 0, answer
    assert answer["digest"] == whole[1]["digest"], f"killed at step {step}"
    assert answer["warnings"] == []
    assert timeless(tmp_path) == timeless(whole[0])


def test_killed_while_saving(
    start: Callable[..., Any], av: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    assert start("train", stores=[av], folder=str(tmp_path), fault="kill in save").wait()[0] == -signal.SIGKILL
    assert [p.name for p in sorted(tmp_path.glob("step-*"))] == ["step-000000003.pt", "step-000000006.pt"]
    assert list(tmp_path.glob(".step-*.part"))
    code, answer = start("train", stores=[av], folder=str(tmp_path)).wait()
    assert (code, answer["digest"]) == (0, whole[1]["digest"])
    assert not list(tmp_path.glob(".step-*.part"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_finishes_the_step_and_saves(
    number: int, code: int, start: Callable[..., Any], av: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    assert start("train", stores=[av], folder=str(tmp_path), at={"step": 4, "signal": number}).wait()[0] == code
    assert sorted(p.name for p in tmp_path.glob("step-*.pt"))[-1] == "step-000000005.pt"
    resumed, answer = start("train", stores=[av], folder=str(tmp_path)).wait()
    assert (resumed, answer["digest"]) == (0, whole[1]["digest"])


def test_truncated_checkpoint_is_passed_over(
    start: Callable[..., Any], av: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    start("train", stores=[av], folder=str(tmp_path), at={"step": 7, "signal": signal.SIGKILL}).wait()
    newest = tmp_path / "step-000000006.pt"
    newest.write_bytes(newest.read_bytes()[:-500])
    code, answer = start("train", stores=[av], folder=str(tmp_path)).wait()
    assert (code, answer["digest"]) == (0, whole[1]["digest"])
    assert len(answer["warnings"]) == 1
    assert newest.name in answer["warnings"][0]


def test_flipped_byte_is_noticed(kit: Any, whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    from benchmark.errors import BenchmarkError
    from benchmark.training.checkpoint import read

    data = bytearray(Path(whole[1]["checkpoint"]).read_bytes())
    weights = read(Path(whole[1]["checkpoint"]))["model"]["critic.0.weight"].numpy().tobytes()
    data[data.index(weights)] ^= 1
    (tmp_path / "step-000000012.pt").write_bytes(data)
    with pytest.raises(BenchmarkError, match="checksum"):
        read(tmp_path / "step-000000012.pt")


@pytest.mark.parametrize(
    ("fault", "reason"), [("disk", "No space left on device"), ("quota", "Cannot save checkpoint")]
)
def test_full_disk_leaves_earlier_checkpoints(
    fault: str, reason: str, start: Callable[..., Any], av: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    code, answer = start("train", stores=[av], folder=str(tmp_path), fault=fault).wait()
    assert code == 2
    assert reason in answer["message"]
    assert "step-000000009.pt" in answer["message"]
    assert [p.name for p in sorted(tmp_path.iterdir()) if "step-" in p.name] == [
        "step-000000003.pt",
        "step-000000006.pt",
    ]
    code, answer = start("train", stores=[av], folder=str(tmp_path)).wait()
    assert (code, answer["digest"]) == (0, whole[1]["digest"])


def test_finished_training_returns_at_once(
    start: Callable[..., Any], av: str, whole: tuple[Path, dict[str, Any]]
) -> None:
    folder, first = whole
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    code, answer = start("train", stores=[av], folder=str(folder)).wait()
    assert code == 0
    assert answer == first
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == before
    assert [p.name for p in sorted(folder.glob("step-*"))] == ["step-000000009.pt", "step-000000012.pt"]


def test_longer_training_goes_on(
    start: Callable[..., Any], av: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    start("train", stores=[av], folder=str(tmp_path), settings={"steps": 5}).wait()
    code, answer = start("train", stores=[av], folder=str(tmp_path)).wait()
    assert (code, answer["digest"]) == (0, whole[1]["digest"])


def test_other_settings_are_refused(start: Callable[..., Any], av: str, whole: tuple[Path, dict[str, Any]]) -> None:
    for change in (
        {"settings": {"seed": 1}},
        {"options": {"lr": 0.5}},
        {"system": "forgetful"},
        {"settings": {"steps": 3}},
    ):
        code, answer = start("train", stores=[av], folder=str(whole[0]), **change).wait()
        assert (code, answer["error"]) == (2, "BenchmarkError"), change
        assert ("further" if change == {"settings": {"steps": 3}} else "other settings") in answer["message"]
    assert (
        "seed 0 then, 1 now"
        in start("train", stores=[av], folder=str(whole[0]), settings={"seed": 1}).wait()[1]["message"]
    )


def test_other_threads_are_warned_of(start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    start("train", stores=[av], folder=str(tmp_path), settings={"steps": 3}).wait()
    code, answer = start("train", stores=[av], folder=str(tmp_path), settings={"steps": 4}, threads=2).wait()
    assert code == 0
    assert [w for w in answer["warnings"] if "threads 1 then, 2 now" in w]


def test_log_holds_terms_norms_rates_and_speed(whole: tuple[Path, dict[str, Any]]) -> None:
    written = lines(whole[0])
    assert [line["step"] for line in written] == [3, 7, 11]
    assert {"make/adv", "make/judge", "make/grad_norm/maker", "make/lr/mapping", "criticise/real"} <= set(written[0])
    assert {"steps_per_s", "samples_per_s", "peak_memory", "make_seconds"} <= set(written[0])
    assert written[0]["samples_per_s"] == pytest.approx(4 * written[0]["steps_per_s"])
    assert written[1]["make/lr/maker"] == pytest.approx(1e-2 * 0.99**7)
    assert [("late/rec" in line) for line in written] == [False, True, False]
    assert list((whole[0] / "tensorboard").iterdir())


def test_attributes_that_no_checkpoint_holds_are_found(
    start: Callable[..., Any], av: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    assert whole[1]["changed"] == []
    assert all(whole[1]["handlers"])
    answer = start("train", stores=[av], folder=str(tmp_path), system="forgetful", settings={"steps": 2}).wait()[1]
    assert answer["changed"] == ["calls", "memory", "rng"]
