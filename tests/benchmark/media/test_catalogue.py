"""The catalogue: every feature under its own key, every chain ending in something a corpus decodes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import FEATURES, feature
from benchmark.media.features import TRANSCRIPT


def test_keys_are_names() -> None:
    assert set(FEATURES) >= {"wave24k", "wave16k", "mel80", "mel512", "face128"}
    for name, entry in FEATURES.items():
        assert feature(name) is entry
        assert entry.name == name


def test_hashes_tell_features_apart() -> None:
    assert len({f.hash for f in FEATURES.values()}) == len(FEATURES)
    for entry in FEATURES.values():
        json.dumps(entry.spec)
        np.dtype(entry.dtype)


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_every_chain_ends_in_a_decoded_feature_or_the_transcript(name: str) -> None:
    entry = FEATURES[name]
    assert (entry.source is None) == (entry.compute is None)
    if entry.source == TRANSCRIPT:
        assert entry.rate is None, "no crop of a text belongs to a crop of its sound"
    elif entry.source is not None:
        source = feature(entry.source)
        assert source.source is None
        assert source.modality == entry.modality
        assert entry.spec["source"] == source.hash, "a change of the source must change the derived feature's hash"


@pytest.mark.parametrize("name", sorted(k for k, f in FEATURES.items() if f.source == "wave24k"))
def test_derived_rows_have_the_declared_form(name: str) -> None:
    entry = FEATURES[name]
    assert entry.compute is not None
    assert entry.rate is not None
    rows = (8000 * np.sin(np.arange(24000) / 9)).astype(np.int16)
    derived = entry.compute(rows)
    assert derived.dtype == np.float32
    assert derived.shape[1:] == entry.tail
    if entry.short == "silence":  # a feature that repeats records has cut silence out of them
        assert abs(len(derived) - entry.rate) <= 1
    else:
        assert len(derived) <= entry.rate


def test_an_unknown_feature_is_answered_with_the_nearest() -> None:
    with pytest.raises(BenchmarkError, match=r"Did you mean.*mel80"):
        feature("mel8")
