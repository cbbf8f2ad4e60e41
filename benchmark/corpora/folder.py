"""Anybody's pictures, recordings and clips, by folders or by a table (docs/corpora.md):

ROOT/<speaker>/...                      files of one stem belong together: a.wav + a.jpg + a.txt
ROOT/{female,male,f,m}/<speaker>/...
ROOT/records.csv                        where it is there, it alone counts (benchmark.corpora.folder_table)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.corpora.corpus import Media
from benchmark.corpora.folder_table import NAME, read_table
from benchmark.corpora.folder_tree import Item, kind, scan_tree
from benchmark.corpora.manifest import Record
from benchmark.corpora.reading import SHORTEST, held_out_key, listing, read_voice, some
from benchmark.corpora.splits import HeldOut, assign
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.align import align_faces
from benchmark.media.audio import RATE, resample
from benchmark.media.image import RESIZE, read_image, shrink_square
from benchmark.media.video import Clip, read_clip

_LONGEST_ID = 120  # characters; ids name files, and systems add to them


def make_ids(names: Sequence[str]) -> list[str]:
    """Ids of distinct or equal names, no two alike even where capitals do not count (as on some disks).

    What an id may not hold becomes "_". A name that would share its id, or is too long, has eight digits of its own
    hash at the end, equal names a number too: so an id depends on others only where they clash.
    """
    plain = [re.sub(r"[^A-Za-z0-9._-]", "_", name) for name in names]
    times = Counter(p.lower() for p in plain)
    ids = []
    seen: Counter[str] = Counter()
    for name, text in zip(names, plain, strict=True):
        if times[text.lower()] > 1 or len(text) > _LONGEST_ID:
            seen[name] += 1
            digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            text = f"{text[:_LONGEST_ID]}-{digest}" + (f"-{seen[name]}" if seen[name] > 1 else "")
        ids.append(text)
    return ids


class FolderCorpus:
    """Reader of a folder. A record has a voice, or pictures, or both.

    root: see the module. held_out: see `benchmark.corpora.splits`; not used where a table names the splits. align:
        find each face and cut it out as CelebA-HQ does (`benchmark.media.align`), as pictures of any kind need; left
        out, the centred square of a picture is shrunk, which suits faces that are aligned already. frames_per_clip:
        pictures kept of each video.
    notes (after `records`): what a reader of the results should know.
    """

    name = "folder"

    def __init__(
        self, root: Path, seed: int = 0, held_out: HeldOut = 4, align: bool = False, frames_per_clip: int = 4
    ) -> None:
        if frames_per_clip < 1:
            raise BenchmarkError(f"frames_per_clip is at least 1, got {frames_per_clip}.")
        self.root = Path(root)
        self.seed = seed
        self.held_out = held_out
        self.align = align
        self.frames_per_clip = frames_per_clip
        self.notes: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        items, _ = self._found
        media = {path for item in items for path in (item.audio, item.image) if path}
        return {
            "reader": 1,
            "seed": self.seed,
            "held_out": held_out_key(self.held_out),
            "pictures": "aligned" if self.align else RESIZE,
            "frames_per_clip": self.frames_per_clip,
            "items": hashlib.sha256(json.dumps([astuple(item) for item in items]).encode()).hexdigest(),
            "files": listing(self.root, (self.root / path for path in media)),
        }

    def records(self) -> list[Record]:
        items, notes = self._found
        records = [
            Record(i, self.name, item.speaker, item.gender, "train", item.audio, item.image, item.transcript)
            for i, item in zip(make_ids([item.name for item in items]), items, strict=True)
        ]
        self.notes = [*notes, *_gender_notes(records)]
        if items[0].split is not None:
            return _as_told(assign(records, 0, self.seed).records, items)
        speakers = {r.speaker for r in records}
        if len(speakers) == 1 and self.held_out != 0:
            raise BenchmarkError(
                f"{self.root} holds one speaker, {speakers.pop()!r}, and some are to be held out: its folders should "
                "be speakers, or genders with speakers in them. If there is one speaker indeed, set held_out = 0 below "
                "[corpora.folder] in a profile of your own."
            )
        assignment = assign(records, self.held_out, self.seed)
        self.notes += [*assignment.notes, *_few_notes(assignment.records)]
        return assignment.records

    def load(self, record: Record) -> Media:
        wave: np.ndarray | None = None
        pictures: np.ndarray | None = None
        if record.audio is not None and record.audio == record.image:
            clip = self._clip(record.audio)
            wave, pictures = _sound(clip, record.audio), clip.frames
        else:
            if record.audio is not None and kind(record.audio) == "video":
                wave = _sound(self._clip(record.audio), record.audio)
                if wave is None:
                    raise UnreadableMedia(f"{record.audio}: the clip is mute.")
            elif record.audio is not None:
                wave = read_voice(self.root / record.audio)
            if record.image is not None and kind(record.image) == "video":
                pictures = self._clip(record.image).frames
            elif record.image is not None:
                pictures = read_image(self.root / record.image)[None]
        return Media(wave=wave, faces=None if pictures is None else self._faces(pictures, str(record.image)))

    def _clip(self, path: str) -> Clip:
        return read_clip(self.root / path, self.frames_per_clip)

    def _faces(self, pictures: np.ndarray, path: str) -> np.ndarray:
        """(F, H, W, 3) -> (F, 128, 128, 3) uint8."""
        if not self.align:
            return np.stack([shrink_square(picture) for picture in pictures])
        try:
            return align_faces(pictures)
        except UnreadableMedia as error:
            raise UnreadableMedia(f"{path}: {error}.") from error

    @cached_property
    def _found(self) -> tuple[list[Item], list[str]]:
        """Items and notes on what was left out.

        Raises:
            BenchmarkError: no such folder, nothing to read in it; as `read_table` and `scan_tree`.
        """
        if not self.root.is_dir():
            raise BenchmarkError(f"There is no folder {self.root}.")
        table = self.root / NAME
        items, notes = (read_table(table), []) if table.is_file() else scan_tree(self.root)
        if not items:
            raise BenchmarkError(
                f"{self.root} holds no recordings, pictures or clips in folders of speakers: expected ROOT/<speaker>/"
                f"..., ROOT/<gender>/<speaker>/..., or a {NAME} (docs/corpora.md). {' '.join(notes)}".strip()
            )
        return items, notes


def _sound(clip: Clip, path: str) -> np.ndarray | None:
    """(N,) at 24 kHz, None if the clip is mute.

    Raises:
        UnreadableMedia: the sound is too short to be speech.
    """
    if clip.wave is None:
        return None
    if len(clip.wave) < SHORTEST * clip.rate:
        raise UnreadableMedia(f"{path}: {len(clip.wave) / clip.rate:.2f} s of sound; at least {SHORTEST} s are needed.")
    return resample(clip.wave, clip.rate, RATE)


def _as_told(records: Sequence[Record], items: Sequence[Item]) -> list[Record]:
    """The splits of the table.

    Raises:
        BenchmarkError: a speaker is unseen in some rows only, or nobody is in train.
    """
    told = [replace(r, split=i.split) for r, i in zip(records, items, strict=True) if i.split is not None]
    known = {r.speaker for r in told if r.split != "unseen"}
    leaking = sorted({r.speaker for r in told if r.split == "unseen"} & known)
    if leaking:
        raise BenchmarkError(
            f"{NAME}: {some(leaking)} unseen in some rows only; a speaker is unseen in all or in none."
        )
    if not any(r.split == "train" for r in told):
        raise BenchmarkError(f"{NAME}: no row is in train; nothing could be trained.")
    return told


def _gender_notes(records: Sequence[Record]) -> list[str]:
    unknown = list(dict.fromkeys(r.speaker for r in records if r.gender is None))
    if not unknown:
        return []
    return [
        f"Gender not known of {some(unknown)}, who take no part in trials: put their folders into female/ and male/, "
        f"or write a {NAME}."
    ]


def _few_notes(records: Sequence[Record]) -> list[str]:
    """Training speakers of whom no voice or no picture could be kept for the trials among seen speakers."""
    notes = []
    for what, has in (("recordings", "audio"), ("pictures", "image")):
        told = [r for r in records if r.split != "unseen" and getattr(r, has) is not None]
        kept = {r.speaker for r in told if r.split == "seen"}
        few = list(dict.fromkeys(r.speaker for r in told if r.speaker not in kept))
        if few:
            notes.append(f"Too few {what} of {some(few)} to keep any from training: none in trials of seen speakers.")
    return notes
