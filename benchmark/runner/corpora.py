"""From a corpus's name to its prepared store, with the features that a training needs."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.corpora.prepare import derive, prepare
from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from benchmark.registry import find
from benchmark.settings import Profile, check
from benchmark.system import Trainable


def open_store(name: str, root: Path | None, profile: Profile, seed: int, jobs: int | None = None) -> Store:
    """The store of a corpus, prepared now if it is not there yet.

    Raises:
        BenchmarkError: an option of the profile that the reader does not have; whatever reading the corpus raises.
    """
    reader: Any = find("corpora", name).load()
    options = dict(profile.corpora.get(name, {}))
    known = set(inspect.signature(reader).parameters) - {"root", "seed", "pool"}
    check(options, typing.get_type_hints(reader.__init__), f"profile {profile.name}, corpora.{name}", known)
    if name.startswith("pocket_"):
        options["pool"] = name
    return prepare(reader(root, seed, **options), jobs=jobs)


def derive_wanted(trained: Trainable, stores: Sequence[Store], jobs: int | None = None) -> None:
    """Compute, where it is not there yet, every feature that the draws of `trained` name."""
    wanted = {f for draw in trained.draws().values() for pick in draw.columns.values() for f in pick.features}
    for store in stores:
        for key in sorted(wanted):
            derive(store, feature(key), jobs)
