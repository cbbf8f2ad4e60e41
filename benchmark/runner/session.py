"""What every verb that fills a run folder notes beside its results."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from benchmark.reporting.schema import RunRecord
from benchmark.reporting.store import RunFolder


@contextmanager
def noting_failure(folder: RunFolder, record: RunRecord) -> Iterator[None]:
    """Leave word in run.json when the work inside is broken off."""
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        with suppress(OSError):  # on a full disk the reason matters more than this word
            folder.write(record.model_copy(update={"status": "interrupted" if stopped else "failed"}))
        raise


def peak_memory() -> int:
    """Bytes that this process, or the largest that it started, has held at most."""
    kilobytes = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return kilobytes * 1024


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
