"""Published checkpoints, written here as kan-bayashi's code names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.upstream.parallel_wavegan import load
from benchmark.upstream.parallel_wavegan.corrected import Corrected
from benchmark.upstream.parallel_wavegan.magnitudes import MagnitudeSettings
from benchmark.upstream.parallel_wavegan.network import Generator, GeneratorSettings, without_weight_norm
from benchmark.upstream.parallel_wavegan.vocoder import PublishedVocoder

PARTS = {"entry": "first_conv", "conditions.frames": "upsample_net.conv_in"}
BLOCK = {"dilated": "conv", "condition": "conv1x1_aux", "onwards": "conv1x1_out", "outwards": "conv1x1_skip"}
ENDS = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}


def official(key: str) -> str:
    """The other way round, written apart from `load.published_name`."""
    layer, _, end = key.partition(".parametrizations.") if ".parametrizations." in key else key.rpartition(".")
    end = ENDS.get(f"parametrizations.{end}", end)
    parts = layer.split(".")
    if parts[0] == "blocks":
        return f"conv_layers.{parts[1]}.{BLOCK[parts[2]]}.{end}"
    if parts[0] == "exit":
        return f"last_conv_layers.{2 * int(parts[1]) + 1}.{end}"
    if parts[:2] == ["conditions", "smooth"]:
        return f"upsample_net.upsample.up_layers.{2 * int(parts[2]) + 1}.{end}"
    return f"{PARTS[layer]}.{end}"


def written(path: Path, state: dict[str, Tensor], **more: Any) -> Path:
    torch.save({"model": {"generator": state, "discriminator": {}}, "steps": 400000, **more}, path)
    return path


@pytest.fixture(scope="module")
def published() -> Generator:
    torch.manual_seed(3)
    return Generator()


@pytest.mark.parametrize("weight_norm", [True, False])
def test_a_published_checkpoint_is_the_network_it_was(tmp_path: Path, weight_norm: bool) -> None:
    torch.manual_seed(3)
    network = Generator()
    if not weight_norm:
        without_weight_norm(network)
    state = {official(key): value for key, value in network.state_dict().items()}
    assert ("first_conv.weight_g" in state) == weight_norm
    assert "upsample_net.upsample.up_layers.7.weight_v" in state or not weight_norm
    loaded = load.load_published(written(tmp_path / load.STARGANV2_VC, state))
    noise, mel = torch.randn(1, 1, 600), torch.randn(1, 80, 6)
    with torch.no_grad():
        assert torch.allclose(loaded(noise, mel), network(noise, mel), atol=1e-5)
    assert sum(p.numel() for p in loaded.parameters()) == 1_334_311
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_the_published_vocoder_finds_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: Generator
) -> None:
    state = {official(key): value for key, value in published.state_dict().items()}
    written(tmp_path / load.STARGANV2_VC, state)
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    vocoder = PublishedVocoder()
    assert vocoder.name == "parallel_wavegan:starganv2_vc"
    assert vocoder(torch.zeros(1, 1, 80, 2)).shape == (1, 600)


def test_a_network_of_another_mel_is_refused(tmp_path: Path, published: Generator) -> None:
    with pytest.raises(BenchmarkError, match=r"parallel_wavegan_vctk\.pkl was trained on another mel.*log10.*own way"):
        load.published_generator(load.VCTK)
    state = {official(key): value for key, value in published.state_dict().items()}
    path = written(tmp_path / "any.pkl", {**state, "mean": torch.zeros(80), "scale": torch.ones(80)})
    with pytest.raises(BenchmarkError, match=r"another mel.*statistics"):
        load.load_published(path)


def test_other_files_are_refused(tmp_path: Path, published: Generator) -> None:
    state = {official(key): value for key, value in published.state_dict().items()}
    lacking = {key: value for key, value in state.items() if "conv1x1_aux" not in key}
    with pytest.raises(BenchmarkError, match=r"condition.*absent"):
        load.load_published(written(tmp_path / "a.pkl", lacking))
    with pytest.raises(BenchmarkError, match=r"blocks\.10.*expected none"):
        load.load_published(written(tmp_path / "b.pkl", state), GeneratorSettings(layers=10, stacks=1))
    torch.save({"weights": state}, tmp_path / "c.pkl")
    with pytest.raises(BenchmarkError, match="has no generator"):
        load.load_published(tmp_path / "c.pkl")


def test_what_a_recipe_writes_is_read_again(tmp_path: Path, network: Corrected, voice: Tensor) -> None:
    from benchmark.media.mel import log_mel
    from benchmark.upstream.parallel_wavegan.vocoder import NeuralVocoder

    mel = log_mel(voice)
    before = NeuralVocoder(network)(mel)
    without_weight_norm(network)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "x.safetensors")
    settings = network.correction.generator.settings
    again = load.load(tmp_path / "x.safetensors", settings, MagnitudeSettings(16, 1))
    assert torch.allclose(NeuralVocoder(again)(mel), before, atol=1e-5)
    with pytest.raises(BenchmarkError, match="does not hold the weights"):
        load.load(tmp_path / "x.safetensors", settings, MagnitudeSettings(24, 1))
    (tmp_path / "y.safetensors").write_bytes(b"no")
    with pytest.raises(BenchmarkError, match="cannot be read"):
        load.load(tmp_path / "y.safetensors", settings, MagnitudeSettings())
