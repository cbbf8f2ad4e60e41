"""A small store of the judges' pool of faces, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.prepare import prepare
from benchmark.corpora.prepared import Store


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """8 training people with 7 pictures each and 8 unseen ones with 6, seed 5."""
    cache: Path = tmp_path_factory.mktemp("cache")
    corpus = PocketCorpus(seed=5, pool="pocket_judge_faces", scale=0.001)
    return prepare(corpus, jobs=1, cache=cache, progress=False)
