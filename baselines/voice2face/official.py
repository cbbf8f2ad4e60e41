"""The authors' generator, read into ours (cmu-mlsp/reconstructing_faces_from_voices@469e249:network.py)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from baselines.voice2face.networks import Generator
from benchmark.errors import BenchmarkError
from benchmark.weights.reading import read_weights

WEIGHTS = "wen2019/generator.pth"
"""Entry of weights.toml."""


@torch.no_grad()
def load_generator(path: Path, generator: Generator) -> None:
    """Fill a generator of the official sizes with `pretrained_models/generator.pth`, whole or not at all.

    The layers stand in the same order under `model` there and under `layers` here.

    Raises:
        BenchmarkError: no such file, a tensor missing, unknown or of another shape.
    """
    file: Any = read_weights(path)
    given = file if isinstance(file, Mapping) else {}
    expected = {name.replace("layers.", "model.", 1): value for name, value in generator.state_dict().items()}
    for name in sorted(expected.keys() | {str(key) for key in given}):
        ours, theirs = (tuple(state[name].shape) if name in state else "absent" for state in (expected, given))
        if ours != theirs:
            raise BenchmarkError(
                f"{path} does not fit the generator of voice2face: {name} is {theirs}, expected {ours}. Give "
                "pretrained_models/generator.pth of cmu-mlsp/reconstructing_faces_from_voices."
            )
    for name, tensor in expected.items():
        tensor.copy_(given[name])
