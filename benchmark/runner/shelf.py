"""The real recordings and pictures of a trial list: as batches of features, and as files of the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from benchmark.corpora.prepared import Store
from benchmark.media.audio import rows_to_wave, write_flac
from benchmark.media.catalogue import feature
from benchmark.media.image import write_png
from benchmark.system import Column
from benchmark.training.records import speaker_codes
from protocols.trial_list import TrialList

WRITERS = 8
"""Threads that write pictures: many small files, each of which waits for the disk most of its time."""


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
        places = {path: i for i, path in enumerate(dict.fromkeys(paths))}
        rows = torch.tensor([places[path] for path in paths])  # a source stands in many rows of a batch of pictures
        column: dict[str, Tensor] = {
            key: feature(key).batch(torch.from_numpy(np.stack([self.rows(p, key) for p in places])))[rows].to(device)
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
        left = [path for path in self.pieces if not (root / path).is_file()]
        for folder in {(root / path).parent for path in left}:
            folder.mkdir(parents=True, exist_ok=True)
        voices, faces = ([p for p in left if self._side(p) == side] for side in ("audio", "face"))
        for path in tqdm(voices, "real media", disable=None, leave=False):
            write_flac(root / path, rows_to_wave(self.rows(path, "wave24k")).numpy())
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda path: self._write_picture(root / path, path), faces))

    def _write_picture(self, target: Path, path: str) -> None:
        rows = torch.from_numpy(self.rows(path, "face128")[None].copy())
        write_png(target, feature("face128").batch(rows)[0])
