"""VoxCeleb1's voices and VGGFace's pictures of the same people, joined by VoxCeleb1's own table (CAE; Wen et al. 2019):

    vox1_meta.csv                             see benchmark.corpora.voxceleb_meta
    wav/id10001/<video>/00001.wav             or below dev/wav and test/wav; folders may be names too (voxceleb_wav)
    VGG_ALL_FRONTAL/A.J._Buckley/*.jpg        a folder a name, blanks as "_"; or vggface

Who has recordings and pictures takes part, as in cmu-mlsp/reconstructing_faces_from_voices@469e249:parse_dataset.py. A
recording and a picture are records of their own, since nothing says that they are of one moment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from benchmark.corpora.corpus import Media
from benchmark.corpora.folder import make_ids
from benchmark.corpora.folder_tree import kind
from benchmark.corpora.manifest import Record
from benchmark.corpora.reading import listing, read_voice, some
from benchmark.corpora.splits import assign
from benchmark.corpora.voxceleb_meta import Person, read_meta
from benchmark.errors import BenchmarkError
from benchmark.media.image import RESIZE, read_image, shrink_square


@dataclass(frozen=True)
class _Side:
    """One modality. `option`: of the reader, naming its folder; `usual`: folders where it says nothing."""

    option: str
    kind: str
    what: str
    usual: tuple[str, ...]


_VOICES = _Side("voices", "sound", "recordings", ("wav", "dev/wav", "test/wav", "voxceleb_wav"))
_FACES = _Side("faces", "picture", "pictures", ("VGG_ALL_FRONTAL", "vggface"))
Files = Mapping[str, Mapping[str, str]]
"""Person's name -> path from the folder of the person on -> path below root."""


class VoxcelebVggfaceCorpus:
    """Reader of VoxCeleb1 and VGGFace. A record is a recording or a picture.

    root: see the module. split: "initial" holds people out by the initial of their name, as Wen et al. (F to Z train, A
        and B validation, C to E test: 924, 112 and 189 people); "all_seen" trains on everybody, as CAE's retrieval must
        have. held_out: which of the two is "unseen" under "initial"; the other is left out. Of whoever is trained on a
        tenth of the recordings and of the pictures is "seen" (`benchmark.corpora.splits`). voices, faces, meta: folders
        and table below root, where they have other names than the module says.
    Pictures are taken as cropped frontal faces, as Wen et al.'s VGG_ALL_FRONTAL: their centred square is shrunk.
    notes (after `records`): who was left out and why, and how many people are on each side.
    """

    name = "voxceleb_vggface"

    def __init__(
        self,
        root: Path,
        seed: int = 0,
        split: Literal["initial", "all_seen"] = "initial",
        held_out: Literal["test", "validation"] = "test",
        voices: str = "",
        faces: str = "",
        meta: str = "vox1_meta.csv",
    ) -> None:
        if split not in ("initial", "all_seen") or held_out not in ("test", "validation"):
            raise BenchmarkError(
                f"split is initial or all_seen, held_out test or validation; got {split!r} and {held_out!r}."
            )
        for option, path in (("voices", voices), ("faces", faces), ("meta", meta)):
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise BenchmarkError(f"{option} = {path!r} leads out of {root}; name what lies below it.")
        self.root = Path(root)
        self.seed = seed
        self.split = split
        self.held_out = held_out
        self.voices = voices
        self.faces = faces
        self.meta = meta
        self.notes: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        voices, faces, _ = self._found
        files = [path for side in (voices, faces) for own in side.values() for path in own.values()]
        return {
            "reader": 1,
            "seed": self.seed,
            "split": self.split if self.split == "all_seen" else [self.split, self.held_out],
            "pictures": RESIZE,
            "people": [astuple(person) for person in self._people],
            "files": listing(self.root, (self.root / path for path in files)),
        }

    def records(self) -> list[Record]:
        voices, faces, notes = self._found
        parts = {"train", self.held_out} if self.split == "initial" else {"train", "validation", "test"}
        people = [person for person in self._people if person.part in parts]
        unseen = [p.name for p in people if p.part == self.held_out] if self.split == "initial" else []
        pieces = [
            (person, own, path, files is voices)
            for person in people
            for files in (voices, faces)
            for own, path in files[person.name].items()
        ]
        names = [str(PurePosixPath(own).with_suffix("")) for _, own, _, _ in pieces]
        records = [
            Record(
                id=id_,
                corpus=self.name,
                speaker=person.name,
                gender=person.gender,
                split="train",
                audio=path if is_voice else None,
                image=None if is_voice else path,
                nationality=person.nationality,
            )
            for id_, (person, _, path, is_voice) in zip(make_ids(names), pieces, strict=True)
        ]
        assignment = assign(records, unseen, self.seed)
        self.notes = [*notes, *assignment.notes, *self._counts(len(people), len(unseen))]
        return assignment.records

    def load(self, record: Record) -> Media:
        if record.audio is not None:
            return Media(wave=read_voice(self.root / record.audio))
        return Media(faces=shrink_square(read_image(self.root / str(record.image)))[None])

    @cached_property
    def _people(self) -> list[Person]:
        """Who has both, in the order of names.

        Raises:
            BenchmarkError: nobody has; or, under "initial", nobody who is to be trained on.
        """
        voices, faces, _ = self._found
        both = sorted((p for p in self._table if p.name in voices and p.name in faces), key=lambda p: p.name)
        if not both:
            raise BenchmarkError(
                f"{self.root}: of the people of {self.meta} {len(voices)} have recordings ({some(voices) or '-'}), "
                f"{len(faces)} have pictures ({some(faces) or '-'}), and nobody has both. Give recordings and "
                "pictures of the same people: folders are joined by VoxCeleb1 ID and VGGFace1 ID."
            )
        if self.split == "initial" and not any(p.part == "train" for p in both):
            raise BenchmarkError(
                f"{self.root}: {some(p.name for p in both)} have recordings and pictures, but nobody whose name begins "
                'with F to Z, so there is nobody to train on. Add people, or set split = "all_seen" below '
                "[corpora.voxceleb_vggface] in a profile of your own."
            )
        return both

    @cached_property
    def _table(self) -> list[Person]:
        if not self.root.is_dir():
            raise BenchmarkError(f"There is no folder {self.root}. Name the one that holds {self.meta}.")
        return read_meta(self.root / self.meta)

    @cached_property
    def _found(self) -> tuple[Files, Files, list[str]]:
        """(recordings, pictures, notes on what was left out)."""
        (voices, notes), (faces, more) = self._scan(_VOICES), self._scan(_FACES)
        notes = notes + more
        for side, own, other, lacking in ((_VOICES, voices, faces, _FACES), (_FACES, faces, voices, _VOICES)):
            alone = sorted(set(own) - set(other))
            if alone:
                notes.append(f"{len(alone)} people have {side.what} but no {lacking.what}, left out: {some(alone)}.")
        return voices, faces, notes

    def _scan(self, side: _Side) -> tuple[Files, list[str]]:
        """The files of one modality by person, and notes.

        Raises:
            BenchmarkError: the folder is not there.
        """
        people = {key: person for person in self._table for key in (person.id, person.name)}
        wanted: str = getattr(self, side.option)
        folders = [self.root / folder for folder in ((wanted,) if wanted else side.usual)]
        if not any(folder.is_dir() for folder in folders):
            places = " or ".join(folder.relative_to(self.root).as_posix() for folder in folders)
            raise BenchmarkError(
                f"{self.root} has no folder {places}. Put the {side.what} there, a folder a person, or name theirs: "
                f'{side.option} = "..." below '
                "[corpora.voxceleb_vggface] in a profile of your own."
            )
        found: dict[str, dict[str, str]] = {}
        strangers, twice = [], []
        for folder in (f for f in folders if f.is_dir()):
            for own in sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")):
                if own.name not in people:
                    strangers.append(own.name)
                    continue
                for path in _files(own, side.kind):
                    name = path.relative_to(folder).as_posix()
                    files = found.setdefault(people[own.name].name, {})
                    if name in files:
                        twice.append(name)
                    files.setdefault(name, path.relative_to(self.root).as_posix())
        notes = []
        if strangers:
            notes.append(f"{len(strangers)} folders of {side.what} are of nobody in {self.meta}: {some(strangers)}.")
        if twice:
            notes.append(f"{len(twice)} {side.what} lie in two folders, and are read from the first: {some(twice)}.")
        return found, notes

    def _counts(self, people: int, unseen: int) -> list[str]:
        if self.split == "all_seen":
            told = f"{people} people, all trained on; CAE has 1,225."
        else:
            told = (
                f"Split by initial: {people - unseen} people to train on (F to Z), {unseen} unseen ({self.held_out}), "
                f"{len(self._people) - people} left out. Counts of the papers: 924 train, 112 validation, 189 test."
            )
        return [
            told,
            "Pictures are taken as cropped frontal faces: no face is looked for, their centred square is shrunk.",
        ]


def _files(folder: Path, wanted: str) -> Iterator[Path]:
    """Files of a kind below a folder, sorted, hidden ones left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and kind(name) == wanted:
                yield Path(place) / name
