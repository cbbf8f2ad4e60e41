"""Reading the official code's checkpoints: every tensor has one place, and what does not fit is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from baselines.starganv2.official import load_official, official_tensors
from baselines.starganv2.system import StarGANv2, StarGANv2Settings
from benchmark.blocks import MappingNetwork
from benchmark.errors import BenchmarkError
from benchmark.stargan.images import Discriminator, Generator, StyleEncoder
from benchmark.upstream.wing import Wing

Checkpoint = dict[str, dict[str, Tensor]]


def small(w_hpf: float = 1.0) -> dict[str, nn.Module]:
    return {
        "generator": Generator(32, 4, w_hpf, width=2, max_width=4),
        "mapping_network": MappingNetwork(3, 4, 2, hidden=5),
        "style_encoder": StyleEncoder(32, 4, 2, width=2, max_width=4),
        "discriminator": Discriminator(32, 2, width=2, max_width=4),
    }


def saved(networks: dict[str, nn.Module]) -> Checkpoint:
    return {name: {k: v.clone() for k, v in official_tensors(n).items()} for name, n in networks.items()}


def test_names_are_those_of_the_official_code() -> None:
    """A few of each network, by hand from core/model.py, and how many its state_dict has."""
    names = {name: official_tensors(network) for name, network in small().items()}
    assert {
        "from_rgb.weight",
        "encode.0.conv1x1.weight",
        "encode.0.norm2.bias",
        "decode.3.norm1.fc.weight",
        "decode.3.conv1x1.weight",
        "to_rgb.0.weight",
        "to_rgb.2.bias",
        "hpf.filter",
    } <= names["generator"].keys()
    assert {"shared.0.weight", "shared.6.bias", "unshared.0.0.weight", "unshared.1.6.bias"} <= names[
        "mapping_network"
    ].keys()
    assert names["mapping_network"]["unshared.1.6.weight"].shape == (4, 5)
    assert {"shared.0.weight", "shared.1.conv2.bias", "shared.5.weight", "unshared.1.bias"} <= names[
        "style_encoder"
    ].keys()
    assert {"main.0.weight", "main.1.conv1.weight", "main.5.weight"} <= names["discriminator"].keys()
    assert names["discriminator"]["main.7.weight"].shape == (2, 4, 1, 1)
    with torch.device("meta"):
        official = StyleEncoder(256), Discriminator(256), Generator(128), Generator(256, w_hpf=1)
    assert [len(official_tensors(network)) for network in official] == [35, 33, 90, 125]


def test_every_tensor_of_a_checkpoint_is_taken_over(tmp_path: Path) -> None:
    theirs, ours = small(), small()
    torch.save(saved(theirs), tmp_path / "nets.ckpt")
    load_official(tmp_path / "nets.ckpt", ours)
    for name, network in ours.items():
        for (key, value), other in zip(network.state_dict().items(), theirs[name].state_dict().values(), strict=True):
            assert torch.equal(value, other), (name, key)


def test_a_head_of_a_domain_goes_to_its_row(tmp_path: Path) -> None:
    ours = small()
    state = saved(ours)
    state["mapping_network"]["unshared.1.6.bias"].fill_(7)
    state["style_encoder"]["unshared.0.weight"].fill_(8)
    state["discriminator"]["main.7.bias"][1] = 9
    torch.save(state, tmp_path / "nets.ckpt")
    load_official(tmp_path / "nets.ckpt", ours)
    z, x = torch.zeros(1, 3), torch.zeros(1, 3, 32, 32)
    first, second = (ours["mapping_network"](z, torch.tensor([domain])) for domain in (0, 1))
    assert (second - 7).abs().max() < 3 < (first - 7).abs().min()
    assert (ours["style_encoder"].own.weight[0] == 8).all()  # type: ignore[union-attr, index]
    zero, one = (ours["discriminator"](x, torch.tensor([domain])).item() for domain in (0, 1))
    assert abs(one - 9) < 2 < abs(zero - 9)


def _other_shape(state: Checkpoint) -> None:
    state["generator"]["from_rgb.weight"] = torch.zeros(4, 3, 3, 3)


def _other_filter(state: Checkpoint) -> None:
    state["generator"]["hpf.filter"] /= 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda s: s["style_encoder"].pop("unshared.1.bias"),
            r"style_encoder: 1 tensors are absent \(unshared\.1\.bias\)",
        ),
        (
            lambda s: s["mapping_network"].update({"unshared.2.0.bias": torch.ones(5)}),
            r"unknown \(unshared\.2\.0\.bias\)",
        ),
        (_other_shape, r"from_rgb\.weight \(4, 3, 3, 3\) for \(2, 3, 3, 3\)"),
        (_other_filter, r"generator: its w_hpf is 2, not 1"),
        (lambda s: s.pop("generator"), "expected the networks generator"),
        (lambda s: s.update(fan={}), r"discriminator, fan; expected"),
        (lambda s: s.update(generator=torch.ones(3)), "generator: no state_dict"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_loaded(
    change: Callable[[Checkpoint], object], told: str, tmp_path: Path
) -> None:
    ours = small()
    before, state = saved(ours), saved(small())
    change(state)
    torch.save(state, tmp_path / "nets.ckpt")
    with pytest.raises(BenchmarkError, match=told):
        load_official(tmp_path / "nets.ckpt", ours)
    assert all(
        torch.equal(value, before[name][key]) for name in ours for key, value in official_tensors(ours[name]).items()
    )


def test_the_published_networks_translate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The official variant at a small size: the checkpoint brings its heat-map network along, and that is used."""
    assert StarGANv2.variants["official"] == {"size": 256, "w_hpf": 1.0}
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    settings = StarGANv2Settings(size=32, w_hpf=1.0, width=2, max_width=4)
    path = tmp_path / StarGANv2.published["official"]
    path.parent.mkdir(parents=True)
    theirs = {**small(), "fan": Wing()}
    theirs["generator"] = Generator(32, 64, 1.0, width=2, max_width=4)
    theirs["mapping_network"] = MappingNetwork(16, 64, 2)
    theirs["style_encoder"] = StyleEncoder(32, 64, 2, width=2, max_width=4)
    del theirs["discriminator"]
    torch.save(saved(theirs), path)
    system = StarGANv2(settings).eval()
    system.load_published(path)
    x, reference = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    gender = torch.tensor([0, 1])
    with torch.no_grad():
        found = system.translate(
            "image_guided_translation", {"face128": x}, {"face128": reference, "gender": gender}, torch.tensor([0, 1])
        )
        style = theirs["style_encoder"](reference, gender)
        expected = theirs["generator"](x, style, theirs["fan"].heatmaps(x))  # type: ignore[operator]
    assert torch.equal(found, expected.clamp(-1, 1))
