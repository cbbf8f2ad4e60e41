"""The voice embedding, ready to be asked: the shipped one, and the published one of Wen et al. 2019."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from safetensors.torch import load_file
from torch import Tensor

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.media.mel64 import MEL64
from benchmark.upstream.mel import check_mel, recorded_mel
from benchmark.upstream.voice_embedding.network import VoiceEmbedding, VoiceEmbeddingSettings
from benchmark.weights.reading import read_weights

WEIGHTS: Mapping[str, str] = {
    "pocket": "pocket/voice_embedding.safetensors",
    "published": "wen2019/voice_embedding.pth",
}
"""Entries of weights.toml. The record of the shipped one lies beside it as .json."""
POCKET = VoiceEmbeddingSettings(widths=(96, 128, 192, 256))
"""The shipped network: 327,040 parameters."""


def voice_embedding(which: Literal["pocket", "published"]) -> VoiceEmbedding:
    """The network on the CPU, float32, in eval mode, without gradients of its weights; gradients reach the mel.

    On the meta device, where networks are only counted, without weights.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`, or a file of something else or of another mel.
    """
    network = _frozen(VoiceEmbedding(POCKET if which == "pocket" else VoiceEmbeddingSettings()))
    if next(network.parameters()).is_meta:
        return network
    path = weights.get(WEIGHTS[which])
    if which == "published":
        load_published(network, path)
        return network
    check_mel(recorded_mel(path), MEL64, path, "Train it again: python -m benchmark upstream voice_embedding")
    return load(path)


def load(path: Path) -> VoiceEmbedding:
    """The network of a file that `recipe.RECIPE` made, as `voice_embedding` gives it; its mel is not asked for."""
    network = _frozen(VoiceEmbedding(POCKET))
    network.load_state_dict(load_file(path))
    return network


def load_published(network: VoiceEmbedding, path: Path) -> None:
    """Fill a network of the published sizes with the state dict of
    `cmu-mlsp/reconstructing_faces_from_voices@469e249:pretrained_models/voice_embedding.pth`, whose layers are numbered
    alike and called `model`.

    Raises:
        BenchmarkError: no such file, a tensor missing, unknown or of another shape; nothing is written then.
    """
    file: Any = read_weights(path)
    given: Mapping[str, Any] = file if isinstance(file, Mapping) else {}
    own: dict[str, Tensor] = {f"model.{name}": value for name, value in network.layers.state_dict().items()}
    for name in sorted(own.keys() | given.keys()):
        ours, theirs = (tuple(t[name].shape) if isinstance(t.get(name), Tensor) else "absent" for t in (own, given))
        counter = name.endswith("num_batches_tracked") and theirs == "absent"  # of old versions of torch
        if ours != theirs and not counter:
            raise BenchmarkError(
                f"{path} does not fit the voice embedding: {name} is {theirs}, expected {ours}. Give Wen et al.'s "
                "pretrained_models/voice_embedding.pth."
            )
    network.layers.load_state_dict({name.removeprefix("model."): value for name, value in given.items()}, strict=False)


def _frozen(network: VoiceEmbedding) -> VoiceEmbedding:
    return network.eval().requires_grad_(False)
