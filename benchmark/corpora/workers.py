"""Worker processes for preparing corpora: one function over many items, results in the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from benchmark.errors import BenchmarkError

Item = TypeVar("Item")
Result = TypeVar("Result")

WORTH_WORKERS = 20.0
"""Seconds of work left from which worker processes pay for their start (5 to 10 s of importing torch)."""

_function: Callable[[Any], Any]


def cores() -> int:
    """Cores this process may use: fewer than the machine has under taskset, a container or a job scheduler."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over(function: Callable[[Item], Result], items: Sequence[Item], jobs: int | None = None) -> Iterator[Result]:
    """`function(item)` for every item, in order, by this process and, where it pays, by `jobs` others.

    `jobs` defaults to the number of cores. `function` is sent once to each worker. All compute on one torch thread, so
    that results do not depend on `jobs`. A worker dies with its parent, however that ends.

    Raises:
        BenchmarkError: fewer than one job; a worker was killed from outside.
        Whatever `function` raises.
    """
    jobs = cores() if jobs is None else jobs
    if jobs < 1:
        raise BenchmarkError(f"At least one job is needed, got {jobs}.")
    done = 0
    with _one_thread():
        for done, item in enumerate(items, start=1):
            start = time.monotonic()
            result = function(item)
            left = (time.monotonic() - start) * (len(items) - done)
            yield result
            # The first item is no measure: it pays for imports and networks.
            if jobs > 1 and done > 1 and left > WORTH_WORKERS:
                break
    if done < len(items):
        yield from _pooled(function, items[done:], min(jobs, len(items) - done))


def _pooled(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    # Not "fork": torch's OpenMP threads do not survive it, and a child of a parent that has computed can hang. Not
    # "spawn": every worker would import torch anew. The fork server imports once and forks from a clean process.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, getattr(function, "func", function).__module__])
    try:
        with ProcessPoolExecutor(jobs, context, _start, (function,)) as pool:
            yield from pool.map(_call, items)
    except BrokenProcessPool as error:
        raise BenchmarkError(
            f"One of {jobs} worker processes was killed, perhaps for want of memory. What is finished is kept: "
            "run the same command again, with fewer --jobs if it happens twice."
        ) from error


def _start(function: Callable[[Any], Any]) -> None:
    global _function
    _function = function
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and lets the running items end
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A pool's workers wait for ever on a queue that they hold open themselves when the parent is killed.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(item: Any) -> Any:
    return _function(item)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
