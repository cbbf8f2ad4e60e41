"""Work in threads: order, what is raised, and that the thread settings of others stay as they were."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from benchmark.threads import in_parallel, one_thread


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_keep_the_order_of_the_items(threads: int) -> None:
    assert in_parallel(lambda x: x * x, range(50)) == [x * x for x in range(50)]
    assert in_parallel(str, []) == []


def test_items_run_beside_each_other(threads: int) -> None:
    together = threading.Barrier(threads, timeout=20)
    in_parallel(lambda _: together.wait(), range(threads))


def test_each_thread_computes_by_itself_and_nobody_elses_setting_changes(threads: int) -> None:
    inside = in_parallel(lambda _: torch.get_num_threads(), range(8))
    assert inside == [1] * 8
    assert torch.get_num_threads() == threads
    later: list[int] = []

    def look() -> None:
        torch.zeros(2**20).add_(1)  # a thread takes its number over when it first computes
        later.append(torch.get_num_threads())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert later == [threads]


def test_the_first_error_is_raised_and_the_setting_restored(threads: int) -> None:
    def fail(x: int) -> int:
        if x >= 3:
            raise ValueError(x)
        return x

    with pytest.raises(ValueError, match="3"):
        in_parallel(fail, range(9))
    assert torch.get_num_threads() == threads


def test_one_thread_is_one_and_is_given_back(threads: int) -> None:
    inside: list[int] = []

    def fail() -> None:
        with one_thread():
            inside.append(torch.get_num_threads())
            raise ValueError("oh")

    with pytest.raises(ValueError, match="oh"):
        fail()
    assert (inside, torch.get_num_threads()) == ([1], threads)
