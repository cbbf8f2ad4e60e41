"""GRID: clips of 34 people who read sentences of six words (Cooke et al., JASA 120, 2006).

A folder per speaker, in any of the layouts that downloads unpack to, and beside it or in it the word alignments:

    s1/*.mpg                      alignments/s1/*.align
    s1/video/*.mpg                s1/align/*.align
    s1/video/mpg_6000/*.mpg

The sound is the clip's own track: the corpus's separate audio_25k is cut to the speech and out of step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.corpora.corpus import Media
from benchmark.corpora.manifest import Record
from benchmark.corpora.reading import natural
from benchmark.corpora.speaker_table import NAME, read_genders
from benchmark.corpora.splits import HeldOut, assign
from benchmark.corpora.talking import faces_of
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.audio import RATE, resample
from benchmark.media.video import read_clip

_CODE = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter for letter in "abcdefghijklmnopqrstuvwxyz"},
    {"z": "zero", "1": "one", "2": "two", "3": "three", "4": "four"}
    | {"5": "five", "6": "six", "7": "seven", "8": "eight", "9": "nine"},
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)
# The corpus labels no gender. 18 men and 16 women by its own page; who is who as in
# TWOEARS/TwoEars GenderRecognitionKS.m and other users' lists, which agree.
_FEMALE = frozenset(f"s{n}" for n in (4, 7, 11, 15, 16, 18, 20, 21, 22, 23, 24, 25, 29, 31, 33, 34))
_MALE = frozenset(f"s{n}" for n in range(1, 35)) - _FEMALE
_FOLDERS = ("video/mpg_6000", "video", ".")  # the best picture quality first
_SHORTEST = 2.0  # seconds; all clips last 3, so a shorter one was cut off in the download


def sentence(code: str) -> str | None:
    """The six words that a file name stands for (`bbaf2n` -> "bin blue at f two now"), None for any other name."""
    if len(code) != len(_CODE) or any(c not in words for c, words in zip(code, _CODE, strict=True)):
        return None
    return " ".join(words[c] for c, words in zip(code, _CODE, strict=True))


def read_align(path: Path) -> str | None:
    """The words of an alignment file (lines "start end word", CRLF or LF) without its silences, None if it has none."""
    lines = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    words = [line[2].lower() for line in lines if len(line) == 3 and line[2] not in ("sil", "sp")]
    return " ".join(words) or None


class GridCorpus:
    """Reader of a GRID folder. Every record has a face and a voice.

    root: folder of speaker folders. `speakers.csv` there (columns speaker, gender; F or M) overrides or completes the
        genders. held_out: see `benchmark.corpora.splits`. frames_per_clip: faces kept of each clip.
    notes (after `records`): what a reader of the results should know.
    """

    name = "grid"

    def __init__(self, root: Path, seed: int = 0, held_out: HeldOut = 4, frames_per_clip: int = 4) -> None:
        if frames_per_clip < 1:
            raise BenchmarkError(f"frames_per_clip is at least 1, got {frames_per_clip}.")
        self.root = Path(root)
        self.seed = seed
        self.held_out = held_out
        self.frames_per_clip = frames_per_clip
        self.notes: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        files = [*self._clips.values(), *self._alignments.values()]
        table = self.root / NAME
        return {
            "reader": 1,
            "seed": self.seed,
            "held_out": self.held_out if isinstance(self.held_out, int | float | str) else sorted(self.held_out),
            "frames_per_clip": self.frames_per_clip,
            "files": sorted([path.relative_to(self.root).as_posix(), path.stat().st_size] for path in files),
            "speakers": table.read_text(encoding="utf-8-sig") if table.is_file() else None,
        }

    def records(self) -> list[Record]:
        self.notes = []
        genders = self._genders()
        records = [
            Record(
                id=re.sub(r"[^A-Za-z0-9._-]", "_", f"{speaker}_{code}"),
                corpus=self.name,
                speaker=speaker,
                gender=genders.get(speaker),
                split="train",
                audio=path.relative_to(self.root).as_posix(),
                image=path.relative_to(self.root).as_posix(),
                transcript=self._transcript(speaker, code),
            )
            for (speaker, code), path in self._clips.items()
        ]
        assignment = assign(records, self.held_out, self.seed)
        self.notes += assignment.notes
        unknown = sorted({r.speaker for r in records if r.gender is None})
        if unknown:
            self.notes.append(f"Gender not known of {', '.join(unknown)}: name it in {self.root / 'speakers.csv'}.")
        return assignment.records

    def load(self, record: Record) -> Media:
        path = self.root / str(record.image)
        clip = read_clip(path, self.frames_per_clip)
        seconds = 0.0 if clip.wave is None else len(clip.wave) / clip.rate
        if clip.wave is None or seconds < _SHORTEST:
            raise UnreadableMedia(f"{path}: {seconds:.1f} s of sound where a clip of GRID has 3; cut off or mute.")
        return Media(wave=resample(clip.wave, clip.rate, RATE), faces=faces_of(clip.frames, path))

    @cached_property
    def _clips(self) -> Mapping[tuple[str, str], Path]:
        """(speaker, code) -> clip, in the order of speaker numbers and codes."""
        if not self.root.is_dir():
            raise BenchmarkError(f"There is no folder {self.root}. Name the folder that holds GRID's s1, s2, ...")
        clips: dict[tuple[str, str], Path] = {}
        for folder in sorted((f for f in self.root.iterdir() if f.is_dir()), key=lambda f: natural(f.name)):
            for layout in _FOLDERS:
                found = sorted(p for p in (folder / layout).glob("*.mpg") if not p.name.startswith("."))
                clips.update({(folder.name, path.stem): path for path in found})
                if found:
                    break
        if not clips:
            raise BenchmarkError(
                f"{self.root} holds no GRID clips: expected s1/*.mpg, s1/video/*.mpg or s1/video/mpg_6000/*.mpg. "
                "Unpack the speakers' video archives there (copies that hold jpg frames lack the sound)."
            )
        return clips

    @cached_property
    def _alignments(self) -> Mapping[tuple[str, str], Path]:
        places = {key: (f"alignments/{key[0]}/{key[1]}.align", f"{key[0]}/align/{key[1]}.align") for key in self._clips}
        found = {key: [self.root / p for p in paths if (self.root / p).is_file()] for key, paths in places.items()}
        return {key: paths[0] for key, paths in found.items() if paths}

    def _transcript(self, speaker: str, code: str) -> str | None:
        """The alignment wins over the file name: it was made by listening, the name by a plan."""
        planned = sentence(code)
        path = self._alignments.get((speaker, code))
        heard = read_align(path) if path else None
        if heard and planned and heard != planned:
            self.notes.append(f'{speaker}/{code}: its .align says "{heard}", its name "{planned}"; the .align is used.')
        return heard or planned

    def _genders(self) -> dict[str, int]:
        return dict.fromkeys(_FEMALE, 0) | dict.fromkeys(_MALE, 1) | read_genders(self.root / NAME)
