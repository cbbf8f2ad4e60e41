"""The ASR features as a network: frozen values of the official code, sizes, shapes, gradients, rows apart.

`EXPECTED` was printed by hand by `ASRCNN.get_feature`, its `ctc_linear` and `ASRS2S` (its random mask off) of
yl4579/StarGANv2-VC@985df557:Utils/ASR/models.py on a CPU (torch 2.11.0) in float64, filled by `official_state` and
given `mel()` and `TEXT`; nothing of that code is needed here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.upstream.asr_features.load import SIZES, published_tensors
from benchmark.upstream.asr_features.network import AsrFeatures, Sizes

EXPECTED: Mapping[str, list[float]] = json.loads(
    Path(__file__).with_name("official_values.json").read_text(encoding="utf-8")
)
TEXT = torch.tensor([[5, 79, 4, 31], [17, 17, 60, 2]])
SMALL = Sizes(hidden=16, blocks=2, channels=6, tokens=9, embedding=5)


def official_state(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights by official names, drawn in the sorted order of those names; the DCT by its formula."""
    draw = np.random.default_rng(0)
    state = {}
    for name, shape in sorted(shapes.items()):
        if name == "to_mfcc.dct_mat":
            angle = np.pi / 80 * (np.arange(80)[:, None] + 0.5) * np.arange(40)
            x = np.cos(angle) * np.where(np.arange(40) == 0, np.sqrt(1 / 80), np.sqrt(2 / 80))
        else:
            x = draw.standard_normal(shape)
            x = x * np.sqrt(1 / np.prod(shape[1:])) if len(shape) > 1 else 0.1 * x
            if ("cnns" in name and name.endswith((".2.weight", ".1.weight"))) and len(shape) == 1:
                x = x + 1.0
        state[name] = torch.from_numpy(x.astype(np.float32))
    return state


def mel(rows: int = 2, frames: int = 37) -> Tensor:
    draw = np.random.default_rng(1)
    return torch.from_numpy(draw.standard_normal((rows, 1, 80, frames)).astype(np.float32))


def shapes(network: AsrFeatures) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in published_tensors(network)}


def filled(network: AsrFeatures) -> AsrFeatures:
    state = official_state(shapes(network))
    for name, tensor in published_tensors(network):
        tensor.copy_(state[name])
    return network.eval()


@pytest.fixture(scope="module")
def published() -> AsrFeatures:
    return filled(AsrFeatures(Sizes()).requires_grad_(False))


def some(values: Tensor) -> list[float]:
    """24 values all over it."""
    flat = values.flatten()
    return flat[torch.linspace(0, len(flat) - 1, 24).long()].tolist()


def test_values_of_the_official_network(published: AsrFeatures) -> None:
    assert published.decoder is not None
    features = published(mel())
    found = {
        "features": features,
        "ctc": published.ctc(features),
        "s2s": published.decoder(features, TEXT),
        "s2s_padded": published.decoder(features, TEXT, torch.arange(19) >= torch.tensor([[19], [11]])),
    }
    assert found.keys() == EXPECTED.keys()
    for name, values in found.items():
        np.testing.assert_allclose(some(values), EXPECTED[name], atol=1e-5, rtol=0, err_msg=name)
        assert np.std(EXPECTED[name]) > 0.05


def test_sizes() -> None:
    with torch.device("meta"):
        published, pocket = AsrFeatures(SIZES["published"]), AsrFeatures(SIZES["pocket"])
    assert sum(p.numel() for p in published.parameters()) == 7_625_696
    assert published.channels == 128
    assert pocket.decoder is None
    assert sum(p.numel() for p in pocket.parameters()) < 1_000_000
    official = shapes(published)
    assert len(official) == 143
    assert official["to_mfcc.dct_mat"] == (80, 40)
    assert official["init_cnn.conv.weight"] == (256, 40, 7)
    assert official["cnns.5.0.blocks.2.4.conv.weight"] == (256, 256, 3)
    assert official["cnns.0.1.weight"] == official["cnns.0.0.blocks.0.2.weight"] == (256,)
    assert official["ctc_linear.2.linear_layer.weight"] == (80, 256)
    assert official["asr_s2s.attention_layer.location_layer.location_conv.conv.weight"] == (32, 2, 63)
    assert official["asr_s2s.decoder_rnn.weight_ih"] == (512, 384)


@pytest.mark.parametrize("frames", [1, 2, 3, 96, 97])
def test_one_feature_for_every_two_frames(frames: int) -> None:
    network = AsrFeatures(SMALL).eval()
    features = network(mel(3, frames))
    assert features.shape == (3, 6, (frames + 1) // 2)
    assert features.isfinite().all()
    assert network.ctc(features).shape == (3, (frames + 1) // 2, 9)


def test_rows_are_independent() -> None:
    network = AsrFeatures(SIZES["pocket"]).eval()
    batch = mel(4, 33)
    torch.testing.assert_close(network(batch), torch.cat([network(row) for row in batch.split(1)]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("training", [False, True])
def test_gradients_reach_the_mel_through_frozen_weights(training: bool) -> None:
    """The official code's in-place residual stops with an error here in eval mode (quirk Q22)."""
    network = AsrFeatures(SMALL).requires_grad_(False).train(training)
    x = mel(2, 12).requires_grad_()
    network(x).square().sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().sum(dim=(1, 2)) > 0).all()
    assert all(p.grad is None for p in network.parameters())


def test_the_gradient_is_the_derivative() -> None:
    network = AsrFeatures(SMALL).double().eval()
    assert torch.autograd.gradcheck(network, mel(1, 4).double().requires_grad_())


def test_the_decoder_reads_no_token_before_it_is_given() -> None:
    network = filled(AsrFeatures(SMALL))
    assert network.decoder is not None
    features, text = network(mel(2, 20)), torch.tensor([[3, 4, 5], [6, 7, 8]])
    changed = text.clone()
    changed[:, 1] = 0
    whole, other = network.decoder(features, text), network.decoder(features, changed)
    assert whole.shape == (2, 4, 9)
    assert torch.equal(whole[:, :2], other[:, :2])
    assert not torch.allclose(whole[:, 2], other[:, 2])


def test_padded_frames_are_not_attended_to() -> None:
    network = filled(AsrFeatures(SMALL))
    assert network.decoder is not None
    features, text = network(mel(1, 20)), torch.tensor([[3, 4, 5]])
    padding = torch.arange(10)[None] >= 7
    changed = features.clone()
    changed[..., 7:] = 9.0
    assert torch.allclose(network.decoder(features, text, padding), network.decoder(changed, text, padding), atol=1e-6)
    assert not torch.allclose(network.decoder(features, text), network.decoder(changed, text), atol=1e-3)
