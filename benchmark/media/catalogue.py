"""Every feature of the suite by its store key."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.errors import unknown
from benchmark.media.audio import WAVE16K, WAVE24K
from benchmark.media.f0 import F0
from benchmark.media.features import Feature
from benchmark.media.image import FACE128
from benchmark.media.mel import MEL80
from benchmark.media.mel64 import MEL64
from benchmark.media.mel128 import MEL128
from benchmark.media.mel326 import MEL326
from benchmark.media.mel512 import MEL512
from benchmark.media.resynthesis import RESYNTH16K
from benchmark.media.text import TEXT

FEATURES: Mapping[str, Feature] = {
    f.name: f for f in (WAVE24K, WAVE16K, MEL80, MEL512, MEL326, MEL64, MEL128, F0, FACE128, TEXT, RESYNTH16K)
}


def feature(name: str) -> Feature:
    """The feature of that store key.

    Raises:
        BenchmarkError: no such feature; the message suggests the nearest names.
    """
    if name not in FEATURES:
        raise unknown("feature", name, FEATURES)
    return FEATURES[name]
