"""Jobs whose output is a voice -> FLAC."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from benchmark.media.audio import RATE, write_flac
from benchmark.media.vocoder import Vocoder
from benchmark.runner.work import Job, Work, per_unit


def translate_voices(
    work: Work, jobs: Sequence[Job], folder: Path, batch: int, vocoders: Mapping[str, Vocoder]
) -> tuple[float | None, str | None]:
    """Write every job's output, one FLAC of the source's length each, `batch` at a time. `vocoders`: by feature.

    Returns:
        (seconds of work per second of audio, name of the vocoder or None for a system that gives waveforms).
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = work.system.output[work.task.name]
    voice = None if key == "wave24k" else vocoders[key]

    def waves(jobs: Sequence[Job]) -> Tensor:
        out = work.outputs(jobs)
        return voice(out) if voice else out

    seconds = audio = 0.0
    keys = ("wave24k", *work.system.inputs[work.task.name])
    for part in work.batches(jobs, batch, keys, folder.name):
        started = time.perf_counter()
        out = work.attempt(part, waves)
        if out is not None:
            if voice:  # a vocoder fills the last hop
                out = out[:, : len(work.shelf.rows(part[0].source, "wave24k"))]
            seconds += time.perf_counter() - started
            audio += out.numel() / RATE
            for job, wave in work.finite(part, out):
                write_flac(job.output, wave.numpy())
    return per_unit(folder, "audio", seconds, audio), voice.name if voice else None
