import hashlib

import numpy as np
import pytest

from benchmark.corpora.pocket.pools import POOLS
from benchmark.corpora.pocket.sentences import (
    GRAMMAR,
    HEIRS,
    SHARERS,
    SILENT,
    SPEAKERS,
    all_sentences,
    pool_of,
    pool_sentences,
    spoken,
)
from benchmark.errors import BenchmarkError


def test_grammar_has_64000_sentences_of_six_words() -> None:
    sentences = list(all_sentences())
    assert len(sentences) == len(set(sentences)) == 64_000
    assert all(len(s.split()) == 6 for s in sentences)
    assert "w" not in GRAMMAR[3]


def test_every_sentence_belongs_to_one_pool_alone() -> None:
    lists = {name: pool_sentences(name) for name in SPEAKERS}
    together = [s for sentences in lists.values() for s in sentences]
    assert sorted(together) == sorted(all_sentences())
    for name, sentences in lists.items():
        assert {pool_of(s) for s in sentences} == {name}


SPEAKING = [name for name, pool in POOLS.items() if "audio" in pool.modalities]


def test_pools_that_were_added_changed_nobody_elses_sentences() -> None:
    """The first six are dealt to by the first eight bytes of the hash alone; what came later shares a silent one's."""
    for sentence in list(all_sentences())[::7]:
        first = SHARERS[int.from_bytes(hashlib.sha256(sentence.encode()).digest()[:8], "big") % 6]
        assert pool_of(sentence) == first if first != SILENT else pool_of(sentence) in HEIRS
    assert "audio" not in POOLS[SILENT].modalities
    assert set(SPEAKING) == set(SPEAKERS)


@pytest.mark.parametrize("name", SPEAKING)
def test_a_pool_has_sentences_for_all_its_recordings_and_all_words(name: str) -> None:
    sentences = pool_sentences(name)
    assert len(sentences) > 1.9 * POOLS[name].size
    for place, words in enumerate(GRAMMAR):
        assert {s.split()[place] for s in sentences} == set(words)


def test_drawn_sentences_differ_and_follow_the_generator() -> None:
    drawn = pool_sentences("pocket_av", 500, np.random.default_rng(1))
    assert len(set(drawn)) == 500
    assert set(drawn) <= set(pool_sentences("pocket_av"))
    assert drawn == pool_sentences("pocket_av", 500, np.random.default_rng(1))
    assert drawn != pool_sentences("pocket_av", 500, np.random.default_rng(2))


def test_the_letter_a_is_no_article() -> None:
    assert spoken("bin blue at a two again") == "bin blue at eh two again"
    assert spoken("place white at b nine again") == "place white at b nine again"


def test_unknown_pool() -> None:
    with pytest.raises(BenchmarkError, match="pocket_av"):
        pool_sentences("pocket_ave")
