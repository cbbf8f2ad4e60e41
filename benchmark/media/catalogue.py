"""Every feature of the suite by its store key."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.errors import unknown
from benchmark.media.features import Feature

FEATURES: Mapping[str, Feature] = {}


def feature(name: str) -> Feature:
    """The feature of that store key.

    Raises:
        BenchmarkError: no such feature; the message suggests the nearest names.
    """
    if name not in FEATURES:
        raise unknown("feature", name, FEATURES)
    return FEATURES[name]
