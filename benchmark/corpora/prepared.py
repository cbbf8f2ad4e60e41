"""A prepared corpus on disk: decoded once, read by gathers (DESIGN.md section 5).

<folder>/manifest.jsonl          records in row order
<folder>/<feature>.bin           flat rows of all records, one after the other
<folder>/<feature>.offsets.npy   int64 (R + 1,): record i owns rows offsets[i]:offsets[i + 1]; none = not there
<folder>/<feature>.json          dtype, tail shape, rate, spec hash, sha256 of the .bin
<folder>/index.npz               grouped index arrays (`build_index`)
<folder>/store.json              corpus, fingerprint, manifest sha256, skipped records and reasons; written last
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.atomic import atomic, write_json
from benchmark.corpora.manifest import SPLITS, Record, read_manifest
from benchmark.errors import BenchmarkError
from benchmark.media.features import Feature


def cache_root() -> Path:
    """`$BENCHMARK_CACHE`, else `~/.cache/face-voice-benchmark`."""
    return Path(os.environ.get("BENCHMARK_CACHE", "~/.cache/face-voice-benchmark")).expanduser()


class Store:
    """Read access to one prepared corpus. Memory maps, so opening is cheap and copies nothing."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "store.json").is_file():
            raise BenchmarkError(
                f"{folder} is not a prepared corpus (no store.json). Run `python -m benchmark prepare`."
            )
        self.folder = folder
        self.meta: Mapping[str, Any] = json.loads((folder / "store.json").read_text())
        self.corpus: str = self.meta["corpus"]
        self.sha256: str = self._sha256()

    def _sha256(self) -> str:
        """Of the manifest and of the decoded bytes: equal names over other recordings are another corpus."""
        digest = hashlib.sha256(self.meta["manifest_sha256"].encode())
        for path in (self.folder / "wave24k.json", self.folder / "face128.json"):
            if path.is_file():
                digest.update(json.loads(path.read_text())["sha256"].encode())
        return digest.hexdigest()

    @cached_property
    def records(self) -> list[Record]:
        return read_manifest(self.folder / "manifest.jsonl")

    @cached_property
    def index(self) -> Mapping[str, np.ndarray]:
        """Arrays over records: gender (int64, -1 unknown), speaker (int64 code by first appearance),
        split (int64, position in SPLITS), face and audio (bool: the modality is there)."""
        with np.load(self.folder / "index.npz") as arrays:
            return dict(arrays)

    def has(self, feature: Feature) -> bool:
        """Whether the feature lies here under its present spec."""
        path = self.folder / f"{feature.name}.json"
        return path.is_file() and json.loads(path.read_text())["spec_hash"] == feature.hash

    def flat(self, feature: Feature) -> tuple[np.ndarray, np.ndarray]:
        """(rows, offsets): rows is a read-only memory map (N, *tail), offsets int64 (R + 1,)."""
        if not self.has(feature):
            raise BenchmarkError(
                f"Store {self.folder.name} holds no {feature.name!r} of the present spec. Derive it with `prepare`."
            )
        offsets = np.load(self.folder / f"{feature.name}.offsets.npy")
        shape = (int(offsets[-1]), *feature.tail)
        if shape[0] == 0:
            return np.zeros(shape, feature.dtype), offsets
        return np.memmap(self.folder / f"{feature.name}.bin", feature.dtype, "r", shape=shape), offsets

    def rows(self, feature: Feature, record: int) -> np.ndarray:
        """The rows of one record, (T, *tail); T is 0 where the record lacks the modality."""
        flat, offsets = self.flat(feature)
        return np.asarray(flat[offsets[record] : offsets[record + 1]])


def build_index(records: list[Record], audio_rows: np.ndarray, face_rows: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of `Store.index` from the manifest and the number of rows each record has per modality."""
    codes: dict[str, int] = {}
    return {
        "gender": np.array([-1 if r.gender is None else r.gender for r in records], np.int64),
        "speaker": np.array([codes.setdefault(r.speaker, len(codes)) for r in records], np.int64),
        "split": np.array([SPLITS.index(r.split) for r in records], np.int64),
        "audio": audio_rows > 0,
        "face": face_rows > 0,
    }


def write_feature(folder: Path, feature: Feature, rows: Iterable[np.ndarray | None]) -> None:
    """Write one feature of all records, in manifest order, atomically (the .json comes last).

    `rows` yields (T, *tail) arrays, None for a record without the modality; values are cast to the
    feature's dtype. A write that is broken off leaves no .json, so the feature counts as absent.
    """
    offsets, digest = [0], hashlib.sha256()
    (folder / f"{feature.name}.json").unlink(missing_ok=True)
    with atomic(folder / f"{feature.name}.bin") as file:
        for array in rows:
            count = 0
            if array is not None:
                data = np.ascontiguousarray(array.astype(feature.dtype, copy=False))
                if data.shape[1:] != feature.tail:
                    raise ValueError(f"{feature.name}: rows of shape {data.shape[1:]}, expected {feature.tail}")
                file.write(data.tobytes())
                digest.update(data.tobytes())
                count = len(data)
            offsets.append(offsets[-1] + count)
    with atomic(folder / f"{feature.name}.offsets.npy") as file:
        np.save(file, np.array(offsets, np.int64))
    write_json(
        folder / f"{feature.name}.json",
        {
            "dtype": feature.dtype,
            "tail": list(feature.tail),
            "rate": feature.rate,
            "spec_hash": feature.hash,
            "spec": feature.spec,
            "sha256": digest.hexdigest(),
        },
    )
