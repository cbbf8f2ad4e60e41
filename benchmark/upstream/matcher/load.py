"""The shipped judge of voices with faces."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Literal

from safetensors.torch import load_file

from benchmark import weights
from benchmark.upstream.matcher.network import Matcher
from benchmark.upstream.voice_embedding.load import check_mel

WEIGHTS = "pocket/matcher.safetensors"
"""Its entry in weights.toml; its record lies beside it as .json."""


@lru_cache(maxsize=1)
def matcher(which: Literal["pocket"] = "pocket") -> Matcher:
    """The network on the CPU, float32, in eval mode, without gradients; one object for all.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`, or a network of another mel.
    """
    path = weights.get(WEIGHTS)
    check_mel(str(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")).get("mel")), path)
    return load(path)


def load(path: Path) -> Matcher:
    """The network of a file that `recipe.RECIPE` made, as `matcher` gives it; its mel is not asked for."""
    network = Matcher()
    network.load_state_dict(load_file(path))
    return network.eval().requires_grad_(False)
