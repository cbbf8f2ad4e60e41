"""Work on many files or batches, one thread a core."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Item], Result], items: Collection[Item]) -> list[Result]:
    """[function(item) for item in items], in as many threads as PyTorch may use, each computing by itself.

    Threads that never wait for each other use the cores better than one operation cut into pieces, above all beside
    other programs. Not nested. Whether gradients are wanted is a thread's own matter: `function` has to say it.

    Raises:
        Exception: the first one, in the order of the items, that `function` raised.
    """
    threads = torch.get_num_threads()
    if min(threads, len(items)) < 2:
        return [function(item) for item in items]
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, items))
    finally:
        # The setting is a thread's own, but what was set last is where threads made later start from.
        torch.set_num_threads(threads)


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch computes in the calling thread alone: for operations that wait for their threads many times.

    Singular values of a thousand rows take 0.2 s so, and up to 10 s in two threads where another program is at work.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
