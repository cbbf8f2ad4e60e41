"""Our networks by the names of the official code's checkpoints (`yl4579/StarGANv2-VC@985df55:models.py`)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from benchmark.blocks import MappingNetwork
from benchmark.stargan.voices import Critic, Discriminator

_RENAMED = {"f0": "F0_conv.0", "head": "to_out", "shortcut": "conv1x1", "affine": "fc", "own": "unshared"}
_TWINS = {"real": "dis", "source": "cls"}


def official_tensors(network: nn.Module) -> dict[str, Tensor]:
    """What the official code saves of one of its four networks, by its names and in its shapes: views of ours, so that
    writing to one sets the weights.

    A layer per domain, stacked here, is a module each there; the last layer of a critic is a 1x1 convolution.
    """
    if isinstance(network, Discriminator):
        twins = ((theirs, getattr(network, ours)) for ours, theirs in _TWINS.items())
        return {f"{name}.{key}": tensor for name, twin in twins for key, tensor in _critic(twin)}
    return dict(_views(network))


def _critic(network: Critic) -> Iterator[tuple[str, Tensor]]:
    last = len(network.shared) - 1  # ours flattens after the pooling, theirs convolves
    for name, value in network.state_dict().items():
        first, *rest = name.split(".")
        if first == "shared":
            yield ".".join(["main", *(_RENAMED.get(part, part) for part in rest)]), value
        else:
            yield f"main.{last}.{rest[0]}", value[:, :, None, None] if rest[0] == "weight" else value


def _views(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, value in network.state_dict().items():
        parts = [_RENAMED.get(part, part) for part in name.split(".")]
        if isinstance(network, MappingNetwork):  # its activations are modules there, and count
            parts[1] = str(2 * int(parts[1]))
        if parts[0] == "unshared":
            for domain, row in enumerate(value):
                yield ".".join(["unshared", str(domain), *parts[1:]]), row
        else:
            yield ".".join(parts), value
