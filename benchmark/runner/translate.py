"""Trials -> media: every system translates the frozen list, one FLAC per trial in `media/<system>/`."""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from benchmark.atomic import write_json
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.audio import RATE, rows_to_wave, write_flac
from benchmark.media.catalogue import feature
from benchmark.media.image import write_png
from benchmark.media.vocoder import Vocoder, default_vocoder, vocoder
from benchmark.system import Column, System
from benchmark.tasks import Task
from benchmark.training.records import speaker_codes
from protocols.trial import Trial
from protocols.trials import Piece, TrialList


@dataclass(frozen=True)
class Translated:
    """What translating took and could not give.

    real_time_factor: seconds of work per second of audio over all sessions, None before anything was made.
    vocoder: its name, None for a system that gives waveforms. failures: trial -> why it has no output.
    """

    real_time_factor: float | None
    vocoder: str | None
    failures: dict[str, str]


@dataclass(frozen=True)
class _Job:
    """One file to write: what of a trial goes in as the source, and where the output lies."""

    trial: Trial
    source: str
    output: Path


class Shelf:
    """The pieces of a trial list as feature rows, decoded and computed once, in float32 from the recording itself."""

    def __init__(self, stores: Sequence[Store], trials: TrialList) -> None:
        self.stores, self.pieces = stores, trials.pieces
        self._codes = speaker_codes(stores)
        self._rows: dict[tuple[str, str], np.ndarray] = {}

    def rows(self, path: str, key: str) -> np.ndarray:
        """(T, *tail) of one piece, a picture as (1, 128, 128, 3)."""
        if (path, key) not in self._rows:
            piece, wanted = self.pieces[path], feature(key)
            if wanted.compute is not None and wanted.source is not None:
                rows = wanted.compute(self.rows(path, wanted.source))
            else:
                rows = self.stores[piece.store].rows(wanted, piece.record)
                rows = rows if piece.frame is None else rows[piece.frame : piece.frame + 1]
            self._rows[path, key] = rows
        return self._rows[path, key]

    def lengths(self, path: str, keys: Sequence[str]) -> tuple[int, ...]:
        """Rows of a piece under each feature of its side: what pieces of one batch must share."""
        return tuple(len(self.rows(path, key)) for key in keys if feature(key).modality == self._side(path))

    def _side(self, path: str) -> str:
        return "audio" if self.pieces[path].frame is None else "face"

    def column(self, paths: Sequence[str], keys: Sequence[str], device: torch.device) -> Column:
        """One column of a batch: the features among `keys` that the pieces' side has, and their labels."""
        side = self._side(paths[0])
        column: dict[str, Tensor] = {
            key: feature(key).batch(torch.from_numpy(np.stack([self.rows(p, key) for p in paths]))).to(device)
            for key in keys
            if feature(key).modality == side
        }
        pieces = [self.pieces[p] for p in paths]
        records = [self.stores[p.store].records[p.record] for p in pieces]
        labels = {
            "gender": [-1 if r.gender is None else r.gender for r in records],
            "speaker": [self._codes.get((r.corpus, r.speaker), -1) for r in records],
            "record": [p.record for p in pieces],
        }
        column |= {name: torch.tensor(values, device=device) for name, values in labels.items()}
        return column

    def write(self, root: Path) -> None:
        """Every piece as the file its path names, so that the run folder can be scored by itself."""
        for path, piece in tqdm(self.pieces.items(), "real media", disable=None, leave=False):
            self._write(root / path, path, piece)

    def _write(self, target: Path, path: str, piece: Piece) -> None:
        if target.is_file():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if piece.frame is None:
            write_flac(target, rows_to_wave(self.rows(path, "wave24k")).numpy())
        else:
            rows = torch.from_numpy(self.rows(path, "face128")[None].copy())
            write_png(target, feature("face128").batch(rows)[0])


def output_path(system: str, trial: Trial) -> str:
    """Where a row's output lies, relative to the run folder."""
    return f"media/{system.replace(':', '_')}/{trial.trial}.flac"


def content_path(system: str, trial: Trial) -> str:
    """Where lies what a ground truth's words are judged by: the source, handed through as the output was."""
    return f"media/{system.replace(':', '_')}/{trial.trial}_words.flac"


def shuffle_references(trials: Sequence[Trial], seed: int) -> list[Trial]:
    """The same rows with references permuted within corpus, split and target gender, never to the row's own target.

    A row for which its group holds no other target gets an empty reference, and so no output.
    """
    groups: dict[tuple[str, str, int | None], list[int]] = defaultdict(list)
    for i, trial in enumerate(trials):
        groups[trial.corpus, trial.split, trial.target_gender].append(i)
    given: dict[int, str] = {}
    for key, rows in groups.items():
        rng = np.random.default_rng([seed, zlib.crc32(repr(key).encode())])
        targets = rng.permutation(sorted({trials[i].target_id for i in rows})).tolist()
        rows = sorted(rng.permutation(rows).tolist(), key=lambda i: targets.index(trials[i].target_id))
        # Turning past the largest block of one target leaves nobody his own.
        turn = max(Counter(trials[i].target_id for i in rows).values())
        for i, j in zip(rows, rows[turn:] + rows[:turn], strict=True):
            given[i] = trials[j].reference if trials[j].target_id != trials[i].target_id else ""
    return [replace(trial, reference=given[i]) for i, trial in enumerate(trials)]


def translate(
    system: System,
    name: str,
    task: Task,
    trials: Sequence[Trial],
    shelf: Shelf,
    root: Path,
    seed: int,
    device: torch.device,
    batch: int = 32,
) -> Translated:
    """Write the outputs that are not there yet; rows of equal length go through the system together.

    A row that cannot be given (no such recording in the corpus, one too short for the system, a value that is not
    finite) is named in `failures` and writes nothing; the protocols then count it as failed.
    """
    system = system.to(device).eval()
    folder = root / "media" / name.replace(":", "_")
    folder.mkdir(parents=True, exist_ok=True)
    key = system.output[task.name]
    voice = None if key == "wave24k" else vocoder(default_vocoder(key))
    failures: dict[str, str] = {}
    groups: dict[tuple[int, ...], list[_Job]] = defaultdict(list)
    inputs = ("wave24k", *system.inputs[task.name])
    for trial in trials:
        path = {"source": trial.source, "target": trial.other_target_voice, "other": trial.other_voice}[system.source]
        jobs = [_Job(trial, path, root / output_path(name, trial))]
        if system.source == "target":
            jobs.append(_Job(trial, trial.source, root / content_path(name, trial)))
        if not path:
            failures[trial.trial] = "the corpus has no other recording of the target, or of another speaker like it"
        elif not trial.reference:
            failures[trial.trial] = "no other target of this gender to shuffle references with"
        else:
            for job in jobs:
                if not job.output.is_file():
                    lengths = shelf.lengths(job.source, inputs) + shelf.lengths(trial.reference, inputs)
                    groups[lengths].append(job)
    seconds = audio = 0.0
    with tqdm(total=sum(map(len, groups.values())), desc=f"translate {name}", disable=None, leave=False) as bar:
        for (length, *_), rows in sorted(groups.items()):
            for part in (rows[i : i + batch] for i in range(0, len(rows), batch)):
                started = time.perf_counter()
                bar.update(len(part))
                try:
                    waves = _waves(system, task, part, shelf, seed, device, voice)
                except BenchmarkError as error:
                    failures |= {job.trial.trial: str(error) for job in part}
                    continue
                waves = waves[:, :length] if voice else waves  # a vocoder fills the last hop
                seconds += time.perf_counter() - started
                audio += waves.size / RATE
                for job, wave in zip(part, waves, strict=True):
                    if np.isfinite(wave).all():
                        write_flac(job.output, wave)
                    else:
                        failures[job.trial.trial] = "the system gave a value that is not finite"
    return Translated(_real_time_factor(folder, seconds, audio), voice.name if voice else None, failures)


def _real_time_factor(folder: Path, seconds: float, audio: float) -> float | None:
    """Seconds per second of audio, with what earlier sessions of the run noted added in."""
    path = folder / "timing.json"
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        seconds, audio = seconds + before["seconds"], audio + before["audio"]
    write_json(path, {"seconds": seconds, "audio": audio})
    return seconds / audio if audio else None


def _waves(
    system: System,
    task: Task,
    jobs: Sequence[_Job],
    shelf: Shelf,
    seed: int,
    device: torch.device,
    voice: Vocoder | None,
) -> np.ndarray:
    """(B, N) float32 waveforms of rows of equal length."""
    inputs = system.inputs[task.name]
    source = shelf.column([job.source for job in jobs], inputs, device)
    reference = shelf.column([job.trial.reference for job in jobs], inputs, device)
    seeds = torch.tensor([zlib.crc32(f"{seed}/{job.trial.trial}".encode()) for job in jobs])
    with torch.no_grad():
        out = system.translate(task.name, source, reference, seeds)
        waves: np.ndarray = (voice(out) if voice else out).cpu().numpy()
    return waves
