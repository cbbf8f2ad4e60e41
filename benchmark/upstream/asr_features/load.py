"""The ASR features of a name, ready to stand inside a training loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.media.mel import MEL80
from benchmark.upstream.asr_features.characters import TOKENS
from benchmark.upstream.asr_features.network import AsrFeatures, Sizes
from benchmark.upstream.mel import STARGANV2_VC, check_mel, recorded_mel
from benchmark.weights.reading import read_weights

Which = Literal["pocket", "published"]
WEIGHTS: Mapping[Which, str] = {"pocket": "pocket/asr_features.safetensors", "published": "epoch_00100.pth"}
"""Entries of weights.toml; the record of ours lies beside it as .json."""
SIZES: Mapping[Which, Sizes] = {
    "pocket": Sizes(hidden=96, blocks=4, channels=64, tokens=len(TOKENS), embedding=None, dropout=0.1),
    "published": Sizes(),
}


def asr_features(which: Which) -> AsrFeatures:
    """The network of that name with its weights: on the CPU, float32, in eval mode, frozen; gradients reach the mel. On
    the meta device, where networks are only counted, without weights.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`; a file of something else, or of another mel.
    """
    network = AsrFeatures(SIZES[which])
    if not network.dct.is_meta:
        path = weights.get(WEIGHTS[which])
        if which == "pocket":
            check_mel(recorded_mel(path), MEL80, path, "Train it again: python -m benchmark upstream asr_features")
            network.load_state_dict(load_file(path))
        else:
            check_mel(STARGANV2_VC, MEL80, path, 'Set asr_network = "pocket" in the profile.')
            load_published(network, path)
    return network.eval().requires_grad_(False)


def load(path: Path) -> AsrFeatures:
    """The network of a weight file that `recipe.RECIPE` made, on the CPU, in eval mode, frozen."""
    network = AsrFeatures(SIZES["pocket"])
    network.load_state_dict(load_file(path))
    return network.eval().requires_grad_(False)


@torch.no_grad()
def load_published(network: AsrFeatures, path: Path) -> None:
    """Fill it with a file of AuxiliaryASR's trainer: {"model": state_dict, ...}, every tensor of which has one place.

    Raises:
        BenchmarkError: not such a file, tensors too many or too few, or of other shapes.
    """
    file = read_weights(path)
    state = file.get("model") if isinstance(file, Mapping) else None
    if not isinstance(state, Mapping):
        raise BenchmarkError(f"{path} has no 'model'; give StarGANv2-VC's {WEIGHTS['published']}.")
    own = dict(published_tensors(network))
    wrong = sorted(own.keys() ^ state.keys()) or [key for key in own if own[key].shape != state[key].shape]
    if wrong:
        raise BenchmarkError(
            f"{path} is not the ASR network of StarGANv2-VC: {len(wrong)} tensors are absent, unknown or of another "
            f"shape ({', '.join(wrong[:3])}, ...). Give its {WEIGHTS['published']}."
        )
    for key, tensor in own.items():
        tensor.copy_(state[key])


_RENAMED = {
    "dct": "to_mfcc.dct_mat",
    "stem": "init_cnn.conv",
    "projection": "projection.conv",
    "head.0": "ctc_linear.0.linear_layer",
    "head.2": "ctc_linear.2.linear_layer",
    "decoder.embedding": "asr_s2s.embedding",
    "decoder.symbols": "asr_s2s.project_to_n_symbols",
    "decoder.cell": "asr_s2s.decoder_rnn",
    "decoder.hidden": "asr_s2s.project_to_hidden.0.linear_layer",
    "decoder.query": "asr_s2s.attention_layer.query_layer.linear_layer",
    "decoder.memory": "asr_s2s.attention_layer.memory_layer.linear_layer",
    "decoder.energy": "asr_s2s.attention_layer.v.linear_layer",
    "decoder.location": "asr_s2s.attention_layer.location_layer.location_conv.conv",
    "decoder.location_dense": "asr_s2s.attention_layer.location_layer.location_dense.linear_layer",
}
_IN_RESIDUAL = {"wide": "0.conv", "norm": "2", "near": "4.conv"}


def published_tensors(network: AsrFeatures) -> Iterator[tuple[str, Tensor]]:
    """(name in the published file, our tensor) of everything: writing to one sets it."""
    for key, value in network.state_dict().items():
        module, _, last = key.rpartition(".")
        parts = module.split(".")
        if parts[0] != "blocks":
            yield (f"{_RENAMED[module]}.{last}" if module else _RENAMED[last]), value
        elif parts[2] == "norm":
            yield f"cnns.{parts[1]}.1.{last}", value
        else:
            yield f"cnns.{parts[1]}.0.blocks.{parts[3]}.{_IN_RESIDUAL[parts[4]]}.{last}", value
