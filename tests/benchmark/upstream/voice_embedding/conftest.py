"""A small store of a pool of pairs, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.prepare import derive, prepare
from benchmark.corpora.prepared import Store
from benchmark.media.mel64 import MEL64


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """8 training people with 3 + 1 recordings each and 8 unseen ones with 3, one picture a recording, seed 5."""
    cache: Path = tmp_path_factory.mktemp("cache")
    corpus = PocketCorpus(seed=5, pool="pocket_upstream_pairs", frames_per_clip=1, scale=0.01)
    store = prepare(corpus, jobs=1, cache=cache, progress=False)
    derive(store, MEL64, jobs=1, progress=False)
    return store
