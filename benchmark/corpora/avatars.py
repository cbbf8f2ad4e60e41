"""A corpus's people as avatars: a folder of drawn faces with the people's own voices, as `folder` reads it.

OUT/avatars.json        what was drawn, by which version; written first, and what claims the folder
OUT/faces/<id>.png      every picture of every record, drawn (<id>+1.png: the second of a record, and so on)
OUT/voices/<id>.flac    what the record says, unchanged
OUT/records.csv         speakers, genders, splits and texts of the corpus; written last, so that it names whole files
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmark.atomic import atomic, write_json, write_text
from benchmark.corpora.folder_table import NAME as TABLE
from benchmark.corpora.manifest import Record
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.audio import WAVE24K, rows_to_wave, write_flac
from benchmark.media.avatar import VERSION, avatar
from benchmark.media.image import FACE128

CLAIM = "avatars.json"
_GENDERS = {0: "F", 1: "M", None: ""}
_COLUMNS = ("id", "speaker", "gender", "split", "audio", "image", "transcript")


@dataclass(frozen=True)
class Drawn:
    """What a folder of avatars holds: records of the corpus, people, pictures, recordings."""

    records: int
    people: int
    faces: int
    voices: int


def write_avatars(store: Store, out: Path) -> Drawn:
    """Draw everybody of a store, or finish a folder that was begun; splits and voices stay as they are.

    A record's first picture stands in one row with its sound, each further one in a row of its own.

    Args:
        store: a prepared corpus.
        out: a folder that is empty, not there yet, or holds avatars of this very store.

    Raises:
        BenchmarkError: nobody in the corpus has a face; `out` is a file, or holds something else; the disk is full or
            may not be written (what is drawn stays, and the same call goes on).
    """
    if not store.index["face"].any():
        raise BenchmarkError(f"{store.corpus} has no faces to draw; name a corpus that has (`list corpora`).")
    with _writing(out):
        _claim(store, out)
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(_COLUMNS)
        faces = voices = 0
        for i, record in enumerate(tqdm(store.records, desc=f"draw {store.corpus}", unit="record", disable=None)):
            audio = _voice(store, i, record, out)
            pictures = list(_faces(store, i, record, out))
            for k, image in enumerate(pictures or [""]):
                who = (record.speaker, _GENDERS[record.gender], record.split)
                words = (audio, image, record.transcript or "") if k == 0 else ("", image, "")
                table.writerow((_name(record, k), *who, *words))
            faces, voices = faces + len(pictures), voices + bool(audio)
        write_text(out / TABLE, text.getvalue())
    return Drawn(len(store.records), len({r.speaker for r in store.records}), faces, voices)


def _name(record: Record, frame: int) -> str:
    """An id holds no "+", so that no further picture takes another record's name."""
    return f"{record.id}+{frame}" if frame else record.id


def _faces(store: Store, i: int, record: Record, out: Path) -> Iterator[str]:
    """Paths of the drawn pictures of a record, below `out`; those that lie there already are whole."""
    for frame, face in enumerate(store.rows(FACE128, i)):
        path = f"faces/{_name(record, frame)}.png"
        if not (out / path).is_file():
            with atomic(out / path) as file:
                Image.fromarray(avatar(np.asarray(face))).save(file, format="PNG")
        yield path


def _voice(store: Store, i: int, record: Record, out: Path) -> str:
    """Path of the recording of a record, sample by sample that of the store; empty where it has none."""
    rows = store.rows(WAVE24K, i)
    if not len(rows):
        return ""
    path = f"voices/{record.id}.flac"
    if not (out / path).is_file():
        write_flac(out / path, rows_to_wave(rows).numpy())
    return path


def _claim(store: Store, out: Path) -> None:
    """Say in the folder what it is for, or see that it is for this.

    Raises:
        BenchmarkError: it holds anything else.
    """
    mine = {"corpus": store.corpus, "corpus_sha256": store.sha256, "drawing": VERSION}
    claim = out / CLAIM
    if claim.is_file():
        try:
            found = json.loads(claim.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BenchmarkError(f"{claim} is no JSON ({error}). Name another --out, or remove {out}.") from error
        if found != mine:
            raise BenchmarkError(
                f"{out} holds avatars of other people or of another version (its {CLAIM}: {json.dumps(found)}; asked "
                f"for: {json.dumps(mine)}). Name another --out, or remove {out}."
            )
    elif out.is_dir() and any(out.iterdir()):
        raise BenchmarkError(f"{out} is not empty and holds no avatars. Name another --out.")
    out.mkdir(parents=True, exist_ok=True)
    write_json(claim, mine)
    for name in ("faces", "voices"):
        (out / name).mkdir(exist_ok=True)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """What the disk refuses, as a message."""
    try:
        yield
    except OSError as error:
        free = shutil.disk_usage(next(p for p in (out, *out.absolute().parents) if p.is_dir())).free
        raise BenchmarkError(
            f"Drawing into {out} stopped: {error.strerror or error} ({free / 2**20:.0f} MiB free there). What is drawn "
            "is kept; the same command goes on."
        ) from error
