"""The real set that outputs are compared with: training pictures of the corpus, or a folder that a user names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmark.corpora.manifest import SPLITS
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.image import FACE128, read_image
from protocols.media_scores import is_picture
from protocols.protocol import RealPictures

GENDERS = {"female": 0, "male": 1}
"""Folder of a real set, as StarGANv2's training folder has them -> gender."""


def training_pictures(store: Store) -> RealPictures:
    """The pictures of the training split whose gender is known, at 128 pixels, in the order of the store; none of a
    corpus of voices."""
    if not store.has(FACE128):
        return RealPictures(store.corpus, store.sha256, {}, lambda gender: iter(()))
    train = store.index["split"] == SPLITS.index("train")
    records = {g: np.flatnonzero(train & store.index["face"] & (store.index["gender"] == g)) for g in (0, 1)}
    flat, offsets = store.flat(FACE128)

    def read(gender: int) -> Iterator[np.ndarray]:
        for record in records[gender]:
            yield from np.asarray(flat[offsets[record] : offsets[record + 1]])

    count = {g: int((offsets[own + 1] - offsets[own]).sum()) for g, own in records.items()}
    return RealPictures(store.corpus, store.sha256, count, read)


def folder_pictures(folder: Path, corpus: str) -> RealPictures:
    """Every picture below `folder`/female and `folder`/male, in the order of their paths.

    Raises:
        BenchmarkError: the folder or one of the two is not there, or holds no picture; while reading, a picture that
            cannot be read.
    """
    if not folder.is_dir():
        raise BenchmarkError(f"--real {folder}: no such folder.")
    paths: dict[int, list[Path]] = {}
    for name, gender in GENDERS.items():
        if not (folder / name).is_dir():
            raise BenchmarkError(f"--real {folder}: no folder {name} in it; it holds female/ and male/.")
        found = (p for p in (folder / name).rglob("*") if is_picture(p.name) and p.is_file())
        paths[gender] = sorted(p for p in found if not p.name.startswith("."))
        if not paths[gender]:
            raise BenchmarkError(f"--real {folder}: no picture in {folder / name}.")

    def read(gender: int) -> Iterator[np.ndarray]:
        return map(read_image, paths[gender])

    return RealPictures(corpus, _sha256(paths), {g: len(own) for g, own in paths.items()}, read)


def real_counts(real: Sequence[RealPictures]) -> dict[str, dict[str, int]]:
    """Corpus -> gender by its name -> pictures, for run.json."""
    return {r.corpus: {name: r.count[g] for name, g in GENDERS.items() if g in r.count} for r in real}


def _sha256(paths: dict[int, list[Path]]) -> str:
    """Of the files' bytes, gender by gender, whatever they are called."""
    digest = hashlib.sha256()
    for gender, own in paths.items():
        for path in tqdm(own, "real pictures", disable=None, leave=False):
            with path.open("rb") as file:
                digest.update(f"{gender} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
