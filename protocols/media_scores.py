"""What the protocols that judge sound files share: reading a file as it is, and judging no content twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import soundfile

from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.audio import read_wave
from benchmark.threads import in_parallel
from protocols.trial import Trial

Prepared = TypeVar("Prepared")
Judgement = TypeVar("Judgement")

NO_OUTPUT = "The row names no output."
_CHUNK = 32
_SOUNDS = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".w64", ".caf"})
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def is_sound(name: str) -> bool:
    """Whether a trial names a sound file; a picture is none, nor is a video that stands for a face."""
    return Path(name).suffix.lower() in _SOUNDS


def is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in _PICTURES


def compared(trial: Trial) -> tuple[str, ...]:
    """The target's voice: the very reference where it is a recording, else the natural ones; none where the row names
    neither."""
    return (trial.reference,) if is_sound(trial.reference) else trial.natural_target_voice


def judged(trial: Trial) -> str:
    """The file whose words and intonation are judged: of a ground truth voice another one than its output."""
    return trial.content or trial.output


def read_native(path: Path) -> tuple[np.ndarray, int]:
    """A sound file as (N,) float32 with its own rate in Hz, channels averaged.

    Raises:
        UnreadableMedia: as `benchmark.media.audio.read_wave`.
    """
    try:
        rate = int(soundfile.info(path).samplerate)
    except (soundfile.SoundFileError, OSError) as error:
        raise UnreadableMedia(f"{path}: not a readable sound file ({error}).") from error
    return read_wave(path, rate), rate


def chunks(trials: Iterable[Trial]) -> Iterator[list[Trial]]:
    """Rows to be judged together: enough to fill batches, few enough that a killed run loses little."""
    rest = iter(trials)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def content_of(path: Path, known: dict[Path, str], outcomes: dict[str, Judgement | BenchmarkError]) -> str:
    """The sha256 of a file, by which equal contents are known, read once and kept in `known`; of a file that cannot be
    read its path, under which `outcomes` then says why."""
    if path not in known:
        try:
            with path.open("rb") as file:
                known[path] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            known[path] = str(path)
            outcomes[str(path)] = UnreadableMedia(f"{path}: cannot be read ({error.strerror}).")
    return known[path]


class PerContent(Generic[Prepared, Judgement]):
    """A judgement of files, made once for every content in the life of the object, whatever the files are called.

    `prepare` reads one file, in a thread beside others; a BenchmarkError it raises is that file's outcome.
    `judge` takes many that were read.
    """

    def __init__(
        self, prepare: Callable[[Path], Prepared], judge: Callable[[Sequence[Prepared]], Sequence[Judgement]]
    ) -> None:
        self._prepare, self._judge = prepare, judge
        self._contents: dict[Path, str] = {}
        self._outcomes: dict[str, Judgement | BenchmarkError] = {}

    def __call__(self, paths: Iterable[Path]) -> dict[Path, Judgement | BenchmarkError]:
        """Path -> judgement, or why there is none."""
        asked = dict.fromkeys(paths)
        fresh: dict[str, Path] = {}
        for path, content in zip(asked, in_parallel(self._content, asked), strict=True):
            if content not in self._outcomes:
                fresh.setdefault(content, path)
        prepared: dict[str, Prepared] = {}
        for content, result in zip(fresh, in_parallel(self._attempt, fresh.values()), strict=True):
            if isinstance(result, BenchmarkError):
                self._outcomes[content] = result
            else:
                prepared[content] = result
        self._outcomes.update(zip(prepared, self._judge(list(prepared.values())), strict=True))
        return {path: self._outcomes[self._contents[path]] for path in asked}

    def _attempt(self, path: Path) -> Prepared | BenchmarkError:
        try:
            return self._prepare(path)
        except BenchmarkError as error:
            return error

    def _content(self, path: Path) -> str:
        return content_of(path, self._contents, self._outcomes)
