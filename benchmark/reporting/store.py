"""A run folder on disk: claimed by one process, resumable, never half written (DESIGN.md section 8)."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from benchmark.atomic import write_json, write_text
from benchmark.errors import BenchmarkError, RunLocked
from benchmark.registry import protocol_version
from benchmark.reporting.schema import RunRecord
from protocols.trial import Score

Key = tuple[str, str, str]
_KEPT = (
    "started",
    "finished",
    "facts",
    "counts",
    "trials_sha256",
    "weights_sha256",
    "partial",
    "timings",
    "peak_memory",
)
"""Fields of a run.json that a later session of the run starts from."""


class RunFolder:
    """One run's folder. Writing needs a claim: `with RunFolder(path) as run: run.open(record)`; reading does not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / ".lock", timeout=0)

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def trials(self) -> Path:
        """The frozen trial list."""
        return self.path / "trials.csv"

    @property
    def scores(self) -> Path:
        return self.path / "scores.jsonl"

    @property
    def media(self) -> Path:
        """Root of the paths in the trial list."""
        return self.path / "media"

    def claim(self) -> None:
        """Make the folder and take it for this process. The lock dies with the process, however it ends.

        Raises:
            RunLocked: another process, or another object of this one, has it.
            BenchmarkError: the folder cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            write_json(self.path / ".holder", {"pid": os.getpid(), "host": socket.gethostname()})
        except Timeout:
            raise RunLocked(
                f"{self.path} is being written by {self._holder()}. Wait for it, end it, or name another folder "
                f"with --out."
            ) from None
        except OSError as error:
            raise BenchmarkError(
                f"Cannot write the run folder {self.path}: {error}. Name another with --out."
            ) from None
        write_json(self.path / ".holder", {"pid": os.getpid(), "host": socket.gethostname()})

    def release(self) -> None:
        if self._lock.is_locked:
            (self.path / ".holder").unlink(missing_ok=True)
            self._lock.release()

    def __enter__(self) -> RunFolder:
        self.claim()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def open(self, record: RunRecord) -> RunRecord:
        """Begin the run, or go on with it: what an earlier session of the same run found out is kept.

        Raises:
            BenchmarkError: the folder holds another run, or scores of other protocols; the message names what differs.
        """
        record = record.model_copy(update={"protocol_versions": {m: protocol_version(m) for m in record.metrics}})
        if self.run_json.exists():
            old = self.read()
            differing = _differences(old.identity(), record.identity())
            differing += [
                f"{metric} was of protocol version {old.protocol_version(metric)}, now {version}"
                for metric, version in record.protocol_versions.items()
                if metric in old.metrics and old.protocol_version(metric) != version
            ]
            if differing:
                raise BenchmarkError(
                    f"{self.path} holds another run: {'; '.join(differing)}. Name another folder with --out, or remove "
                    f"this one."
                )
            kept = {name: getattr(old, name) for name in _KEPT}
            notes = list(dict.fromkeys([*old.notes, *record.notes, *_moved(old, record)]))
            record = record.model_copy(update={**kept, "notes": notes})
        self.write(record)
        return record

    def write(self, record: RunRecord) -> None:
        """Raises BenchmarkError: the disk is full or fails; the record before is then still there."""
        try:
            write_json(self.run_json, record.model_dump(mode="json"))
        except OSError as error:
            raise BenchmarkError(f"Cannot write {self.run_json}: {error.strerror}. Make room and run again.") from None

    def read(self) -> RunRecord:
        """Raises BenchmarkError: no run.json, a broken one, or one of another schema."""
        try:
            return RunRecord.model_validate_json(self.run_json.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BenchmarkError(f"{self.path} is not a run folder: it has no run.json.") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise BenchmarkError(
                f"{self.run_json}: {where}: {first['msg']}. Was it written by another version?"
            ) from None

    def _holder(self) -> str:
        try:
            holder = json.loads((self.path / ".holder").read_text(encoding="utf-8"))
            return f"process {holder['pid']} on {holder['host']}"
        except (OSError, ValueError):  # it is just about to write the file, or just gone
            return "another process"


class ScoreLog:
    """`scores.jsonl`: one line per (system, trial, metric), appended. Of two lines with one key the last counts."""

    def __init__(self, path: Path) -> None:
        """Opens the log and cuts off a last line that a killed process left unfinished.

        Raises:
            BenchmarkError: a line before the last is broken: then somebody else wrote here.
        """
        self.path = path
        path.touch()
        self._scores, self._size = _parse(path)
        if self._size < path.stat().st_size:
            os.truncate(path, self._size)

    def append(self, scores: Iterable[Score]) -> None:
        """Write a chunk and see it on the disk; all of it or, when this raises, none of it.

        Raises:
            BenchmarkError: the disk is full or fails; everything appended before is still there.
            ValueError: a score with neither or both of value and error, or a value that is not finite.
        """
        chunk = list(scores)
        data = "".join(_line(score) for score in chunk).encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except BaseException as error:  # an interrupt as well must not leave half a line for the next append
            os.ftruncate(descriptor, self._size)
            if not isinstance(error, OSError):
                raise
            raise BenchmarkError(
                f"Cannot write {self.path}: {error.strerror}. The {len(self._scores)} scores before are kept; make "
                f"room and run the same command again."
            ) from None
        finally:
            os.close(descriptor)
        self._size += len(data)
        self._scores.update({_key(score): score for score in chunk})

    def replace(self, keys: Set[Key], scores: Iterable[Score]) -> None:
        """`append`, after the scores under `keys` are dropped; broken off between the two, these are gone.

        Raises:
            BenchmarkError, ValueError: as `append`.
        """
        if keys & self._scores.keys():
            kept = {key: score for key, score in self._scores.items() if key not in keys}
            try:
                write_text(self.path, "".join(map(_line, kept.values())))
            except OSError as error:
                raise BenchmarkError(f"Cannot write {self.path}: {error.strerror}. Make room and run again.") from None
            self._scores, self._size = kept, self.path.stat().st_size
        self.append(scores)

    def done(self) -> set[Key]:
        """The keys that need no scoring any more. What failed is not among them: it may have been mended since."""
        return {key for key, score in self._scores.items() if score.value is not None}

    def read(self) -> list[Score]:
        """One score a key, in the order in which the keys first came."""
        return list(self._scores.values())


def read_scores(path: Path) -> list[Score]:
    """The scores of a log that this process does not own; the file is left as it is, a torn last line is passed over.

    Raises:
        BenchmarkError: no such file, or a broken line before the last.
    """
    if not path.is_file():
        raise BenchmarkError(f"No scores at {path}. `python -m benchmark run` writes them into its run folder.")
    return list(_parse(path)[0].values())


def _parse(path: Path) -> tuple[dict[Key, Score], int]:
    """(scores by key, length in bytes of the lines that are whole)."""
    whole = path.read_bytes()
    *lines, torn = whole.split(b"\n")
    scores: dict[Key, Score] = {}
    for number, line in enumerate(lines, start=1):
        try:
            score = Score(**json.loads(line))
        except (ValueError, TypeError):
            if number < len(lines) or torn:
                raise BenchmarkError(f"{path}:{number} is no score: {line[:80]!r}. Remove that line.") from None
            return scores, len(whole) - len(line) - 1
        scores[_key(score)] = score
    return scores, len(whole) - len(torn)


def _key(score: Score) -> Key:
    return score.system, score.trial, score.metric


def _line(score: Score) -> str:
    if (score.value is None) == (score.error is None):
        raise ValueError(f"{score}: expected a value or an error, and not both")
    if score.value is not None and not math.isfinite(score.value):
        raise ValueError(f"{score}: a value that is not finite must be an error that says why")
    cells = {k: v for k, v in vars(score).items() if v is not None}
    return json.dumps(cells, ensure_ascii=False, allow_nan=False) + "\n"


def _moved(old: RunRecord, new: RunRecord) -> list[str]:
    """A note where a run goes on under other code than it began with."""
    if old.git.commit == new.git.commit:
        return []
    return [f"begun at commit {(old.git.commit or 'unknown')[:10]}, gone on at {(new.git.commit or 'unknown')[:10]}"]


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """`name: old, now new` for every leaf that is not the same."""
    found = []
    for key in sorted({*old, *new}):
        before, after, name = old.get(key), new.get(key), f"{prefix}{key}"
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += _differences(before, after, f"{name}.")
        elif before != after:
            found.append(f"{name} was {before!r}, now {after!r}")
    return found
