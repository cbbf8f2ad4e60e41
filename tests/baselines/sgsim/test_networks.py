"""Encoder, ArcFace and CLIP: counts, names of the published files, and what is said of absent or wrong ones."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet18

from baselines.sgsim import spaces
from baselines.sgsim.arcface import ArcFace, load_arcface
from baselines.sgsim.encoder import AudioEncoder, ResNet18, load_encoder
from benchmark import weights
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.weights import Weights


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """CLIP's entry as weights.toml has it, and an empty folder of weights."""
    entry = Weights(spaces.CLIP, spaces.CLIP, "MIT", "CLIP")
    monkeypatch.setattr(weights, "entries", lambda: {spaces.CLIP: entry})
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    return tmp_path


def test_the_encoder_has_the_official_size() -> None:
    with torch.device("meta"):
        assert count(AudioEncoder()) == 11_439_198


def test_the_trunk_is_resnet_18_by_name_and_by_number() -> None:
    ours = ResNet18(16, (64, 128, 256, 512)).eval()
    theirs = resnet18(num_classes=16).eval()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, 40, 33)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)


def test_embeddings_have_length_one() -> None:
    encoder = AudioEncoder(8, (4, 4, 8, 8)).eval()
    found = encoder(torch.rand(3, 1, 32, 40))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(encoder(torch.rand(3, 1, 32, 40)[:1]).shape, torch.Size([1, 8]))


def test_a_published_encoder_is_read_with_its_prefix_or_refused(tmp_path: Path) -> None:
    source, target, path = AudioEncoder(8, (4, 4, 8, 8)), AudioEncoder(8, (4, 4, 8, 8)), tmp_path / "resnet18_57.pth"
    state = {f"module.{name}": value for name, value in source.state_dict().items()}
    torch.save(state, path)
    load_encoder(path, target)
    assert all(torch.equal(v, source.state_dict()[k]) for k, v in target.state_dict().items())
    state["module.conv.weight"] = torch.zeros(3, 1, 5, 5)
    torch.save(state, path)
    before = target.conv.weight.clone()
    with pytest.raises(BenchmarkError, match=r"conv.weight is \(3, 1, 5, 5\), expected \(3, 1, 3, 3\)"):
        load_encoder(path, target)
    assert torch.equal(target.conv.weight, before)
    torch.save([1], path)
    with pytest.raises(BenchmarkError, match="is absent"):
        load_encoder(path, target)


def test_arcface_has_the_published_size_and_names(tmp_path: Path) -> None:
    with torch.device("meta"):
        network = ArcFace()
    assert count(network) == 43_797_696
    names = set(network.state_dict())
    assert len(network.body) == 24
    assert {
        "input_layer.2.weight",
        "body.0.res_layer.5.fc1.weight",
        "body.3.shortcut_layer.1.running_var",
        "body.23.res_layer.4.bias",
        "output_layer.3.weight",
        "output_layer.4.running_mean",
    } <= names
    path = tmp_path / "model_ir_se50.pth"
    torch.save({"input_layer.0.weight": torch.zeros(64, 3, 3, 3)}, path)
    with pytest.raises(BenchmarkError, match="does not fit ArcFace"):
        load_arcface(path, network)


def test_pixels_for_clip_are_repeated_seven_times_and_averaged() -> None:
    x = torch.rand(2, 3, 64, 64)
    found = spaces.clip_size(x)
    assert found.shape == (2, 3, 224, 224)
    wide = x.repeat_interleave(7, 2).repeat_interleave(7, 3)
    torch.testing.assert_close(found[..., 5, 9], wide[..., 10:12, 18:20].mean((2, 3)))
    with pytest.raises(BenchmarkError, match="got 40"):
        spaces.clip_size(torch.rand(1, 3, 40, 40))


class Clip(nn.Module):
    """What open_clip's network offers, in small."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4))

    def encode_image(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) @ self.weight

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens.float() @ self.weight


def package(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ModuleType("open_clip")
    made.create_model = lambda name: Clip()  # type: ignore[attr-defined]
    made.get_tokenizer = lambda name: lambda texts: torch.tensor([[len(t), 1, 0] for t in texts])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "open_clip", made)
    monkeypatch.setattr(spaces, "find_spec", lambda name: made)


def test_absent_clip_weights_are_named_with_what_mends_it(listed: Path) -> None:
    with pytest.raises(MissingWeights, match=r"clip/vit_b_32_openai.safetensors .*BENCHMARK_WEIGHTS"):
        spaces.space("clip")


def test_an_absent_package_is_named_with_what_mends_it(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (listed / "clip").mkdir()
    (listed / spaces.CLIP).write_bytes(b"something")
    monkeypatch.setattr(spaces, "find_spec", lambda name: None)
    with pytest.raises(BenchmarkError, match="uv sync --extra clip"):
        spaces.space("clip")


def test_clip_is_counted_without_package_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spaces, "find_spec", lambda name: None)
    with torch.device("meta"):
        assert count(spaces.space("clip")) == 151_277_313


def test_a_file_that_is_not_clip_is_refused(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (listed / "clip").mkdir()
    (listed / spaces.CLIP).write_bytes(b"something")
    package(monkeypatch)
    with pytest.raises(BenchmarkError, match="does not fit CLIP"):
        spaces.space("clip")


@pytest.mark.parametrize("normalise", [False, True])
def test_clip_sees_pictures_as_they_are_or_as_it_was_trained(
    normalise: bool, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(monkeypatch)
    monkeypatch.setattr(spaces, "clip", Clip)
    made = spaces.space("clip", normalise)
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    seen = x
    if normalise:
        mean, deviation = (torch.tensor(v)[:, None, None] for v in (spaces.MEAN, spaces.DEVIATION))
        seen = ((x + 1) / 2 - mean) / deviation
    expected = F.normalize(seen.mean((2, 3)) @ made.network.weight)
    torch.testing.assert_close(made.images(x), expected)
    assert not any(p.requires_grad for p in made.parameters())
    torch.testing.assert_close(made.texts(["ab"]), F.normalize(torch.tensor([[2.0, 1, 0]]) @ made.network.weight))
