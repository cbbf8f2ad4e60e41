"""One look at every distinct picture: decoded once for all networks, kept as vectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.media.image import read_image
from benchmark.threads import in_parallel
from protocols.media_scores import content_of
from protocols.vision import NETWORKS, Face, of_one_size


@dataclass
class Seen:
    """What is kept of a picture; the picture itself is not.

    pixels: (height, width). features: network -> (d,) float32. face: by the embedded judge. by: networks that saw it.
    """

    pixels: tuple[int, int]
    features: dict[str, np.ndarray] = field(default_factory=dict)
    face: Face | None = None
    by: set[str] = field(default_factory=set)


class Looking:
    """Looks at files; equal contents are looked at once, whatever the files are called.

    mapping: networks whose maps are wanted of some. Maps are large (half a megabyte a picture) and kept from one call
    to the next alone.
    """

    def __init__(self, mapping: Collection[str] = ()) -> None:
        self._mapping = frozenset(mapping)
        self._maps: dict[tuple[str, str], list[Tensor]] = {}
        self._contents: dict[Path, str] = {}
        self._seen: dict[str, Seen | BenchmarkError] = {}

    def __call__(
        self, asked: Mapping[Path, Collection[str]], mapped: Collection[Path] = ()
    ) -> dict[Path, Seen | BenchmarkError]:
        """Path -> what was seen, or why nothing.

        Args:
            asked: path -> names of networks that are to look at it.
            mapped: the paths whose maps are wanted too. For them a picture of an earlier call is decoded again.
        """
        self._maps = {}
        wanted: dict[str, set[str]] = defaultdict(set)
        paths: dict[str, Path] = {}
        contents = dict(zip(asked, in_parallel(self._content, asked), strict=True))
        for path, content in contents.items():
            wanted[content] |= self._missing(content, asked[path], path in mapped)
            paths.setdefault(content, path)
        fresh = [content for content, names in wanted.items() if names]
        pictures: dict[str, np.ndarray] = {}
        for content, got in zip(fresh, in_parallel(_attempt, [paths[c] for c in fresh]), strict=True):
            if isinstance(got, BenchmarkError):
                self._seen[content] = got
            else:
                pictures[content] = got
                self._seen.setdefault(content, Seen(got.shape[:2]))
        for name in dict.fromkeys(name for names in asked.values() for name in names):
            self._look(name, {c: p for c, p in pictures.items() if name in wanted[c]})
        return {path: self._seen[content] for path, content in contents.items()}

    def maps(self, path: Path, name: str) -> list[Tensor]:
        """The layers (C, h, w) of a network of a file that was among the `mapped` of the last call.

        Raises:
            BenchmarkError: the picture is too small for this network.
        """
        content = self._contents[path]
        if (content, name) not in self._maps:
            raise BenchmarkError(f"{path}: too small a picture for the network {name}.")
        return self._maps[content, name]

    def _missing(self, content: str, names: Collection[str], mapped: bool) -> set[str]:
        seen = self._seen.get(content)
        if isinstance(seen, BenchmarkError):
            return set()
        there = set() if seen is None else seen.by - (self._mapping if mapped else set())
        return set(names) - there

    def _look(self, name: str, pictures: Mapping[str, np.ndarray]) -> None:
        contents, data = list(pictures), list(pictures.values())
        for same in of_one_size(data):
            found = NETWORKS[name].look([data[i] for i in same], 0)
            for i, content in enumerate(contents[place] for place in same):
                seen = self._seen[content]
                assert isinstance(seen, Seen)
                seen.by.add(name)
                if found.features is not None:
                    seen.features[name] = found.features[i]
                if found.faces:
                    seen.face = found.faces[i]
                if found.maps and name in self._mapping:
                    self._maps[content, name] = [layer[i] for layer in found.maps]

    def _content(self, path: Path) -> str:
        return content_of(path, self._contents, self._seen)


def _attempt(path: Path) -> np.ndarray | BenchmarkError:
    try:
        return read_image(path)
    except BenchmarkError as error:
        return error
