"""The shipped judge of faces, ready to judge."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from benchmark import weights
from benchmark.media.image import resized
from benchmark.upstream.face_judge.network import SIZE, FaceJudge

WEIGHTS = "pocket/face_judge.safetensors"
"""Its entry in weights.toml; its record lies beside it as .json."""


@lru_cache(maxsize=2)
def face_judge(device: str = "cpu") -> FaceJudge:
    """The shipped network on that device, float32, in eval mode, without gradients; one object for all.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`.
    """
    return load(weights.get(WEIGHTS)).to(device)


def load(path: Path) -> FaceJudge:
    """The network of a weight file that `recipe.RECIPE` made, on the CPU, in eval mode, without gradients."""
    network = FaceJudge()
    network.load_state_dict(load_file(path))
    return network.eval().requires_grad_(False)


def judged_size(pictures: Tensor) -> Tensor:
    """(B, 3, H, H) -> (B, 3, 64, 64), the size that the judge knows."""
    return resized(pictures, SIZE)
