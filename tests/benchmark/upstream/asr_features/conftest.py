"""A small store of the pool that networks inside training losses learn from, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.prepare import derive, prepare
from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """8 training people and 8 unseen ones of `pocket_upstream`, seed 5."""
    cache: Path = tmp_path_factory.mktemp("cache")
    corpus = PocketCorpus(seed=5, pool="pocket_upstream", scale=0.01)
    store = prepare(corpus, jobs=1, cache=cache, progress=False)
    for key in ("mel80", "text"):
        derive(store, feature(key), 1)
    return store
