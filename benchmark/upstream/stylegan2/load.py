"""The generators that systems use: the shipped one, and a checkpoint of rosinality/stylegan2-pytorch."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.upstream.stylegan2.generator import Generator, GeneratorSettings
from benchmark.weights.reading import read_weights

WEIGHTS: Mapping[str, str] = {
    "pocket": "pocket/stylegan2.safetensors",
    "published": "stylegan2/ffhq_256.pt",
}
"""Entries of weights.toml. The record of the shipped one lies beside it as .json."""
POCKET = GeneratorSettings(widths=(128, 128, 96, 48, 24), style=128, mapping=4)
"""The shipped network: 64 px, 944,768 parameters."""
_OF_FILTERS = ("blur.kernel", "upsample.kernel")


def stylegan2(which: Literal["pocket", "published"]) -> Generator:
    """The network on the CPU, float32, in eval mode, without gradients of its weights; gradients reach the styles.

    On the meta device, where networks are only counted, without weights.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`, or a file of something else.
    """
    network = _frozen(Generator(POCKET if which == "pocket" else GeneratorSettings()))
    if network.constant.is_meta:
        return network
    path = weights.get(WEIGHTS[which])
    if which == "published":
        load_published(network, path)
        return network
    return load(path)


def load(path: Path) -> Generator:
    """The network of a file that `recipe.RECIPE` made, as `stylegan2` gives it."""
    network = _frozen(Generator(POCKET))
    network.load_state_dict(load_file(path))
    return network


def official_tensors(network: Generator) -> dict[str, Tensor]:
    """A generator's tensors by the names and shapes of rosinality/stylegan2-pytorch@bef283a:model.py, as views of ours:
    writing to one sets the weights."""
    found = {}
    for name, value in network.state_dict().items():
        group, _, rest = name.partition(".")
        index, _, part = rest.partition(".")
        rest = part.replace("affine", "modulation").replace("strength", "noise.weight")
        if rest == "conv.weight":
            value = value[None]
        if group == "mapping":
            name = f"style.{int(index) + 1}.{rest}"
        elif group == "constant":
            name = "input.input"
        elif group == "layers":
            rest = "activate.bias" if rest == "bias" else rest
            name = f"conv1.{rest}" if index == "0" else f"convs.{int(index) - 1}.{rest}"
        elif group == "colours":
            value = value[None, :, None, None] if rest == "bias" else value
            name = f"to_rgb1.{rest}" if index == "0" else f"to_rgbs.{int(index) - 1}.{rest}"
        else:
            name = f"noises.{name}"
        found[name] = value
    return found


@torch.no_grad()
def load_published(network: Generator, path: Path) -> None:
    """Fill a generator with `g_ema` of a checkpoint that rosinality's train.py or convert_weight.py wrote.

    Its filters are fixed numbers and are left out; a file without stored noise keeps the network's own.

    Raises:
        BenchmarkError: no such file, a tensor missing, unknown or of another shape; nothing is written then.
    """
    with torch.serialization.safe_globals([argparse.Namespace]):  # the command line, which train.py saves as well
        file: Any = read_weights(path)
    state = file.get("g_ema") if isinstance(file, Mapping) else None
    if not isinstance(state, Mapping):
        raise BenchmarkError(f"{path} holds no g_ema. Give a checkpoint of rosinality/stylegan2-pytorch.")
    given = {key: value for key, value in state.items() if not key.endswith(_OF_FILTERS)}
    expected = official_tensors(network)
    optional = {key for key in expected if key.startswith("noises.") and key not in given}
    for name in sorted((expected.keys() | given.keys()) - optional):
        ours, theirs = (
            tuple(t[name].shape) if isinstance(t.get(name), Tensor) else "absent" for t in (expected, given)
        )
        if ours != theirs:
            raise BenchmarkError(
                f"{path} does not fit StyleGAN2 at {network.settings.size} px: {name} is {theirs}, expected {ours}. "
                "Give a checkpoint of rosinality/stylegan2-pytorch of that size and --channel_multiplier 2."
            )
    for name in expected.keys() - optional:
        expected[name].copy_(given[name])


def _frozen(network: Generator) -> Generator:
    return network.eval().requires_grad_(False)
