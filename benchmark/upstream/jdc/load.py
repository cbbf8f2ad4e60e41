"""The F0 networks, ready to read: the shipped one, and the published one of StarGANv2-VC."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.media.mel import MEL80
from benchmark.upstream.jdc.network import JDC, POCKET, JDCSettings
from benchmark.upstream.mel import STARGANV2_VC, check_mel, recorded_mel
from benchmark.weights.reading import read_weights

WEIGHTS: Mapping[str, str] = {"pocket": "pocket/jdc.safetensors", "published": "bst.t7"}
"""Entries of weights.toml. The record of the shipped one lies beside it as .json."""
_RENAMED = {
    "stem.first": "conv_block.0",
    "stem.norm": "conv_block.1",
    "stem.second": "conv_block.3",
    "norm": "pool_block.0",
    "f0.lstm": "bilstm_classifier",
    "f0.linear": "classifier",
    "detector_mix": "detector_conv.0",
    "detector_norm": "detector_conv.1",
    "detector.lstm": "bilstm_detector",
    "detector.linear": "detector",
} | {
    f"blocks.{i}.{ours}": f"res_block{i + 1}.{theirs}"
    for i in range(3)
    for ours, theirs in (
        ("norm", "pre_conv.0"),
        ("main.first", "conv.0"),
        ("main.norm", "conv.1"),
        ("main.second", "conv.3"),
        ("shortcut", "conv1by1"),
    )
}


def f0_network(which: Literal["pocket", "published"]) -> JDC:
    """The network on the CPU, float32, in eval mode, without gradients of its weights; gradients reach the mel.

    On the meta device, where networks are only counted, without weights.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`, or a file of something else or of another mel.
    """
    network = _frozen(JDC(POCKET if which == "pocket" else JDCSettings()))
    if next(network.parameters()).is_meta:
        return network
    path = weights.get(WEIGHTS[which])
    if which == "published":
        check_mel(STARGANV2_VC, MEL80, path, 'Set f0_network = "pocket" in the profile.')
        load_published(network, path)
    else:
        check_mel(recorded_mel(path), MEL80, path, "Train it again: python -m benchmark upstream jdc")
        network.load_state_dict(load_file(path))
    return network


def load(path: Path) -> JDC:
    """The network of a weight file that `recipe.RECIPE` made, as `f0_network` gives it; its mel is not asked for."""
    network = _frozen(JDC(POCKET))
    network.load_state_dict(load_file(path))
    return network


def _frozen(network: JDC) -> JDC:
    """Channels last: 1.5 times as fast on a CPU."""
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def published_tensors(network: JDC) -> dict[str, Tensor]:
    """All that the official code saves, by its names and in its shapes: views of ours, so that writing to one sets the
    weights. Kernels there are of transposed maps."""
    views = {}
    for name, value in network.state_dict().items():
        module, _, kind = name.rpartition(".")
        views[f"{_RENAMED[module]}.{kind}"] = value.mT if value.dim() == 4 else value
    return views


@torch.no_grad()
def load_published(network: JDC, path: Path) -> None:
    """Fill a network of the published sizes with the file of `yl4579/StarGANv2-VC@985df557:Utils/JDC/bst.t7`, whose key
    `net` holds the tensors.

    Raises:
        BenchmarkError: no such file, a tensor missing, unknown or of another shape; nothing is written then.
    """
    file: Any = read_weights(path)
    given = file.get("net") if isinstance(file, Mapping) else None
    if not isinstance(given, Mapping):
        raise BenchmarkError(f"{path} has no 'net'; give StarGANv2-VC's Utils/JDC/bst.t7.")
    expected = published_tensors(network)
    for name in sorted(expected.keys() | given.keys()):
        ours, theirs = (tuple(t[name].shape) if name in t else "absent" for t in (expected, given))
        counter = name.endswith("num_batches_tracked") and theirs == "absent"  # of old versions of torch
        if ours != theirs and not counter:
            raise BenchmarkError(
                f"{path} does not fit the F0 network: {name} is {theirs}, expected {ours}. Give StarGANv2-VC's "
                "Utils/JDC/bst.t7."
            )
    for name, tensor in expected.items():
        if name in given:
            tensor.copy_(given[name])
