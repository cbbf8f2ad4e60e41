"""The reader of the embedded corpus: it lists what a pool holds and makes one record at a time (docs/pocket.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.corpora.corpus import Media
from benchmark.corpora.manifest import SPLITS, Record, Split
from benchmark.corpora.pocket.face import View, draw_view, render
from benchmark.corpora.pocket.identity import Identity, make_identity, rng
from benchmark.corpora.pocket.pools import pool_named
from benchmark.corpora.pocket.sentences import pool_sentences
from benchmark.corpora.pocket.voice import known_f0, synthesise
from benchmark.errors import BenchmarkError

VERSION = 1
"""Of the generator as a whole; raised with every change of a face, a voice or a pool, so that stores are remade."""


@dataclass(frozen=True)
class _Recording:
    """One recording before it is made: who, which of theirs, and what is said (None without sound)."""

    number: int
    index: int
    split: Split
    sentence: str | None


class PocketCorpus:
    """A pool of the embedded corpus; a record is the same at every scale, and depends on pool and seed alone.

    Args:
        root: not used (nothing is read from disk).
        seed: another seed, other people.
        pool: a name of `benchmark.corpora.pocket.pools.POOLS`; it is the corpus's name too.
        frames_per_clip: pictures a record with sound has, each its own view; a record without sound has one.
        scale: share of the pool's speakers to use, in (0, 1]; at least 8 of each side stay.

    Raises:
        BenchmarkError: no such pool, frames_per_clip below 1, scale out of range.
    """

    def __init__(
        self,
        root: Path | None = None,
        seed: int = 0,
        pool: str = "pocket_av",
        frames_per_clip: int = 2,
        scale: float = 1.0,
    ) -> None:
        if frames_per_clip < 1:
            raise BenchmarkError(f"frames_per_clip is {frames_per_clip}; a clip needs at least one picture.")
        self.name = pool
        self.seed = seed
        self.frames_per_clip = frames_per_clip
        self.full = pool_named(pool)
        self.pool = self.full.scaled(scale)
        self._recordings = {self._id(r): r for r in self._plan()}

    def _plan(self) -> list[_Recording]:
        """Sentences are drawn for the whole pool without repetition, so no recording of it has another's words."""
        sentences: list[str] = []
        if "audio" in self.full.modalities:
            sentences = pool_sentences(self.name, self.full.size, rng("sentences", self.name, self.seed))
        plan, place = [], 0
        for split, count in zip(SPLITS, self.full.recordings, strict=True):
            first = self.full.recordings[0] if split == "seen" else 0
            kept = self.pool.speakers(split)
            for number in self.full.speakers(split):
                for index in range(first, first + count):
                    if number in kept:
                        plan.append(_Recording(number, index, split, sentences[place] if sentences else None))
                    place += 1
        return plan

    def _id(self, recording: _Recording) -> str:
        return f"{make_identity(self.name, recording.number, self.seed).name}_{recording.index:02d}"

    def identity(self, record: Record) -> Identity:
        """Who is seen and heard in a record: what the generator knows and no system may."""
        return make_identity(self.name, self._recordings[record.id].number, self.seed)

    def view(self, record: Record, frame: int = 0) -> View:
        """How picture `frame` of a record was taken: pose, light, expression; as `identity`, for judges alone."""
        return draw_view(rng("view", self.name, self.seed, record.id, frame))

    def fingerprint(self) -> dict[str, Any]:
        """Generator version and options; the seed too."""
        return {
            "corpus": "pocket",
            "version": VERSION,
            "pool": self.name,
            "seed": self.seed,
            "frames_per_clip": self.frames_per_clip,
            "speakers": [self.pool.train, self.pool.unseen],
            "recordings": list(self.pool.recordings),
        }

    def records(self) -> list[Record]:
        """Training, seen and unseen recordings, speaker by speaker."""
        records = []
        for key, recording in self._recordings.items():
            person = make_identity(self.name, recording.number, self.seed)
            audio, image = (key if m in self.pool.modalities else None for m in ("audio", "face"))
            records.append(
                Record(key, self.name, person.name, person.gender, recording.split, audio, image, recording.sentence)
            )
        return records

    def _found(self, record: Record) -> _Recording:
        recording = self._recordings.get(record.id)
        if recording is None or recording.sentence != record.transcript:
            raise BenchmarkError(f"Record {record.id!r} is not of pool {self.name} with seed {self.seed}.")
        return recording

    def f0(self, record: Record) -> np.ndarray:
        """(T,) float32 Hz at the mel's frames, 0 where unvoiced: the F0 of a recording as its generator knows it
        (`benchmark.corpora.pocket.voice.known_f0`). As `identity`, for judges alone.

        Raises:
            BenchmarkError: as `load`; a record without sound.
        """
        recording = self._found(record)
        if recording.sentence is None:
            raise BenchmarkError(f"Record {record.id!r} of pool {self.name} has no sound, so it has no F0.")
        return known_f0(self.identity(record), recording.sentence, recording.index)

    def load(self, record: Record) -> Media:
        """Makes one record.

        Raises:
            BenchmarkError: a record of another pool, seed or scale; libespeak-ng cannot be loaded.
        """
        recording = self._found(record)
        person = self.identity(record)
        wave = faces = None
        if recording.sentence is not None:
            wave = synthesise(person, recording.sentence, recording.index)
        if "face" in self.pool.modalities:
            frames = self.frames_per_clip if wave is not None else 1
            faces = np.stack([render(person, self.view(record, frame)) for frame in range(frames)])
        return Media(wave, faces)
