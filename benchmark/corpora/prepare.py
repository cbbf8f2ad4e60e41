"""From a corpus to its store: decode once, in parallel, atomically; a killed `prepare` continues where it stopped."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from benchmark.atomic import atomic, write_json
from benchmark.corpora.corpus import Corpus, Media
from benchmark.corpora.manifest import SPLITS, Record, manifest_sha256, write_manifest
from benchmark.corpora.prepared import Store, build_index, cache_root, write_feature
from benchmark.corpora.workers import over
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.audio import WAVE24K, to_int16
from benchmark.media.catalogue import feature as find_feature
from benchmark.media.features import TRANSCRIPT, Feature
from benchmark.media.image import FACE128

SHARD = 8
"""Records decoded between two saves, by one worker. What a kill costs; the result does not depend on it."""

_CHUNK = 32
_PARTS = ".parts"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Shard:
    """Consecutive records and the file their decoded media wait in until all shards are there."""

    path: Path
    records: tuple[Record, ...]


def prepare(corpus: Corpus, jobs: int | None = None, cache: Path | None = None, progress: bool = True) -> Store:
    """The store of a corpus; made now unless it is there.

    The folder is `<cache>/store/<corpus>-<hash of fingerprint and features>`; `cache` defaults to `cache_root()`,
    `jobs` to the number of cores. Records that cannot be read are left out and stand with reasons in store.json.
    A script that calls this with several jobs needs the `if __name__ == "__main__":` guard of multiprocessing.

    Raises:
        BenchmarkError: as `corpus.records`; no record can be read; the disk is full or may not be written.
    """
    fingerprint = corpus.fingerprint()
    folder = (cache_root() if cache is None else cache) / "store" / f"{corpus.name}-{_key(fingerprint)}"
    if (folder / "store.json").is_file():
        return Store(folder)
    records = corpus.records()  # first of all, so that a wrong path leaves nothing behind
    with _claimed(folder):
        if not (folder / "store.json").is_file():
            shards = _shards(folder / _PARTS, records)
            _decode_all(corpus, shards, jobs, progress)
            _assemble(folder, corpus, fingerprint, shards)
            shutil.rmtree(folder / _PARTS)
    return Store(folder)


def derive(store: Store, feature: Feature, jobs: int | None = None, progress: bool = True) -> None:
    """Compute a derived feature of all records and keep it in the store; at once when its present spec is there.

    Raises:
        BenchmarkError: the feature, or the one it is computed from, is decoded by the corpus and not in the store.
    """
    if store.has(feature):
        return
    if feature.source is None or feature.compute is None:
        raise BenchmarkError(
            f"Store {store.folder.name} holds no {feature.name!r} of the present spec, and only decoding makes it: "
            "remove the folder and prepare the corpus again."
        )
    source = None if feature.source == TRANSCRIPT else find_feature(feature.source)
    if source is not None:
        derive(store, source, jobs, progress)
    with _claimed(store.folder):
        if not store.has(feature):
            chunks = [range(i, min(i + _CHUNK, len(store.records))) for i in range(0, len(store.records), _CHUNK)]
            with _bar(f"{store.corpus}: {feature.name}", len(store.records), progress) as bar:

                def rows() -> Iterator[np.ndarray | None]:
                    for chunk in over(partial(_compute, store.folder, feature, source), chunks, jobs):
                        yield from chunk
                        bar.update(len(chunk))

                write_feature(store.folder, feature, rows())
                _say_what_is_empty(store, feature, source)


def _say_what_is_empty(store: Store, feature: Feature, source: Feature | None) -> None:
    """Warn of recordings of which a front end leaves nothing (no voice in them, say): training will pass them over."""
    if source is None:
        return
    left, given = (np.diff(store.flat(f)[1]) for f in (feature, source))
    empty = np.flatnonzero((left == 0) & (given > 0))
    if len(empty):
        _log.warning(
            "%s: %s leaves nothing of %d of %d records, the first %s. Training passes them over.",
            *(store.corpus, feature.name, len(empty), int((given > 0).sum()), store.records[empty[0]].id),
        )


def _compute(folder: Path, feature: Feature, source: Feature | None, chunk: range) -> list[np.ndarray | None]:
    assert feature.compute is not None
    store = Store(folder)
    if source is None:
        rows = [np.frombuffer((store.records[i].transcript or "").encode(), np.uint8) for i in chunk]
    else:
        flat, offsets = store.flat(source)
        rows = [flat[offsets[i] : offsets[i + 1]] for i in chunk]
    return [feature.compute(r).astype(feature.dtype, copy=False) if len(r) else None for r in rows]


def _key(fingerprint: dict[str, Any]) -> str:
    text = json.dumps([fingerprint, WAVE24K.hash, FACE128.hash], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _shards(folder: Path, records: Sequence[Record]) -> list[_Shard]:
    """Named by content, so that parts of an earlier listing of the same folder are not mistaken for these."""
    shards = []
    for start in range(0, len(records), SHARD):
        part = tuple(records[start : start + SHARD])
        shards.append(_Shard(folder / f"{start:08d}-{manifest_sha256(part)[:12]}.npz", part))
    return shards


def _decode_all(corpus: Corpus, shards: Sequence[_Shard], jobs: int | None, progress: bool) -> None:
    waiting = [s for s in shards if not s.path.is_file()]
    done = sum(len(s.records) for s in shards if s not in waiting)
    total = sum(len(s.records) for s in shards)
    with _bar(f"{corpus.name}: decode", total, progress, done) as bar:
        for count in over(partial(_decode, corpus), waiting, jobs):
            bar.update(count)


def _decode(corpus: Corpus, shard: _Shard) -> int:
    """Decode one shard into its file (in the worker: nothing large crosses a pipe); the number of its records."""
    waves, faces, reasons = [], [], []
    for record in shard.records:
        media, reason = Media(), ""
        try:
            media = corpus.load(record)
            _check(media)
        except (UnreadableMedia, OSError) as error:
            media, reason = Media(), str(error) or type(error).__name__
        except Exception as error:
            error.add_note(f"while decoding record {record.id} of {corpus.name}")
            raise
        waves.append(np.zeros(0, np.int16) if media.wave is None else to_int16(media.wave))
        faces.append(np.zeros((0, *FACE128.tail), np.uint8) if media.faces is None else media.faces)
        reasons.append(reason)
    shard.path.parent.mkdir(exist_ok=True)
    with atomic(shard.path) as file:
        np.savez(
            file,
            wave=np.concatenate(waves),
            wave_counts=np.array([len(w) for w in waves]),
            face=np.concatenate(faces),
            face_counts=np.array([len(f) for f in faces]),
            reasons=np.array(reasons),
        )
    return len(shard.records)


def _check(media: Media) -> None:
    """What the contract of `Media` promises, and the store relies on."""
    if media.wave is None and media.faces is None:
        raise UnreadableMedia("neither a sound nor a picture in it")
    if media.wave is not None and (media.wave.ndim != 1 or not len(media.wave) or not np.isfinite(media.wave).all()):
        raise UnreadableMedia(f"a wave of shape {media.wave.shape}, expected (N,) with N > 0, all values finite")
    if media.faces is not None and (media.faces.dtype != np.uint8 or media.faces.shape[1:] != FACE128.tail):
        raise UnreadableMedia(f"faces {media.faces.dtype} {media.faces.shape}, expected uint8 (F, 128, 128, 3)")


def _assemble(folder: Path, corpus: Corpus, fingerprint: dict[str, Any], shards: Sequence[_Shard]) -> None:
    counts: dict[str, list[int]] = {"wave": [], "face": []}
    kept: list[Record] = []
    skipped: list[dict[str, str]] = []
    for shard in shards:
        with np.load(shard.path) as part:
            for i, (record, reason) in enumerate(zip(shard.records, part["reasons"].tolist(), strict=True)):
                if reason:
                    skipped.append({"id": record.id, "reason": reason})
                    continue
                kept.append(record)
                for key, values in counts.items():
                    values.append(int(part[f"{key}_counts"][i]))
    if not kept:
        shutil.rmtree(folder / _PARTS)  # so that mended files are looked at again
        reasons = "; ".join(f"{s['id']}: {s['reason']}" for s in skipped[:3])
        raise BenchmarkError(f"None of the {len(skipped)} records of {corpus.name} can be read. The first: {reasons}")
    write_feature(folder, WAVE24K, _rows(shards, "wave"))
    write_feature(folder, FACE128, _rows(shards, "face"))
    write_manifest(folder / "manifest.jsonl", kept)
    with atomic(folder / "index.npz") as file:
        np.savez(file, **build_index(kept, np.array(counts["wave"]), np.array(counts["face"])))  # type: ignore[arg-type]
    lists: dict[str, Any] = {split: [r.id for r in kept if r.split == split] for split in SPLITS}
    lists["held_out_speakers"] = sorted({r.speaker for r in kept if r.split == "unseen"})
    write_json(folder / "splits.json", lists)
    write_json(
        folder / "store.json",
        {
            "corpus": corpus.name,
            "fingerprint": fingerprint,
            "manifest_sha256": manifest_sha256(kept),
            "records": len(kept),
            "skipped": skipped,
            "notes": list(getattr(corpus, "notes", ())),
        },
    )
    if skipped:
        _log.warning(
            "%s: %d of %d records cannot be read and are left out, the first %s (%s). All are listed in %s.",
            *(corpus.name, len(skipped), len(kept) + len(skipped), skipped[0]["id"], skipped[0]["reason"]),
            folder / "store.json",
        )


def _rows(shards: Sequence[_Shard], key: str) -> Iterator[np.ndarray | None]:
    for shard in shards:
        with np.load(shard.path) as part:
            pieces = np.split(part[key], np.cumsum(part[f"{key}_counts"])[:-1])
            reasons = part["reasons"].tolist()
        for piece, reason in zip(pieces, reasons, strict=True):
            if not reason:
                yield piece if len(piece) else None


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Alone in the folder, cleared of what a killed process left half written; a disk that refuses is named.

    Raises:
        BenchmarkError: any OSError inside: full, read-only, not ours.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            _log.warning("Another process prepares %s; waiting for it.", folder)
            lock.acquire()
        try:
            for leftover in [*folder.glob(".*.part"), *(folder / _PARTS).glob(".*.part")]:
                leftover.unlink()
            yield
        finally:
            lock.release()
    except OSError as error:
        free = shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.is_dir())).free
        raise BenchmarkError(
            f"Preparing {folder} stopped: {error.strerror or error} ({free / 2**20:.0f} MiB free there). What is "
            "decoded is kept, and other stores are as they were: make room and give the same command again, or set "
            "BENCHMARK_CACHE to a folder on another disk."
        ) from error


def _bar(title: str, total: int, progress: bool, done: int = 0) -> tqdm[Any]:
    hidden = not progress or bool(os.environ.get("TQDM_DISABLE")) or not sys.stderr.isatty()
    return tqdm(desc=title, total=total, initial=done, unit="record", disable=hidden)
