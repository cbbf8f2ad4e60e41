"""Tables 6 to 9 of the paper, row by row, and the parameter counts of papers.md 1.9; nothing is computed (meta)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from methods.xfavot.settings import XFaVoTSettings
from methods.xfavot.system import XFaVoT

ROWS = 2
COUNTS = {
    "image_generator": 43_206_403,
    "audio_generator": 45_972_993,
    "image_style_encoder": 20_799_744,
    "audio_style_encoder": 13_835_840,
    "mapping_network": 107_500_672,
    "image_discriminator": 20_735_106,
    "audio_discriminator": 13_836_866,
    "classifier": 13_836_866,
}
TABLE_6 = [
    *[(128, 128, 128), (64, 64, 256), (32, 32, 512), (16, 16, 512), (8, 8, 512)],
    *[(8, 8, 512)] * 4,
    *[(16, 16, 512), (32, 32, 512), (64, 64, 256), (128, 128, 128), (128, 128, 3)],
]
TABLE_7 = [
    *[(80, 192, 64), (40, 96, 128), (20, 96, 256), (10, 48, 512), (5, 48, 512)],
    *[(5, 48, 512)] * 2,
    *[(5, 48, 640)] * 2,
    *[(10, 48, 512), (20, 96, 256), (40, 96, 128), (80, 192, 64), (80, 192, 1)],
]
TABLE_8 = [
    *[(128, 128, 128), (64, 64, 256), (32, 32, 512), (16, 16, 512), (8, 8, 512), (4, 4, 512)],
    (1, 1, 512),
]
TABLE_9 = [(80, 192, 64), (40, 96, 128), (20, 48, 256), (10, 24, 512), (5, 12, 512), (1, 8, 512), (1, 1, 512)]


@pytest.fixture(scope="module")
def whole() -> XFaVoT:
    with torch.device("meta"):
        return XFaVoT(XFaVoTSettings(), 128)


def passed(network: nn.Module, blocks: list[nn.Module], *inputs: Tensor) -> tuple[list[tuple[int, ...]], Tensor]:
    """(height, width, channels) that leaves each of `blocks`, and what the network gives."""
    seen: list[tuple[int, ...]] = []
    handles = [
        block.register_forward_hook(lambda _, __, out: seen.append((*out.shape[2:], out.shape[1]))) for block in blocks
    ]
    try:
        out = network(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return seen, out


def test_counts(whole: XFaVoT) -> None:
    counted = {name: sum(p.numel() for p in m.parameters()) for name, m in whole.named_children() if name in COUNTS}
    assert counted == COUNTS


def test_table_7_as_printed_has_one_block_less() -> None:
    with torch.device("meta"):
        generator = XFaVoT(XFaVoTSettings(extra_f0_block=False), 128).audio_generator
    assert sum(p.numel() for p in generator.parameters()) == 41_120_257
    seen, out = passed(
        generator,
        [generator.stem, *generator.encode, *generator.decode, generator.head],
        torch.empty(ROWS, 1, 80, 192, device="meta"),
        torch.empty(ROWS, 64, device="meta"),
        torch.empty(ROWS, 256, 10, 192, device="meta"),
    )
    assert seen == TABLE_7
    assert out.shape == (ROWS, 1, 80, 192)


def test_table_6(whole: XFaVoT) -> None:
    g = whole.image_generator
    picture, style = torch.empty(ROWS, 3, 128, 128, device="meta"), torch.empty(ROWS, 64, device="meta")
    seen, out = passed(g, [g.stem, *g.encode, *g.decode, g.head], picture, style)
    assert seen == TABLE_6
    assert out.shape == picture.shape


@pytest.mark.parametrize(("name", "given"), [("image_style_encoder", 64), ("image_discriminator", None)])
def test_table_8(whole: XFaVoT, name: str, given: int | None) -> None:
    network = whole.get_submodule(name)
    layers = [*list(network.shared)[:6], network.shared[7]]  # type: ignore[call-overload, index, arg-type]
    codes = torch.zeros(ROWS, dtype=torch.int64, device="meta")
    seen, out = passed(network, layers, torch.empty(ROWS, 3, 128, 128, device="meta"), codes)
    assert seen == TABLE_8
    assert out.shape == ((ROWS,) if given is None else (ROWS, given))


@pytest.mark.parametrize(
    ("name", "out_shape"),
    [("audio_style_encoder", (ROWS, 64)), ("audio_discriminator", (ROWS, 130)), ("classifier", (ROWS, 130))],
)
def test_table_9(whole: XFaVoT, name: str, out_shape: tuple[int, ...]) -> None:
    network = whole.get_submodule(name)
    pool = next(m for m in network.shared if isinstance(m, nn.AdaptiveAvgPool2d))  # type: ignore[union-attr]
    layers = [*list(network.shared)[:5], network.shared[6], pool]  # type: ignore[call-overload, index, arg-type]
    inputs = [torch.empty(ROWS, 1, 80, 192, device="meta")]
    if name.endswith("encoder"):
        inputs.append(torch.zeros(ROWS, dtype=torch.int64, device="meta"))
    seen, out = passed(network, layers, *inputs)
    assert seen == TABLE_9
    assert out.shape == out_shape


def test_the_mapping_network_has_a_branch_for_every_domain(whole: XFaVoT) -> None:
    m = whole.mapping_network
    assert [layer.weight.shape for layer in m.own] == [(130, 512, 512)] * 3 + [(130, 64, 512)]
    assert sum(p.numel() for p in m.shared.parameters()) == 796_672
    codes = torch.zeros(ROWS, dtype=torch.int64, device="meta")
    assert m(torch.empty(ROWS, 16, device="meta"), codes).shape == (ROWS, 64)


def test_without_speakers_as_domains_heads_are_the_genders() -> None:
    with torch.device("meta"):
        joint = XFaVoT(XFaVoTSettings(speaker_domains=False), 128)
    assert len(joint.mapping_network.own[0].weight) == joint.classifier.own.out_features == 2
    assert joint.audio_discriminator.own.out_features == 2
