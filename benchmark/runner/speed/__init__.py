"""The suite against the reference implementations: same files, same numbers, one run, as ratios.

A comparison is one function in one module of this folder and one line of `comparisons`. It is given a folder of files
and gives two sides; what a side constructs before it is called (networks) is not timed, reading the files is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from benchmark.runner.speed import cae_batching, fid_features, frechet, lpips, nisqa, spksim, starganv2_vc, wer
from benchmark.runner.speed.measure import Comparison

Files = Literal["clips", "batch", "pictures", "pairs", "features"]


@dataclass(frozen=True)
class Entry:
    """How a comparison is built (which imports the peer), and what files it reads."""

    build: Callable[[], Comparison]
    files: Files


def comparisons(model: str = "pocket", official: Path | None = None) -> Mapping[str, Entry]:
    """By row name. `model`: the recogniser of `wer`. `official`: a checkout that `train:starganv2_vc` runs."""
    return {
        "nisqa": Entry(nisqa.default_batch, "clips"),
        "nisqa:best-batch": Entry(nisqa.best_batch, "clips"),
        "spksim": Entry(spksim.spksim, "clips"),
        "wer": Entry(partial(wer.wer, model), "clips"),
        "lpips": Entry(lpips.lpips, "pictures"),
        "frechet": Entry(frechet.frechet, "features"),
        "fid_features": Entry(fid_features.fid_features, "pictures"),
        "cae_batching": Entry(cae_batching.batching, "pairs"),
        "train:starganv2_vc": Entry(partial(starganv2_vc.training, official), "batch"),
    }
