"""The normaliser of transcripts: what of a text counts as a word is part of the metric's key."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.media.text import NORMALISER, TEXT, normalise


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("However, the following year the cancer returned.", "however the following year the cancer returned"),
        ("Six spoons of fresh snow peas)", "six spoons of fresh snow peas"),  # the stray sign of VCTK's p259_023
        ("Please call Stella.\r\n", "please call stella"),
        ("We\u2019re n\u2019t `quoting' don't", "we're n't quoting don't"),
        ("rock 'n' roll's 'best'", "rock n roll's best"),
        ("don\u00b4t, \u0149", "don't n"),  # an accent typed for an apostrophe; a letter that NFKC writes with one
        ("up-to-date\u2014really?!  yes", "up to date really yes"),
        ("\ufb01re at 10.5%", "fire at 10 5"),
        ("snake_case", "snake case"),
        ("bin blue at a zero again", "bin blue at a zero again"),
        (" \t", ""),
        ("...", ""),
        ("\u00c9COLE", "\u00e9cole"),
    ],
)
def test_words(text: str, words: str) -> None:
    assert normalise(text) == words


@given(st.text())
def test_idempotent_and_one_blank_between_words(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == " ".join(once.split())
    assert not set(once) & set(',.;:!?"()[]_-\n\t')


def test_another_rule_needs_another_name() -> None:
    """These rules are "en1": a change of the words above belongs under a new name, or old results would lie."""
    assert NORMALISER == "en1"


def test_text_feature_is_the_normalised_bytes_padded_with_nothing() -> None:
    assert TEXT.compute is not None
    rows = TEXT.compute(np.frombuffer(b"Lay BLUE, now!", np.uint8))
    assert bytes(rows).decode() == "lay blue now"
    assert len(TEXT.compute(np.zeros(0, np.uint8))) == 0
    assert TEXT.batch(torch.from_numpy(rows.copy())[None]).dtype == torch.int64
