"""CelebA-HQ: 30,000 aligned faces of 1024 px (Karras et al., ICLR 2018), as StarGANv2's download unpacks them:

    {train,val}/{female,male}/NNNNNN.jpg (or .png)

NNNNNN is the picture's number in CelebA. CelebAMask-HQ has the same pictures under other numbers (0 to 29999, no
split, no gender folders): the two numberings must not be mixed, and only this one is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.corpora.corpus import Media
from benchmark.corpora.manifest import Record, Split
from benchmark.corpora.reading import listing, some
from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.image import RESIZE, read_image, shrink_square

_SPLITS: Mapping[str, Split] = {"train": "train", "val": "unseen"}
_GENDERS = {"female": 0, "male": 1}
_NAME = re.compile(r"(\d+)\.(jpe?g|png)", re.IGNORECASE)


class CelebaHqCorpus:
    """Reader of a CelebA-HQ folder. Every record is a picture, and every picture a speaker of its own.

    The split is the set's: `train` is train, `val` is unseen; the seed decides nothing. Pictures are aligned already,
    and only shrunk to 128 px by `benchmark.media.image.shrink_square`.
    notes (after `records`): what a reader of the results should know.
    """

    name = "celeba_hq"

    def __init__(self, root: Path, seed: int = 0) -> None:
        self.root = Path(root)
        self.notes: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        return {"reader": 1, "resize": RESIZE, "files": listing(self.root, self._pictures)}

    def records(self) -> list[Record]:
        self.notes = ["CelebA-HQ labels no identities: every picture counts as a person of its own, and is not one."]
        if any(len(path.stem) != 6 for path in self._pictures):
            self.notes.append("Not all numbers have six digits: those of CelebAMask-HQ are not those of CelebA.")
        return [
            Record(
                id=path.stem,
                corpus=self.name,
                speaker=path.stem,
                gender=_GENDERS[path.parent.name],
                split=_SPLITS[path.parent.parent.name],
                image=path.relative_to(self.root).as_posix(),
            )
            for path in self._pictures
        ]

    def load(self, record: Record) -> Media:
        image = read_image(self.root / str(record.image))
        height, width = image.shape[:2]
        if height != width:
            raise UnreadableMedia(f"{record.image}: {width}x{height} pixels; the pictures of CelebA-HQ are square.")
        return Media(faces=shrink_square(image)[None])

    @cached_property
    def _pictures(self) -> list[Path]:
        """All pictures in the order of folders and numbers.

        Raises:
            BenchmarkError: a folder is missing or empty; a number occurs twice.
        """
        folders = [self.root / split / gender for split in _SPLITS for gender in _GENDERS]
        found = {folder: sorted(p for p in folder.glob("*") if _NAME.fullmatch(p.name)) for folder in folders}
        empty = [folder.relative_to(self.root).as_posix() for folder, paths in found.items() if not paths]
        if empty:
            raise BenchmarkError(
                f"{self.root} lacks numbered pictures in {', '.join(empty)}: expected {{train,val}}/{{female,male}}/"
                "NNNNNN.jpg, the layout of StarGANv2's celeba_hq. CelebAMask-HQ (CelebA-HQ-img/) has no such split."
            )
        pictures = [path for paths in found.values() for path in paths]
        places: dict[str, Path] = {}
        for path in pictures:
            other = places.setdefault(path.stem, path)
            if other != path:
                both = some(p.relative_to(self.root).as_posix() for p in (other, path))
                raise BenchmarkError(f"{self.root}: one number twice, {both}. Remove the one that is wrong.")
        return pictures
