"""Checkpoints of rosinality's code, read into our generator."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmark import weights
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.upstream.stylegan2.generator import Generator, GeneratorSettings
from benchmark.upstream.stylegan2.load import WEIGHTS, load_published, official_tensors, stylegan2
from benchmark.weights import Weights

SMALL = GeneratorSettings(widths=(8, 6, 4), style=12, mapping=3)
OFFICIAL = json.loads(Path(__file__).with_name("official_values.json").read_text(encoding="utf-8"))


def state(settings: GeneratorSettings = SMALL, seed: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    found = {name: torch.randn_like(value) for name, value in official_tensors(Generator(settings)).items()}
    found["convs.0.conv.blur.kernel"] = torch.ones(4, 4)
    found["to_rgbs.0.upsample.kernel"] = torch.ones(4, 4)
    return found


def test_a_checkpoint_is_read_whole(tmp_path: Path) -> None:
    given, path = state(), tmp_path / "g.pt"
    torch.save({"g_ema": given, "args": argparse.Namespace(size=16), "latent_avg": torch.zeros(12)}, path)
    network = Generator(SMALL)
    load_published(network, path)
    for name, tensor in official_tensors(network).items():
        assert torch.equal(tensor, given[name]), name


def test_noise_that_is_not_stored_stays(tmp_path: Path) -> None:
    path = tmp_path / "g.pt"
    torch.save({"g_ema": {k: v for k, v in state().items() if not k.startswith("noises.")}}, path)
    network = Generator(SMALL)
    noise = network.noise_3.clone()
    load_published(network, path)
    assert torch.equal(network.noise_3, noise)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda s: s.pop("convs.1.conv.weight"), "convs.1.conv.weight is absent"),
        (lambda s: s.update({"convs.9.noise.weight": torch.zeros(1)}), "convs.9.noise.weight is .*expected absent"),
        (lambda s: s.update({"input.input": torch.zeros(1, 9, 4, 4)}), "input.input is \\(1, 9, 4, 4\\)"),
    ],
)
def test_other_checkpoints_are_refused_and_nothing_is_written(
    spoil: Callable[[dict[str, Tensor]], object], told: str, tmp_path: Path
) -> None:
    given, path = state(), tmp_path / "g.pt"
    spoil(given)
    torch.save({"g_ema": given}, path)
    network = Generator(SMALL)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with pytest.raises(BenchmarkError, match=told):
        load_published(network, path)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.pt"
    torch.save({"generator": {}}, path)
    with pytest.raises(BenchmarkError, match="no g_ema"):
        load_published(Generator(SMALL), path)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(BenchmarkError, match=r"g\.pt"):
        load_published(Generator(SMALL), path)


def by_formula(network: nn.Module) -> None:
    """Every number of a network by its place, as the script behind official_values.json sets them."""
    tensors = official_tensors(network) if isinstance(network, Generator) else {}
    for n, name in enumerate(sorted(tensors)):
        value = tensors[name]
        place = torch.arange(value.numel(), dtype=torch.float64).view(value.shape)
        value.copy_((torch.sin(place * 0.37 + n) * OFFICIAL["scale"]).float())


def test_pictures_are_those_of_the_official_code() -> None:
    """Measured with rosinality/stylegan2-pytorch@bef283a:model.py at 8 px, style 16, 2 mapping layers."""
    network = Generator(GeneratorSettings(widths=(512, 512), style=16, mapping=2)).requires_grad_(False)
    by_formula(network)
    place = torch.arange(32, dtype=torch.float64).view(2, 16)
    w = network.map(torch.cos(place).float())
    torch.testing.assert_close(w, torch.tensor(OFFICIAL["styles"]), rtol=1e-4, atol=1e-6)
    made = network(network.spread(w[:1], w[1:], 2))[0]
    scale = max(abs(v) for v in OFFICIAL["row"])
    torch.testing.assert_close(made[1, 3], torch.tensor(OFFICIAL["row"]), rtol=1e-3, atol=1e-3 * scale)
    assert float(made.double().square().mean().sqrt()) == pytest.approx(OFFICIAL["root"], rel=1e-3)
    assert math.isfinite(scale)


def test_absent_weights_are_named_with_what_mends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = Weights(WEIGHTS["published"], "absent.pt", "", "")
    monkeypatch.setattr(weights, "entries", lambda: {entry.name: entry})
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"absent\.pt"):
        stylegan2("published")


def test_networks_are_counted_without_weights() -> None:
    with torch.device("meta"):
        assert stylegan2("published").constant.is_meta
        assert stylegan2("pocket").settings.size == 64
