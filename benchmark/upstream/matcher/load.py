"""The shipped judges of voices with faces."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from safetensors.torch import load_file

from benchmark import weights
from benchmark.media.mel64 import MEL64
from benchmark.upstream.matcher.network import Matcher
from benchmark.upstream.mel import check_mel, recorded_mel

WEIGHTS = "pocket/matcher.safetensors"
"""The first one's entry in weights.toml; the record of each lies beside it as .json."""
JUDGES = (WEIGHTS, "pocket/matcher_1.safetensors", "pocket/matcher_2.safetensors")
"""Three trainings by one recipe: seeds 0, 1 and 2, each on people of its own."""


@lru_cache
def matcher(file: str) -> Matcher:
    """One of `JUDGES` on the CPU, float32, in eval mode, without gradients; one object for all.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`, or a network of another mel.
    """
    path = weights.get(file)
    check_mel(recorded_mel(path), MEL64, path, "Train it again: python -m benchmark upstream matcher --seed N, 0 to 2")
    return load(path)


def load(path: Path) -> Matcher:
    """The network of a file that `recipe.RECIPE` made, as `matcher` gives it; its mel is not asked for."""
    network = Matcher()
    network.load_state_dict(load_file(path))
    return network.eval().requires_grad_(False)
