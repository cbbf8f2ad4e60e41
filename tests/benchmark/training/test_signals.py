from __future__ import annotations

import os
import signal
import threading

import pytest

from benchmark.training.signals import Interruption


def test_first_is_remembered_second_acts_and_handlers_come_back() -> None:
    seen: list[int] = []
    original = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        ours = signal.getsignal(signal.SIGTERM)
        with Interruption() as interruption:
            assert interruption.received == 0
            os.kill(os.getpid(), signal.SIGTERM)
            assert (interruption.received, seen) == (signal.SIGTERM, [])
            os.kill(os.getpid(), signal.SIGTERM)
            assert seen == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is ours
    finally:
        signal.signal(signal.SIGTERM, original)


def test_second_interrupt_is_a_keyboard_interrupt() -> None:
    def interrupted() -> None:
        with Interruption():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    # A shell's background job (CI, say) starts with SIGINT ignored.
    original = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.signal(signal.SIGINT, original)


def test_other_threads_catch_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    inside = []

    def work() -> None:
        with Interruption():
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]
