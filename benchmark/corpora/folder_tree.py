"""What a tree of speaker folders holds: files of one moment put together, people and genders by their folders."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmark.corpora.manifest import Split
from benchmark.corpora.reading import natural, read_text, some
from benchmark.errors import BenchmarkError

_EXTENSIONS = {
    "sound": "wav flac ogg oga opus mp3 aif aiff aifc au snd caf w64 rf64 sph",
    "picture": "jpg jpeg png bmp webp tif tiff",
    "video": "mp4 mpg mpeg avi mov mkv webm",
    "text": "txt",
}
_KINDS = {extension: kind for kind, names in _EXTENSIONS.items() for extension in names.split()}
GENDERS = {"female": 0, "f": 0, "male": 1, "m": 1}


@dataclass(frozen=True)
class Item:
    """A record to be. `name`: what its id is made from. `audio`, `image`: paths below the root, one of them at least;
    a video may be either or both. `split`: None where the reader is to decide."""

    name: str
    speaker: str
    gender: int | None
    audio: str | None
    image: str | None
    transcript: str | None = None
    split: Split | None = None


def kind(path: str | PurePosixPath) -> str | None:
    """What a file is by its extension in any case: "sound", "picture", "video" or "text"; None for any other."""
    return _KINDS.get(PurePosixPath(path).suffix[1:].lower())


def scan_tree(root: Path) -> tuple[list[Item], list[str]]:
    """The items below ROOT/<speaker>/ and ROOT/<gender>/<speaker>/ in natural order, and notes on what was left out.

    Raises:
        BenchmarkError: a gender folder below a speaker folder.
    """
    items: list[Item] = []
    notes: list[str] = []
    people: dict[tuple[str, int | None], list[PurePosixPath]] = defaultdict(list)
    alone = 0
    odd = []
    for path in _files(root):
        if any("\ud800" <= letter <= "\udfff" for letter in str(path)):  # bytes that are no UTF-8
            odd.append(ascii(str(path)))
            continue
        top, *below = path.parts[:-1] or ("",)
        gender = GENDERS.get(top.lower())
        if gender is None and below and below[0].lower() in ("female", "male"):
            raise BenchmarkError(
                f"{root}: {top}/{below[0]} is a gender folder below {top!r}. Expected ROOT/<gender>/<speaker>/... or "
                "ROOT/<speaker>/...; describe any other layout by a records.csv (docs/corpora.md)."
            )
        if gender is None:
            people[top, None].append(path)
        elif below:
            people[below[0], gender].append(path)
        else:
            people[f"{top}/{path.stem}", gender].append(path)
            alone += 1
    if stray := people.pop(("", None), None):
        notes.append(f"Left out, because no speaker's folder holds them: {some(map(str, stray))}.")
    if odd:
        notes.append(f"Left out, because their names are no UTF-8: {some(odd)}.")
    if alone:
        notes.append(f"{alone} files lie in a gender folder itself; there every name counts as a speaker of its own.")
    for (speaker, gender), files in sorted(people.items(), key=lambda p: natural(p[0][0])):
        for group in _moments(files):
            item, spare = _item(root, speaker, gender, group)
            if item:
                items.append(item)
                if spare:
                    notes.append(f"Left out, because {item.name} has one of its kind: {some(map(str, spare))}.")
    return items, notes


def _files(root: Path) -> Iterator[PurePosixPath]:
    """Files of a known kind below root, sorted, hidden ones and those of macOS archives left out.

    Links are followed, but no folder is entered twice: a loop would not end, and a recording found by two ways would
    be trained on and tested.
    """
    entered: set[str] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__MACOSX")
        for name in sorted(names, key=natural):
            if not name.startswith(".") and kind(name):
                yield PurePosixPath((Path(folder) / name).relative_to(root).as_posix())


def _moments(files: Sequence[PurePosixPath]) -> Iterator[list[PurePosixPath]]:
    """Files of one speaker that belong together: of one stem, and in one folder where a stem comes more than once."""
    stems: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path in files:
        stems[path.stem].append(path)
    for group in stems.values():
        if max(Counter(map(kind, group)).values()) == 1:
            yield group
        else:
            folders: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
            for path in group:
                folders[path.parent].append(path)
            yield from folders.values()


def _item(
    root: Path, speaker: str, gender: int | None, group: Sequence[PurePosixPath]
) -> tuple[Item | None, list[PurePosixPath]]:
    """The item of a moment, None if it is text alone, and files of which it has another of the same kind."""
    first: dict[str, PurePosixPath] = {}
    for path in group:
        first.setdefault(str(kind(path)), path)
    spare = [path for path in group if path not in first.values()]
    audio, image = first.get("sound", first.get("video")), first.get("picture", first.get("video"))
    main = audio or image
    if main is None:
        return None, []
    below = main.with_suffix("").parts
    own = below[below.index(speaker) :] if speaker in below else below
    item = Item(
        "/".join(own),
        speaker,
        gender,
        audio=str(audio) if audio else None,
        image=str(image) if image else None,
        transcript=read_text(root / first["text"]) if "text" in first else None,
    )
    return item, spare
