"""The shipped face embedding, ready to be asked."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file

from benchmark import weights
from benchmark.upstream.face_embedding.network import FaceTrunk, FaceTrunkSettings

WEIGHTS = "pocket/face_embedding.safetensors"
"""Its entry in weights.toml; its record lies beside it as .json."""
POCKET = FaceTrunkSettings(widths=(8, 16, 32, 64, 128))
"""The shipped network: 229,328 parameters."""


def face_embedding() -> FaceTrunk:
    """The network on the CPU, float32, in eval mode, without gradients of its weights; gradients reach the pictures.

    On the meta device, where networks are only counted, without weights.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`.
    """
    network = FaceTrunk(POCKET)
    if next(network.parameters()).is_meta:
        return network.eval().requires_grad_(False)
    return load(weights.get(WEIGHTS))


def load(path: Path) -> FaceTrunk:
    """The network of a file that `recipe.RECIPE` made, as `face_embedding` gives it."""
    network = FaceTrunk(POCKET)
    network.load_state_dict(load_file(path))
    return network.eval().requires_grad_(False)
