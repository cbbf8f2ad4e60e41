"""What several test folders share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[2] / "shared"
if "BENCHMARK_WEIGHTS" not in os.environ and (SHARED / "weights").is_dir():
    os.environ["BENCHMARK_WEIGHTS"] = str(SHARED / "weights")
os.environ.setdefault("TQDM_DISABLE", "1")


@pytest.fixture
def speech_store(tmp_path: Path) -> Callable[..., object]:
    """`speech_store(train, unseen, ...)`: a small store of tones and grey pictures, laid out as `prepare` does."""
    from benchmark.corpora.manifest import Record, manifest_sha256, write_manifest
    from benchmark.corpora.prepared import Store, build_index, write_feature, write_json
    from benchmark.media.catalogue import feature

    def make(
        train: int = 8,
        unseen: int = 8,
        recordings: Sequence[int] = (2, 2, 4),
        frames: int = 2,
        genders: Sequence[int] = (0, 1),
        name: str = "made",
        seconds: float = 0.5,
    ) -> Store:
        folder = tmp_path / name
        folder.mkdir()
        records = []
        for number in range(train + unseen):
            gender, held_out = genders[number % len(genders)], number >= train
            splits = {"unseen": recordings[2]} if held_out else {"train": recordings[0], "seen": recordings[1]}
            for split, count in splits.items():
                for i in range(count):
                    key = f"s{number:02d}_{split}{i}"
                    records.append(Record(key, name, f"s{number:02d}", gender, split, key, key, f"word {number} {i}"))  # type: ignore[arg-type]
        rng = np.random.default_rng(0)
        length = round(seconds * 24000)
        time = np.arange(length) / 24000
        waves = [
            np.sin(2 * np.pi * (100 + 7 * i) * time) * 8000 + rng.normal(0, 20, length) for i in range(len(records))
        ]
        faces = [np.full((frames, 128, 128, 3), 3 * i % 256, np.uint8) for i in range(len(records))]
        write_manifest(folder / "manifest.jsonl", records)
        write_feature(folder, feature("wave24k"), [w.astype(np.int16) for w in waves])
        write_feature(folder, feature("face128"), faces)
        rows = np.ones(len(records), np.int64)
        np.savez(folder / "index.npz", **build_index(records, rows, rows if frames else 0 * rows))
        write_json(
            folder / "store.json",
            {
                "corpus": name,
                "fingerprint": {},
                "manifest_sha256": manifest_sha256(records),
                "skipped": [],
                "notes": [],
            },
        )
        return Store(folder)

    return make
