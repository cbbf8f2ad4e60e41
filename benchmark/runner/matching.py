"""What a matcher of voices with faces is worth: the shipped one on people it never met, or a given one's embeddings."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmark.corpora.prepare import derive
from benchmark.errors import BenchmarkError
from benchmark.media.mel64 import MEL64
from benchmark.registry import find
from benchmark.runner.corpora import open_store
from benchmark.settings import Profile
from benchmark.upstream.matcher.evaluate import faces_of
from benchmark.upstream.matcher.load import WEIGHTS, matcher
from benchmark.upstream.recipe import Recipe
from benchmark.upstream.voice_embedding.evaluate import embedded, heard_rows
from protocols.matching import Side

_KINDS, _WHAT = ("voice", "face"), ("speakers", "genders")


def shipped_sides(jobs: int | None = None) -> tuple[Side, Side]:
    """Voices and faces of the people whom the shipped matcher never met: 300 recordings, 600 pictures of 100 people.

    Args:
        jobs: worker processes of preparing the pool of that network, where it is not prepared yet.

    Raises:
        BenchmarkError: as `benchmark.upstream.matcher.load.matcher`.
    """
    network = matcher(WEIGHTS)
    recipe: Recipe = find("upstream", "matcher").load()
    store = open_store(recipe.corpus, None, Profile("recipe"), 0, jobs)
    derive(store, MEL64, jobs)
    heard = heard_rows(store, "unseen")
    faces, seen = faces_of(network, store, heard)
    speaker, gender = store.index["speaker"], store.index["gender"]
    voices = embedded(network.listen, store, heard)
    return Side(voices, speaker[heard], gender[heard]), Side(faces, speaker[seen], gender[seen])


def given_sides(path: Path) -> tuple[Side, Side]:
    """Voices and faces of an .npz: `voices` (N, E) and `faces` (M, E), finite; `voice_speakers` (N,), `face_speakers`
    (M,), names or numbers; `voice_genders`, `face_genders`, likewise one for each.

    Raises:
        BenchmarkError: no such file or none of numpy's, an array missing, of another shape, not finite; people whose
            genders differ between their items.
    """
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("it holds one array without a name")
        with file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BenchmarkError(f"{path} is no .npz of numbers and names ({error}).") from error
    wanted = [name for kind in _KINDS for name in (f"{kind}s", *(f"{kind}_{what}" for what in _WHAT))]
    if missing := [name for name in wanted if name not in arrays]:
        raise BenchmarkError(
            f"{path} has no array {', '.join(missing)}; it has {', '.join(arrays) or 'none'}. See `matching --help`."
        )
    for kind in _KINDS:
        _check(path, kind, arrays)
    names, genders = (np.concatenate([arrays[f"{kind}_{what}"].astype(str) for kind in _KINDS]) for what in _WHAT)
    people, speaker = np.unique(names, return_inverse=True)
    gender = np.unique(genders, return_inverse=True)[1]
    if len(np.unique(np.stack([speaker, gender], 1), axis=0)) > len(people):
        raise BenchmarkError(f"{path}: somebody has items of two genders.")
    n = len(arrays["voices"])
    return (
        Side(arrays["voices"].astype(np.float64), speaker[:n], gender[:n]),
        Side(arrays["faces"].astype(np.float64), speaker[n:], gender[n:]),
    )


def _check(path: Path, kind: str, arrays: Mapping[str, np.ndarray]) -> None:
    """The arrays of one side: of the shape and kind that is asked for."""
    items = arrays[f"{kind}s"]
    numbers = items.ndim == 2 and len(items) and np.issubdtype(items.dtype, np.number) and np.isfinite(items).all()
    if not numbers or items.shape[1:] != arrays["voices"].shape[1:]:
        raise BenchmarkError(
            f"{path}: {kind}s is {items.shape} of {items.dtype}; finite numbers, please, a row an item and all rows of "
            "both sides of one length."
        )
    for name in (f"{kind}_{what}" for what in _WHAT):
        if arrays[name].shape != items.shape[:1]:
            raise BenchmarkError(
                f"{path}: {name} is {arrays[name].shape}; one for each of the {len(items)} {kind}s, please."
            )
