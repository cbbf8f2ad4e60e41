"""Checkpoints of the official code, read into our networks (`clovaai/stargan-v2@875b70a:core/checkpoint.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.blocks import HighPass, MappingNetwork
from benchmark.errors import BenchmarkError
from benchmark.stargan.images import Discriminator
from benchmark.upstream.wing import Wing
from benchmark.weights.reading import read_weights

_RENAMED = {"stem": "from_rgb", "head": "to_rgb", "shortcut": "conv1x1", "affine": "fc", "own": "unshared"}
_FILTER, _LAPLACIAN = "hpf.filter", 8  # the high-pass filter, and its middle times w_hpf


def official_tensors(network: nn.Module) -> dict[str, Tensor]:
    """What the official code saves of one of its networks, by its official names and in its official shapes: views of
    ours, so that writing to one sets the weights.

    A layer per domain, stacked here, is a module each there; the discriminator's are rows of one 1x1 convolution.
    """
    if isinstance(network, Wing):
        return network.published()
    fixed = getattr(network, "high_pass", None)
    return dict(_views(network)) | ({_FILTER: fixed.kernel} if isinstance(fixed, HighPass) else {})


def _views(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, value in network.state_dict().items():
        parts = [_RENAMED.get(part, part) for part in name.split(".")]
        if isinstance(network, MappingNetwork):  # its activations are modules there, and count
            parts[1] = str(2 * int(parts[1]))
        if isinstance(network, Discriminator):
            if parts[0] == "unshared":
                last = f"main.{len(network.shared) - 1}"
                yield (f"{last}.weight", value.mT[..., None]) if parts[1] == "weight" else (f"{last}.bias", value[:, 0])
            else:
                yield ".".join(["main", *parts[1:]]), value
        elif parts[0] == "unshared":
            for domain, row in enumerate(value):
                yield ".".join(["unshared", str(domain), *parts[1:]]), row
        else:
            yield ".".join(parts), value


@torch.no_grad()
def load_official(path: Path, networks: Mapping[str, nn.Module]) -> None:
    """Fill networks with an official checkpoint, whole or not at all.

    Args:
        path: a file of `CheckpointIO`: network -> state_dict. `*_nets_ema.ckpt` holds the averages.
        networks: official name (generator, mapping_network, style_encoder, discriminator; fan: a `Wing`) -> ours. The
            file must hold these and no others, and every tensor in it has one place.

    Raises:
        BenchmarkError: not such a file, networks or tensors too many or too few, other shapes, another w_hpf.
    """
    file = read_weights(path)
    if not isinstance(file, Mapping) or file.keys() != networks.keys():
        got = ", ".join(map(str, file)) if isinstance(file, Mapping) else type(file).__name__
        raise BenchmarkError(
            f"{path} holds {got or 'nothing'}; expected the networks {', '.join(networks)}. Give a checkpoint of the "
            "official StarGANv2 code (translating needs *_nets_ema.ckpt)."
        )
    expected = {name: official_tensors(network) for name, network in networks.items()}
    problems = [f"{name}: {text}" for name in networks for text in _problems(file[name], expected[name])]
    if problems:
        raise BenchmarkError(
            f"{path} does not fit these networks: {'; '.join(problems)}. Give a checkpoint that the official code "
            "trained with the same --img_size, --w_hpf and --num_domains, or change the settings."
        )
    for name, tensors in expected.items():
        for key, tensor in tensors.items():
            tensor.copy_(file[name][key])


def _problems(given: Any, expected: Mapping[str, Tensor]) -> Iterator[str]:
    if not isinstance(given, Mapping) or not all(isinstance(value, Tensor) for value in given.values()):
        yield "no state_dict"
        return
    both = expected.keys() & given.keys()
    reshaped = [key for key in both if given[key].shape != expected[key].shape]
    for what, keys in (
        ("absent", expected.keys() - both),
        ("unknown", given.keys() - both),
        ("of another shape", [f"{k} {tuple(given[k].shape)} for {tuple(expected[k].shape)}" for k in reshaped]),
    ):
        if keys:
            first = sorted(map(str, keys))[:3]
            yield f"{len(keys)} tensors are {what} ({', '.join(first)}{', ...' if len(keys) > 3 else ''})"
    if _FILTER in both and _FILTER not in reshaped and not torch.allclose(given[_FILTER], expected[_FILTER]):
        theirs, ours = (_LAPLACIAN / float(kernel[1, 1]) for kernel in (given[_FILTER], expected[_FILTER]))
        yield f"its w_hpf is {theirs:g}, not {ours:g}"
