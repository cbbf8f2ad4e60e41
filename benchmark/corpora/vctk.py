"""VCTK: newspaper sentences read by 110 speakers of English (Yamagishi et al., doi 10.7488/ds/2645).

Both releases, as they unpack:

    0.92   wav48_silence_trimmed/p225/p225_001_mic1.flac (and _mic2)    txt/p225/p225_001.txt    speaker-info.txt
    0.80   wav48/p225/p225_001.wav                                      txt/p225/p225_001.txt    speaker-info.txt
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from benchmark.corpora.corpus import Media
from benchmark.corpora.manifest import Record
from benchmark.corpora.reading import held_out_key, listing, natural, read_text, read_voice, some
from benchmark.corpora.splits import HeldOut, assign
from benchmark.errors import BenchmarkError
from benchmark.media.audio import RATE
from benchmark.media.silence import RULE, trim_silence

_LAYOUTS = {  # folder -> what follows "p225_" in a file's name; the better release first
    "wav48_silence_trimmed": re.compile(r"(?P<number>\d+)_(?P<mic>mic[12])\.flac"),
    "wav48": re.compile(r"(?P<number>\d+)(?P<mic>)\.wav"),
}
_GENDERS = {"F": 0, "M": 1}


def read_speaker_info(path: Path) -> dict[str, int]:
    """Speaker -> gender of a speaker-info.txt; {} where there is none, and without the speakers it says nothing of.

    Columns are split by runs of blanks: ID, AGE, GENDER, then accent, region and comments, which have blanks inside.
    Ids have their `p` in 0.92 and lack it in 0.80.
    """
    genders = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
            name, *rest = line.split() or [""]
            gender = next((_GENDERS[word.upper()] for word in rest[:2] if word.upper() in _GENDERS), None)
            if gender is not None:
                genders[f"p{name}" if name.isdigit() else name] = gender
    return genders


class VctkCorpus:
    """Reader of a VCTK folder. Every record is a voice.

    root: the folder that holds wav48_silence_trimmed or wav48. held_out: see `benchmark.corpora.splits`; 30 in the
        XFaVoT paper (papers.md 1.6; it does not say which). microphone: of 0.92; mic1 is the one of 0.80. A speaker
        without any recording of it is read from the other one. trim: leave out the silence around the speech (see
        `benchmark.media.silence`; why: docs/corpora.md).
    notes (after `records`): what a reader of the results should know.
    """

    name = "vctk"

    def __init__(
        self,
        root: Path,
        seed: int = 0,
        held_out: HeldOut = 30,
        microphone: Literal["mic1", "mic2"] = "mic1",
        trim: bool = True,
    ) -> None:
        if microphone not in ("mic1", "mic2"):
            raise BenchmarkError(f"microphone is mic1 or mic2, got {microphone!r}.")
        self.root = Path(root)
        self.seed = seed
        self.held_out = held_out
        self.microphone = microphone
        self.trim = trim
        self.notes: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        texts = [self._text(*key) for key in self._utterances]
        info = read_speaker_info(self.root / "speaker-info.txt")
        return {
            "reader": 1,
            "seed": self.seed,
            "held_out": held_out_key(self.held_out),
            "microphone": self.microphone,
            "trim": RULE if self.trim else None,
            "files": listing(self.root, [*self._utterances.values(), *texts]),
            "genders": {s: info.get(s) for s in self._recordings},
        }

    def records(self) -> list[Record]:
        genders = read_speaker_info(self.root / "speaker-info.txt")
        records = [
            Record(
                id=f"{speaker}_{number}",
                corpus=self.name,
                speaker=speaker,
                gender=genders.get(speaker),
                split="train",
                audio=path.relative_to(self.root).as_posix(),
                transcript=read_text(self._text(speaker, number)),
            )
            for (speaker, number), path in self._utterances.items()
        ]
        assignment = assign(records, self.held_out, self.seed)
        self.notes = [*self._microphone_notes(), *self._label_notes(records), *assignment.notes]
        return assignment.records

    def load(self, record: Record) -> Media:
        wave = read_voice(self.root / str(record.audio))
        return Media(wave=trim_silence(wave, RATE) if self.trim else wave)

    @cached_property
    def _recordings(self) -> Mapping[str, Mapping[str, Mapping[str, Path]]]:
        """Speaker -> microphone ("" in 0.80) -> number -> file."""
        if not self.root.is_dir():
            raise BenchmarkError(f"There is no folder {self.root}. Name the folder that VCTK was unpacked to.")
        for layout, pattern in _LAYOUTS.items():
            found: dict[str, dict[str, dict[str, Path]]] = {}
            folders = (f for f in (self.root / layout).glob("*") if f.is_dir() and re.fullmatch(r"[ps]\d+", f.name))
            for folder in sorted(folders, key=lambda f: natural(f.name)):
                for path in sorted(folder.glob(f"{folder.name}_*")):
                    match = pattern.fullmatch(path.name, len(folder.name) + 1)
                    if match:
                        microphones = found.setdefault(folder.name, {})
                        microphones.setdefault(match["mic"], {})[match["number"]] = path
            if found:
                return found
        raise BenchmarkError(
            f"{self.root} holds no VCTK recordings: expected wav48_silence_trimmed/p225/p225_001_mic1.flac (0.92) or "
            "wav48/p225/p225_001.wav (0.80). Name the folder that holds one of these two; copies of another layout or "
            "rate are read by the corpus `folder`."
        )

    @cached_property
    def _utterances(self) -> Mapping[tuple[str, str], Path]:
        """(speaker, number) -> file, all of a speaker from one microphone."""
        chosen = {s: m.get(self.microphone) or next(iter(m.values())) for s, m in self._recordings.items()}
        return {(speaker, number): path for speaker, files in chosen.items() for number, path in files.items()}

    def _text(self, speaker: str, number: str) -> Path:
        return self.root / "txt" / speaker / f"{speaker}_{number}.txt"

    def _microphone_notes(self) -> list[str]:
        notes = []
        other = [s for s, m in self._recordings.items() if "" not in m and self.microphone not in m]
        if other:
            notes.append(f"No {self.microphone} of {some(other)}: the other microphone is read.")
        lost = [
            f"{s}_{n}"
            for s, m in self._recordings.items()
            if self.microphone in m
            for n in sorted({n for files in m.values() for n in files} - set(m[self.microphone]))
        ]
        if lost:
            notes.append(f"Left out, because {self.microphone} lacks them: {some(lost)}.")
        return notes

    def _label_notes(self, records: list[Record]) -> list[str]:
        notes = []
        speakers = {r.speaker: r.gender for r in records}
        told = {r.speaker for r in records if r.transcript}
        silent = [s for s in speakers if s not in told]
        if silent:
            notes.append(f"No texts of {some(silent)}.")
        untold = [r.id for r in records if r.transcript is None and r.speaker in told]
        if untold:
            notes.append(f"No text of {some(untold)}.")
        unknown = [s for s, gender in speakers.items() if gender is None]
        if unknown:
            notes.append(
                f"Gender not known of {some(unknown)}, who take no part in trials: speaker-info.txt lacks them."
            )
        return notes
