"""Jobs whose output is a picture -> PNG."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from benchmark.media.image import write_png
from benchmark.runner.shelf import WRITERS
from benchmark.runner.work import Job, Work, per_unit


def translate_pictures(work: Work, jobs: Sequence[Job], folder: Path, batch: int) -> float | None:
    """Write every job's output, one PNG of the system's own size each, while the next `batch` is computed.

    Returns:
        Seconds of work per picture, writing left out; None where there is nothing to write.
    """
    if not jobs and not folder.is_dir():
        return None
    for parent in {job.output.parent for job in jobs} | {folder}:
        parent.mkdir(parents=True, exist_ok=True)
    seconds = pictures = 0.0
    pending: list[Future[None]] = []
    with ThreadPoolExecutor(WRITERS) as pool:
        for part in work.batches(jobs, batch, work.system.inputs[work.task.name], folder.name):
            started = time.perf_counter()
            out = work.attempt(part, work.outputs)
            if out is not None:
                seconds += time.perf_counter() - started
                pictures += len(part)
                _finish(pending)
                pending = [pool.submit(write_png, job.output, picture) for job, picture in work.finite(part, out)]
        _finish(pending)
    return per_unit(folder, "pictures", seconds, pictures)


def _finish(pending: Sequence[Future[None]]) -> None:
    """Wait for what was given to the writers; raises what one of them raised (a full disk)."""
    for written in pending:
        written.result()
