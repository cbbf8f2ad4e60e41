"""Shapes and sizes of the paper: scaffold, Table 1, gates and controller (papers.md 2.1 and 2.5)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmark.errors import BenchmarkError
from benchmark.upstream.face_embedding.network import FaceTrunk
from benchmark.upstream.voice_embedding.network import VoiceEmbedding, VoiceEmbeddingSettings
from methods.cae.gating import GatingController
from methods.cae.networks import Scaffold


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def shapes(network: nn.Module, kinds: tuple[type[nn.Module], ...], x: Tensor) -> list[tuple[int, ...]]:
    """Of the outputs of all layers of these kinds, less the batch axis, in the order of computing."""
    seen: list[tuple[int, ...]] = []
    for module in network.modules():
        if isinstance(module, kinds):
            module.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[1:])))
    network(x)
    return seen


@pytest.mark.parametrize(
    ("settings", "gates", "controller"),
    [
        ({}, 3_133_440, 203_673_600),
        ({"up_kernel": 2}, 1_392_640, 90_521_600),
        ({"up_widths": "half"}, 1_566_720, 101_836_800),
        ({"granularity": "filter"}, 512 + 256 + 128 + 64, 65 * 960),
        ({"granularity": "channel"}, 512 + 256 + 128 + 64, 65 * 960),
        ({"gate": "none"}, 0, 0),
    ],
)
def test_number_of_gates_and_size_of_the_controller(settings: dict[str, Any], gates: int, controller: int) -> None:
    with torch.device("meta"):
        scaffold = Scaffold(**settings)
        made = GatingController(scaffold.gated)
    assert sum(kernel.gates for kernel in scaffold.gated) == gates
    assert parameters(made) == controller


def test_all_gates_every_kernel_of_the_decoder_and_none_of_the_encoder() -> None:
    with torch.device("meta"):
        scaffold = Scaffold(gate="all")
    kernels = sum(p.numel() for part in (scaffold.decoder, scaffold.exit) for p in part.parameters() if p.dim() == 4)
    assert sum(kernel.gates for kernel in scaffold.gated) == kernels
    assert len(scaffold.gated) == 4 * 3 + 1


@pytest.mark.parametrize(
    ("settings", "narrowest", "up"),
    [
        ({}, (512, 4, 4), [(512, 8, 8), (256, 16, 16), (128, 32, 32), (64, 64, 64)]),
        ({"up_kernel": 2}, (512, 4, 4), [(512, 8, 8), (256, 16, 16), (128, 32, 32), (64, 64, 64)]),
        ({"up_widths": "half"}, (512, 4, 4), [(256, 8, 8), (128, 16, 16), (64, 32, 32), (32, 64, 64)]),
        ({"n_pool": 3}, (512, 8, 8), [(512, 16, 16), (256, 32, 32), (128, 64, 64)]),
    ],
)
def test_scaffold_goes_down_and_up_again(
    settings: dict[str, Any], narrowest: tuple[int, ...], up: list[tuple[int, ...]]
) -> None:
    with torch.device("meta"):
        scaffold, x = Scaffold(**settings), torch.zeros(2, 3, 64, 64)
        deepest, maps = scaffold.encode(x)
        down = [(64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8)]
        assert tuple(deepest.shape[1:]) == narrowest
        assert [tuple(m.shape[1:]) for m in maps] == down[: len(up)]
        assert scaffold(x, GatingController(scaffold.gated)(torch.zeros(2, 64))).shape == x.shape
        assert shapes(scaffold, (nn.ConvTranspose2d,), x) == up


def test_size_of_the_scaffold() -> None:
    def double(inputs: int, out: int) -> int:
        return 9 * out * (inputs + out) + 4 * out  # two kernels, two scales and shifts

    encoder = double(3, 64) + double(64, 128) + double(128, 256) + double(256, 512)
    decoder = double(1024, 256) + double(512, 128) + double(256, 64) + double(128, 64)
    transposed = 3_133_440 + 512 + 256 + 128 + 64
    with torch.device("meta"):
        assert parameters(Scaffold()) == encoder + decoder + transposed + 3 * 64 + 3 == 11_805_251


def test_outputs_are_pictures() -> None:
    scaffold = Scaffold((4, 4, 4, 4), gate="none")
    nn.init.constant_(scaffold.exit.layer.weight, 50.0)
    out = scaffold(torch.rand(2, 3, 64, 64) * 2 - 1)
    assert out.abs().max() <= 1
    assert out.std() > 0.1


def test_default_norm_is_batch_normalisation_at_batch_one() -> None:
    """With the statistics of the batch, in translation too: row by row, and blind to train and eval."""
    torch.manual_seed(0)
    exact, batched = (Scaffold((4, 4, 4, 4), norm=norm, gate="none").double() for norm in ("bn1", "batch"))
    own = dict(batched.named_parameters())
    for name, parameter in exact.named_parameters():
        own[name].data.copy_(parameter.data + (0.1 * torch.randn_like(parameter) if parameter.dim() == 1 else 0))
        parameter.data.copy_(own[name].data)
    x = torch.rand(3, 3, 32, 32, dtype=torch.float64)
    rows = torch.cat([batched.train()(x[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(exact.train()(x), rows, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(exact.eval()(x), rows, rtol=1e-9, atol=1e-9)


def test_skips_reach_the_decoder() -> None:
    """With the narrowest maps cut off, a picture still comes through."""
    torch.manual_seed(0)
    scaffold = Scaffold((4, 4, 4, 4), gate="none")
    nn.init.zeros_(scaffold.decoder[0].enlarge.layer.weight)  # type: ignore[union-attr, arg-type]
    x = torch.rand(2, 3, 64, 64)
    assert (scaffold(x)[0] - scaffold(x)[1]).abs().max() > 1e-2


@pytest.mark.parametrize("bad", [{"n_pool": 2}, {"up_kernel": 4}, {"widths": (8, 8, 8)}])
def test_scaffolds_that_cannot_be_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(BenchmarkError, match="four widths, n_pool 3 or 4"):
        Scaffold(**bad)


def test_table_1_discriminator_and_classifier() -> None:
    with torch.device("meta"):
        trunk = FaceTrunk()
        seen = shapes(trunk, (nn.Conv2d,), torch.zeros(1, 3, 64, 64))
    assert seen == [(32, 64, 64), (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (64, 1, 1)]
    convolutions = [m for m in trunk.modules() if isinstance(m, nn.Conv2d)]
    assert [(c.kernel_size[0], c.stride[0], c.padding[0]) for c in convolutions] == [
        *((1, 1, 0), (3, 2, 1), (3, 2, 1), (3, 2, 1), (3, 2, 1), (4, 1, 0))
    ]
    assert sum(isinstance(m, nn.LeakyReLU) for m in trunk.modules()) == 6
    assert parameters(trunk) == 2_092_160


def test_table_1_voice_embedding() -> None:
    with torch.device("meta"):
        network = VoiceEmbedding(VoiceEmbeddingSettings(last_activation=True)).eval()
        seen = shapes(network, (nn.Conv1d,), torch.zeros(1, 1, 64, 160))
    assert seen == [(256, 80), (384, 40), (576, 20), (864, 10), (64, 5)]
    assert sum(isinstance(m, nn.BatchNorm1d) for m in network.modules()) == 5
    assert abs(parameters(network) - 2_670_000) < 1000
