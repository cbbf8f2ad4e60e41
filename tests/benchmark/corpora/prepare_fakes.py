"""Corpora whose decoding is numbers alone, written down in a log; a module of its own that workers can import."""

import os
import signal
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.corpora.corpus import Media
from benchmark.corpora.manifest import Record
from benchmark.corpora.splits import assign
from benchmark.errors import UnreadableMedia


@dataclass
class FakeCorpus:
    """`people` x `each` records. Everything after `each` is about how decoding goes, and no part of the fingerprint."""

    name: str = "fake"
    people: int = 4
    each: int = 6
    audio: bool = True
    faces: bool = True
    log: Path | None = None
    broken: frozenset[str] = frozenset()
    kill_at: str | None = None
    pause: float = 0.0
    notes: list[str] = field(default_factory=list)

    def fingerprint(self) -> dict[str, Any]:
        return {"people": self.people, "each": self.each, "audio": self.audio, "faces": self.faces}

    def records(self) -> list[Record]:
        bare = [
            Record(f"p{p}_{i:02d}", self.name, f"p{p}", p % 2, "train", audio="a" if self.audio else None)
            for p in range(self.people)
            for i in range(self.each)
        ]
        return assign(bare, 1, 0).records

    def load(self, record: Record) -> Media:
        if record.id == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{record.id} {os.getpid()}\n")
        time.sleep(self.pause)
        if record.id in self.broken:
            raise UnreadableMedia(f"{record.id}.mpg: not a readable clip")
        draw = np.random.default_rng(zlib.crc32(record.id.encode()))
        wave = draw.uniform(-1, 1, int(draw.integers(10, 40))).astype(np.float32)
        faces = draw.integers(0, 256, (int(draw.integers(1, 3)), 128, 128, 3), dtype=np.uint8)
        return Media(wave if self.audio else None, faces if self.faces else None)


def decoded(log: Path) -> list[str]:
    """Ids in the order they were decoded."""
    return [line.split()[0] for line in log.read_text().splitlines()] if log.is_file() else []


def workers(log: Path) -> set[int]:
    return {int(line.split()[1]) for line in log.read_text().splitlines()} if log.is_file() else set()
