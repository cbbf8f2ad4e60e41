"""What the embedded corpus says: GRID's grammar, 64,000 sentences, each belonging to one pool alone.

Source: Cooke, Barker, Cunningham and Shao, "An audio-visual corpus for speech perception and automatic speech
recognition", JASA 120 (2006), table I: command, colour, preposition, letter (no w), digit, adverb.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np

from benchmark.errors import unknown

GRAMMAR: tuple[tuple[str, ...], ...] = (
    ("bin", "lay", "place", "set"),
    ("blue", "green", "red", "white"),
    ("at", "by", "in", "with"),
    tuple("abcdefghijklmnopqrstuvxyz"),
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("again", "now", "please", "soon"),
)

SHARERS = ("pocket_av", "pocket_av_many", "pocket_faces", "pocket_voices", "pocket_upstream", "pocket_judges")
"""Pools that the sentences are dealt out to. A pool that is added must not change what others say."""
SILENT, HEIRS = "pocket_faces", ("pocket_judge_pairs", "pocket_upstream_pairs")
"""The one of them that says nothing, and the later pools that its share is dealt on to."""
SPEAKERS = (*(name for name in SHARERS if name != SILENT), *HEIRS)


def all_sentences() -> Iterator[str]:
    """The 64,000 sentences, words separated by one space, in the order of the grammar."""
    return (" ".join(words) for words in product(*GRAMMAR))


def pool_of(sentence: str) -> str:
    """The one pool that may say a sentence: a hash decides, so that no list has to be kept."""
    digest = hashlib.sha256(sentence.encode()).digest()
    pool = SHARERS[int.from_bytes(digest[:8], "big") % len(SHARERS)]
    return HEIRS[int.from_bytes(digest[8:16], "big") % len(HEIRS)] if pool == SILENT else pool


@cache
def _by_pool() -> dict[str, tuple[str, ...]]:
    lists: dict[str, list[str]] = {name: [] for name in SPEAKERS}
    for sentence in all_sentences():
        lists[pool_of(sentence)].append(sentence)
    return {name: tuple(sentences) for name, sentences in lists.items()}


def pool_sentences(pool: str, count: int | None = None, generator: np.random.Generator | None = None) -> list[str]:
    """Sentences of a pool: all of them, or `count` different ones drawn by `generator`.

    There are about 10,600; of `HEIRS` half as many.

    Raises:
        BenchmarkError: no such pool, or one that says nothing.
        ValueError: `count` exceeds the list (numpy's message).
    """
    if pool not in SPEAKERS:
        raise unknown("pool with sentences", pool, SPEAKERS)
    sentences = _by_pool()[pool]
    if count is None or generator is None:
        return list(sentences)
    return [sentences[i] for i in generator.choice(len(sentences), count, replace=False)]


def spoken(sentence: str) -> str:
    """The sentence as a synthesiser must see it: the letter a would be read as the article."""
    return " ".join("eh" if word == "a" else word for word in sentence.split())
