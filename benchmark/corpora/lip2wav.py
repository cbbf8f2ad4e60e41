"""Lip2Wav: hours of five lecturers from YouTube (Prajwal et al., CVPR 2020), as its scripts leave them
(Rudrabha/Lip2Wav@b4587c6:download_speaker.sh, @5247a82:preprocess.py):

    <speaker>/{train,val,test}.txt                                  YouTube ids; or all of it below Dataset/
    <speaker>/intervals/<YouTube id>/cut-N.mp4                      30 s each
    <speaker>/preprocessed/<YouTube id>/cut-N/{N.jpg, audio.wav}    face boxes; read where the cut itself is missing
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.corpora.corpus import Media
from benchmark.corpora.folder import make_ids
from benchmark.corpora.manifest import Record
from benchmark.corpora.reading import held_out_key, listing, natural, read_text, read_voice, some
from benchmark.corpora.speaker_table import NAME, gender_notes, named_genders
from benchmark.corpora.splits import HeldOut, assign
from benchmark.corpora.talking import faces_of, voice_of
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media import align
from benchmark.media.image import read_image
from benchmark.media.video import read_clip, wanted

_ORDER = ("eh", "chem", "chess", "dl", "hs")  # eh is on XFaVoT's demo page (papers.md 1.6); the rest by name
_CORNER = (0.75, 1.0, 0.75, 1.0)
_REGIONS = {  # top, bottom, left, right as shares of the picture: preprocess.py's, whose box of chess is of 1280x720
    "chess": (270 / 720, 460 / 720, 770 / 1280, 1130 / 1280),
    "dl": _CORNER,
    "eh": _CORNER,
}


def speaker_region(pictures: np.ndarray, speaker: str) -> np.ndarray:
    """The part of (F, H, W, 3) that shows the speaker beside slides or boards; all of it for chem, hs and others."""
    height, width = pictures.shape[1:3]
    top, bottom, left, right = _REGIONS.get(speaker, (0.0, 1.0, 0.0, 1.0))
    return pictures[:, round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


class Lip2WavCorpus:
    """Reader of a Lip2Wav folder. Every record has a face and a voice: one piece of about 30 s.

    root: see the module. speakers: names of folders, or how many to take in the order eh, chem, chess, dl, hs, others;
        XFaVoT has four and does not say which (papers.md 1.6). held_out: see `benchmark.corpora.splits`; nobody in
        XFaVoT, whose 128 speaker heads count all four. frames_per_clip: aligned faces kept of each piece. genders:
        table (columns speaker, gender) below root, or anywhere by an absolute path; without it no gender is known.
    The lists of ids are not splits here: a tenth of the pieces is "seen", as XFaVoT's random 90/10.
    notes (after `records`): what a reader of the results should know.
    """

    name = "lip2wav"

    def __init__(
        self,
        root: Path,
        seed: int = 0,
        speakers: int | Sequence[str] = 4,
        held_out: HeldOut = 0,
        frames_per_clip: int = 4,
        genders: str = NAME,
    ) -> None:
        if frames_per_clip < 1 or (isinstance(speakers, int) and speakers < 1):
            raise BenchmarkError(f"speakers and frames_per_clip are at least 1, got {speakers} and {frames_per_clip}.")
        self.root = Path(root)
        self.seed = seed
        self.speakers = speakers
        self.held_out = held_out
        self.frames_per_clip = frames_per_clip
        self.genders = genders
        self.notes: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        # Of a piece's hundreds of cut-out faces none is listed: the sound beside them was written in the same pass.
        files = [_sound(piece) for pieces in self._chosen.values() for piece in pieces.values()]
        return {
            "reader": 1,
            "seed": self.seed,
            "held_out": held_out_key(self.held_out),
            "frames_per_clip": self.frames_per_clip,
            "genders": {speaker: self._genders.get(speaker) for speaker in self._chosen},
            "files": listing(self.root, files),
        }

    def records(self) -> list[Record]:
        pieces = [(speaker, name, piece) for speaker, own in self._chosen.items() for name, piece in own.items()]
        ids = make_ids([f"{speaker}_{name}" for speaker, name, _ in pieces])
        records = [
            Record(
                id=id_,
                corpus=self.name,
                speaker=speaker,
                gender=self._genders.get(speaker),
                split="train",
                audio=_sound(piece).relative_to(self.root).as_posix(),
                image=piece.relative_to(self.root).as_posix(),
            )
            for id_, (speaker, _, piece) in zip(ids, pieces, strict=True)
        ]
        assignment = assign(records, self.held_out, self.seed)
        self.notes = [
            *self._choice_notes(),
            *self._vanished(),
            *gender_notes(self._chosen, self._genders, self.genders),
            *assignment.notes,
        ]
        return assignment.records

    def load(self, record: Record) -> Media:
        path = self.root / str(record.image)
        if record.audio != record.image:
            return Media(wave=read_voice(self.root / str(record.audio)), faces=_cut_out(path, self.frames_per_clip))
        clip = read_clip(path, self.frames_per_clip)
        return Media(wave=voice_of(clip, path), faces=faces_of(speaker_region(clip.frames, record.speaker), path))

    @cached_property
    def _genders(self) -> Mapping[str, int]:
        return named_genders(self.root, self.genders)

    @cached_property
    def _base(self) -> Path:
        """The folder of the speakers."""
        return self.root / "Dataset" if (self.root / "Dataset").is_dir() else self.root

    @cached_property
    def _found(self) -> Mapping[str, Mapping[str, Path]]:
        """Speaker -> "<YouTube id>/cut-N" -> clip, or folder of cut-out faces; speakers in the order of the option."""
        if not self.root.is_dir():
            raise BenchmarkError(f"There is no folder {self.root}. Name the one that holds Lip2Wav's chem, chess, ...")
        found: dict[str, dict[str, Path]] = {}
        folders = (f for f in self._base.iterdir() if f.is_dir() and not f.name.startswith("."))
        for folder in sorted(folders, key=_rank):
            sounds = folder.glob("preprocessed/*/*/audio.wav")
            pieces = {f"{s.parent.parent.name}/{s.parent.name}": s.parent for s in sounds}
            clips = (c for c in folder.glob("intervals/*/*.mp4") if not c.name.startswith("."))
            pieces |= {f"{c.parent.name}/{c.stem}": c for c in clips}
            if pieces:
                order = sorted(pieces, key=lambda name: (name.rpartition("/")[0], natural(name.rpartition("/")[2])))
                found[folder.name] = {name: pieces[name] for name in order}
        if not found:
            raise BenchmarkError(
                f"{self.root} holds no pieces of Lip2Wav: expected chem/intervals/<YouTube id>/cut-0.mp4 (or "
                "chem/preprocessed/<YouTube id>/cut-0/audio.wav). Its download_speaker.sh cuts whole videos into them."
            )
        return found

    @cached_property
    def _chosen(self) -> Mapping[str, Mapping[str, Path]]:
        """Pieces of the speakers that are read, in the order of names.

        Raises:
            BenchmarkError: as `_found`; a speaker who is not there, or none at all, is asked for.
        """
        if isinstance(self.speakers, int):
            names = list(self._found)[: self.speakers]
        else:
            names = [self.speakers] if isinstance(self.speakers, str) else [str(name) for name in self.speakers]
        lacking = [name for name in names if name not in self._found]
        if lacking or not names:
            raise BenchmarkError(
                f"{self._base} lacks pieces of {some(lacking) or '(nobody is asked for)'}; it has those of "
                f"{some(self._found)}. Mend speakers below [corpora.lip2wav] in your profile."
            )
        return {name: self._found[name] for name in sorted(set(names))}

    def _choice_notes(self) -> list[str]:
        notes = []
        if isinstance(self.speakers, int):
            left = [name for name in self._found if name not in self._chosen]
            notes.append(
                f"Read: {some(self._chosen)}; left out: {some(left) or 'nobody'}. XFaVoT has four of the five and does "
                "not say which; choose by speakers."
            )
        if len(self._chosen) == 1:
            notes.append(f"One speaker alone, {next(iter(self._chosen))}: trials need another, of another corpus.")
        boxed = [name for name, pieces in self._chosen.items() if any(p.is_dir() for p in pieces.values())]
        if boxed:
            notes.append(
                f"Faces of {some(boxed)} are (in part) from Lip2Wav's own tight boxes, mirrored at the border."
            )
        return notes

    def _vanished(self) -> list[str]:
        """Videos leave YouTube, so that two copies of this corpus seldom hold the same."""
        notes = []
        for speaker, pieces in self._chosen.items():
            texts = (read_text(self._base / speaker / f"{part}.txt") for part in ("train", "val", "test"))
            listed = list(dict.fromkeys(id_ for text in texts if text for id_ in text.split()))
            videos = {name.rpartition("/")[0] for name in pieces}
            lost = [id_ for id_ in listed if id_ not in videos]
            if lost:
                notes.append(f"{speaker}: {len(lost)} of {len(listed)} listed videos are not there: {some(lost)}.")
        return notes


def _rank(folder: Path) -> tuple[int, tuple[str, int, str]]:
    return (_ORDER.index(folder.name) if folder.name in _ORDER else len(_ORDER), natural(folder.name))


def _sound(piece: Path) -> Path:
    return piece / "audio.wav" if piece.is_dir() else piece


def _cut_out(folder: Path, count: int) -> np.ndarray:
    """Aligned faces of `count` evenly spaced pictures of a preprocessed piece, (F, 128, 128, 3) uint8.

    F may be smaller: the boxes differ in size, so each is aligned alone, and one without a face is dropped.

    Raises:
        UnreadableMedia: a picture is damaged, or none shows a face.
    """
    pictures = sorted((p for p in folder.glob("*.jpg") if p.stem.isdigit()), key=lambda p: int(p.stem))
    found = [_boxed_face(read_image(pictures[i])) for i in wanted(len(pictures), count)]
    faces = [face for face in found if face is not None]
    if not faces:
        raise UnreadableMedia(f"{folder}: no face found in any of {len(found)} pictures.")
    return np.stack(faces)


def _boxed_face(picture: np.ndarray) -> np.ndarray | None:
    """The aligned face of a tight box, (H, W, 3) -> (128, 128, 3) uint8; None where none is found.

    The detector expects surroundings: on tight boxes of 3 real faces its landmarks were wrong by 13 to 23 % of the way
    from eyes to mouth, and with a grey border by 2 to 9 %.
    """
    margin = max(picture.shape[:2]) // 2
    framed = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), constant_values=127)
    landmarks = align.find_landmarks(framed)
    return None if landmarks is None else align.crop(picture, align.oriented_square(landmarks - margin))
