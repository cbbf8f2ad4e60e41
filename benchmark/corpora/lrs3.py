"""LRS3: sentences cut out of TED and TEDx talks (Afouras et al., arXiv 1809.00496), as the release unpacks:

    {trainval,test,pretrain}/<YouTube id>/NNNNN.mp4 and NNNNN.txt       or all of it below video/

Sound that was taken out of the clips may lie beside them (NNNNN.wav), or in the same tree below wav/ or audio/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

from benchmark.corpora.corpus import Media
from benchmark.corpora.folder import make_ids
from benchmark.corpora.manifest import Record
from benchmark.corpora.reading import held_out_key, listing, read_voice, some
from benchmark.corpora.speaker_table import NAME, gender_notes, named_genders
from benchmark.corpora.splits import HeldOut, assign
from benchmark.corpora.talking import faces_of, voice_of
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.video import read_clip

_SETS = ("trainval", "test", "pretrain")
_MOUTH = 96  # pixels; the clips have 224, and copies for lip reading crop mouths of 88 or 96
_BRACES = str.maketrans("", "", "{}")


def read_transcript(path: Path) -> str | None:
    """What is said by the `Text:` line of an LRS3 text; None where there is no such file or line, or nothing in it.

    The braces around some words go and the words stay, as in mpc001/auto_avsr@48a3688:preparation/
    preprocess_lrs2lrs3.py. Boxes of faces and times of words further down are passed over.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:  # a recording without its text is still a recording
        return None
    text = next((line.removeprefix("Text:") for line in lines if line.startswith("Text:")), "")
    return " ".join(text.translate(_BRACES).split()) or None


def most_recorded(recordings: Mapping[str, int], genders: Mapping[str, int], count: int) -> list[str]:
    """`count` speakers with the most recordings (all, where there are fewer); ties by name.

    Women and men take turns while there are both; those whose gender is not known come last.
    """
    order = sorted(recordings, key=lambda name: (-recordings[name], name))
    women, men = ([name for name in order if genders.get(name) == gender] for gender in (0, 1))
    turns = [name for pair in zip_longest(women, men) for name in pair if name is not None]
    return [*turns, *(name for name in order if name not in genders)][:count]


class Lrs3Corpus:
    """Reader of an LRS3 folder. Every record has a face and a voice; a speaker is a video.

    root: see the module. videos: YouTube ids, or how many to take, by `most_recorded`; XFaVoT chose 16 by hand and does
        not name them (papers.md 1.6). held_out: see `benchmark.corpora.splits`; nobody in XFaVoT, whose 128 speaker
        heads count all 16. frames_per_clip: aligned faces kept of each clip. genders: table (columns speaker, gender)
        below root, or anywhere by an absolute path; without it no gender is known.
    A video of several sets is read from the first of trainval, test, pretrain: they overlap in content.
    notes (after `records`): what a reader of the results should know.
    """

    name = "lrs3"

    def __init__(
        self,
        root: Path,
        seed: int = 0,
        videos: int | Sequence[str] = 16,
        held_out: HeldOut = 0,
        frames_per_clip: int = 4,
        genders: str = NAME,
    ) -> None:
        if frames_per_clip < 1 or (isinstance(videos, int) and videos < 1):
            raise BenchmarkError(f"videos and frames_per_clip are at least 1, got {videos} and {frames_per_clip}.")
        self.root = Path(root)
        self.seed = seed
        self.videos = videos
        self.held_out = held_out
        self.frames_per_clip = frames_per_clip
        self.genders = genders
        self.notes: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        files = {path for c in self._chosen.values() for clip in c for path in (clip, self._sound(clip), _text(clip))}
        return {
            "reader": 1,
            "seed": self.seed,
            "held_out": held_out_key(self.held_out),
            "frames_per_clip": self.frames_per_clip,
            "genders": {video: self._genders.get(video) for video in self._chosen},
            "files": listing(self.root, files),
        }

    def records(self) -> list[Record]:
        clips = [(video, clip) for video, clips in self._chosen.items() for clip in clips]
        ids = make_ids([f"{video}_{clip.stem}" for video, clip in clips])
        records = [
            Record(
                id=id_,
                corpus=self.name,
                speaker=video,
                gender=self._genders.get(video),
                split="train",
                audio=self._sound(clip).relative_to(self.root).as_posix(),
                image=clip.relative_to(self.root).as_posix(),
                transcript=read_transcript(_text(clip)),
            )
            for id_, (video, clip) in zip(ids, clips, strict=True)
        ]
        assignment = assign(records, self.held_out, self.seed)
        self.notes = [*self._choice_notes(), *self._label_notes(records), *assignment.notes]
        return assignment.records

    def load(self, record: Record) -> Media:
        path = self.root / str(record.image)
        clip = read_clip(path, self.frames_per_clip)
        height, width = clip.frames.shape[1:3]
        if max(height, width) <= _MOUTH:
            raise UnreadableMedia(
                f"{path}: pictures of {width}x{height} where LRS3 has 224x224. Crops of the mouth, as made for lip "
                "reading, show no face; give the release's own clips."
            )
        own = record.audio == record.image
        wave = voice_of(clip, path) if own else read_voice(self.root / str(record.audio))
        return Media(wave=wave, faces=faces_of(clip.frames, path))

    @cached_property
    def _genders(self) -> Mapping[str, int]:
        return named_genders(self.root, self.genders)

    @cached_property
    def _base(self) -> Path:
        """The folder of the sets."""
        return self.root / "video" if (self.root / "video").is_dir() else self.root

    @cached_property
    def _found(self) -> tuple[Mapping[str, list[Path]], list[str]]:
        """(clips of every video, videos of several sets)."""
        if not self.root.is_dir():
            raise BenchmarkError(f"There is no folder {self.root}. Name the one that holds LRS3's {', '.join(_SETS)}.")
        found: dict[str, list[Path]] = {}
        several: list[str] = []
        for set_ in _SETS:
            for folder in sorted((self._base / set_).glob("*")):
                clips = sorted(clip for clip in folder.glob("*.mp4") if not clip.name.startswith("."))
                if clips and folder.name in found:
                    several.append(folder.name)
                elif clips:
                    found[folder.name] = clips
        if not found:
            raise BenchmarkError(
                f"{self.root} holds no clips of LRS3: expected trainval/<YouTube id>/NNNNN.mp4, or test or pretrain, "
                "all of them below video/ if at all. Name the folder that holds these sets."
            )
        return found, several

    @cached_property
    def _chosen(self) -> Mapping[str, list[Path]]:
        """Clips of the videos that are read, in the order of names.

        Raises:
            BenchmarkError: as `_found`; a video that is not there, or none at all, is asked for.
        """
        found, _ = self._found
        if isinstance(self.videos, int):
            names = most_recorded({video: len(clips) for video, clips in found.items()}, self._genders, self.videos)
        else:
            names = [self.videos] if isinstance(self.videos, str) else [str(name) for name in self.videos]
        lacking = [name for name in names if name not in found]
        if lacking or not names:
            raise BenchmarkError(
                f"{self.root} lacks the videos {some(lacking) or '(none is asked for)'}; it holds {len(found)}: "
                f"{some(found)}. Mend videos below [corpora.lrs3] in your profile."
            )
        return {name: found[name] for name in sorted(set(names))}

    def _sound(self, clip: Path) -> Path:
        """Sound that was taken out of a clip, where it is; else the clip, whose own track is read."""
        own = clip.relative_to(self._base).with_suffix(".wav")
        places = (clip.with_suffix(".wav"), self.root / "wav" / own, self.root / "audio" / own)
        return next((path for path in places if path.is_file()), clip)

    def _choice_notes(self) -> list[str]:
        found, several = self._found
        notes = ["A video counts as a person: LRS3 does not say which videos show the same one."]
        if isinstance(self.videos, int):
            notes.append(
                f"{len(self._chosen)} of {len(found)} videos are read, those with the most recordings "
                f"({some(self._chosen)}). XFaVoT's 16 were chosen by hand and are not named; choose your own by videos."
            )
        overlap = sorted(set(several) & set(self._chosen))
        if overlap:
            notes.append(f"In several sets, which overlap in content, and read from one: {some(overlap)}.")
        if len(self._chosen) == 1:
            notes.append(f"One speaker alone, {next(iter(self._chosen))}: trials need another, of another corpus.")
        return notes

    def _label_notes(self, records: Sequence[Record]) -> list[str]:
        untold = [r.id for r in records if r.transcript is None]
        notes = [f"No text of {some(untold)}."] if untold else []
        return [*notes, *gender_notes(self._chosen, self._genders, self.genders)]


def _text(clip: Path) -> Path:
    return clip.with_suffix(".txt")
