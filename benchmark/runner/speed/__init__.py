"""The suite against the reference implementations: same files, same numbers, one run, as ratios.

A comparison is one function in one module of this folder and one line of `comparisons`. It is given a folder of clips
and gives two sides; what a side constructs before it is called (networks) is not timed, reading the files is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from benchmark.runner.speed import nisqa, spksim, wer
from benchmark.runner.speed.measure import Comparison


def comparisons(model: str = "pocket") -> Mapping[str, Callable[[], Comparison]]:
    """Row name -> how to build it; building imports the peer. `model`: the recogniser of `wer`."""
    return {
        "nisqa": nisqa.default_batch,
        "nisqa:best-batch": nisqa.best_batch,
        "spksim": spksim.spksim,
        "wer": partial(wer.wer, model),
    }
