"""Two processes equal one on the same global batch."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.training.checkpoint import read


def two_ranks(start: Callable[..., Any], folder: Path, **arguments: Any) -> list[tuple[int, dict[str, Any]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    children = []
    for rank in "01":
        environ = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "LOCAL_RANK": rank, "NODE_RANK": "0"}
        at = arguments.get("at") if rank == "1" else None
        settings = {"devices": 2, **arguments.get("settings", {})}
        given = {**arguments, "settings": settings, "at": at, "environ": environ}
        children.append(start("train", folder=str(folder), **given))
    return [child.wait() for child in children]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_ranks_equal_one_process(accumulate: int, start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    common = {"stores": [av], "system": "contrast", "options": {"accumulate": accumulate}, "settings": {"steps": 4}}
    code, one = start("train", folder=str(tmp_path / "one"), **common).wait()
    assert code == 0
    answers = two_ranks(start, tmp_path / "two", **common)
    assert [code for code, _ in answers] == [0, 0]
    single, double = read(Path(one["checkpoint"])), read(Path(answers[0][1]["checkpoint"]))
    assert double["environment"]["world"] == "2"
    for name, tensor in single["model"].items():
        assert (tensor - double["model"][name]).abs().max() <= 1e-6, name
    gradient = single["optimizers"]["encoders"]["state"][0]["exp_avg"]  # a mean of gradients, so a test of them
    assert gradient.abs().max() > 1e-4
    assert (gradient - double["optimizers"]["encoders"]["state"][0]["exp_avg"]).abs().max() <= 1e-6


def test_a_signal_to_one_rank_stops_both_at_the_same_step(start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    answers = two_ranks(start, tmp_path, stores=[av], system="duel", at={"step": 2, "signal": 15})
    assert [code for code, _ in answers] == [143, 143]
    assert [p.name for p in tmp_path.glob("step-*.pt")] == ["step-000000003.pt"]
    code, answer = start("train", stores=[av], folder=str(tmp_path), settings={"steps": 4}).wait()
    assert code == 0
    assert [w for w in answer["warnings"] if "world 2 then, 1 now" in w]


def test_a_batch_that_does_not_divide_is_refused(start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    for code, answer in two_ranks(start, tmp_path, stores=[av], options={"accumulate": 3}):
        assert (code, answer["error"]) == (2, "BenchmarkError")
        assert "4 rows, which do not divide by 2 processes times 3 micro-batches" in answer["message"]
