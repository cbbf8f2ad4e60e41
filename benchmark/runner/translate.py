"""Trials -> media: every system translates the frozen list, one file per trial in `media/<system>/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import torch

from benchmark.media.vocoder import Vocoder
from benchmark.runner.shelf import Shelf
from benchmark.runner.translate_pictures import translate_pictures
from benchmark.runner.translate_voices import translate_voices
from benchmark.runner.work import Job, Work
from benchmark.system import System
from benchmark.tasks import TASKS, Task
from protocols.trial import Trial

_SUFFIX = {"voice": "flac", "face": "png"}


@dataclass(frozen=True)
class Translated:
    """What translating took and could not give.

    real_time_factor: seconds of work per second of audio, or per picture, over all sessions; None before anything was
    made. vocoder: its name, None for a system that gives waveforms or pictures. failures: trial -> why it has no
    output.
    """

    real_time_factor: float | None
    vocoder: str | None
    failures: dict[str, str]


def judged(system: System, name: str, trial: Trial) -> Trial:
    """A trial as protocols judge the system `name` by it, with its output.

    A control that hands on a picture is judged by the very file that the trial names.
    """
    if trial.task in system.copies and (handed := handed_over(system, trial)):
        return replace(trial, system=name, output=handed)
    is_truth = system.source == "target" and TASKS[trial.task].source == "voice"
    content = content_path(name, trial) if is_truth else ""
    return replace(trial, system=name, output=output_path(name, trial), content=content)


def handed_over(system: System, trial: Trial) -> str:
    """The real recording or picture of a trial that the system gets as its source; empty where there is none."""
    voice = TASKS[trial.task].source == "voice"
    return {
        "source": trial.source,
        "reference": trial.reference,
        "target": trial.other_target_voice if voice else trial.other_target_face,
        "other": trial.other_voice if voice else trial.other_face,
    }[system.source]


def output_path(system: str, trial: Trial) -> str:
    """Where a row's output lies, relative to the run folder."""
    return f"media/{system.replace(':', '_')}/{trial.trial}.{_SUFFIX[TASKS[trial.task].source]}"


def content_path(system: str, trial: Trial) -> str:
    """Where lies what a ground truth's words are judged by: the source, handed through as the output was."""
    return f"media/{system.replace(':', '_')}/{trial.trial}_words.flac"


def translate(
    system: System,
    name: str,
    task: Task,
    trials: Sequence[Trial],
    shelf: Shelf,
    root: Path,
    seed: int,
    device: torch.device,
    vocoders: Mapping[str, Vocoder] = MappingProxyType({}),
    batch: int = 32,
) -> Translated:
    """Write the outputs that are not there yet; rows of equal length go through the system together.

    A row that cannot be given (no such recording in the corpus, one too short for the system, a value that is not
    finite) is named in `failures` and writes nothing; the protocols then count it as failed. `vocoders`: by the feature
    that systems return.
    """
    work = Work(system.to(device).eval(), task, shelf, seed, device)
    jobs = []
    for trial in trials:
        handed = handed_over(system, trial)
        if not handed:
            what = "recording" if task.source == "voice" else "picture"
            work.failures[trial.trial] = f"the corpus has no other {what} of the target, or of another speaker like it"
        elif task.reference is not None and not trial.reference:
            work.failures[trial.trial] = "no other target of this gender to shuffle references with"
        elif task.name not in system.copies:
            row = judged(system, name, trial)
            jobs.append(Job(trial, handed, root / row.output))
            if row.content:
                jobs.append(Job(trial, trial.source, root / row.content))
    folder = root / "media" / name.replace(":", "_")
    left = [job for job in jobs if not job.output.is_file()]
    if task.source == "voice":
        factor, vocoder = translate_voices(work, left, folder, batch, vocoders)
    else:
        factor, vocoder = translate_pictures(work, left, folder, batch), None
    return Translated(factor, vocoder, work.failures)
