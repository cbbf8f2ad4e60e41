"""Published files of the voice embedding come in whole or not at all; the shipped one belongs to the suite's mel64."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark import weights
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.media.mel64 import MEL64
from benchmark.upstream.voice_embedding import load
from benchmark.upstream.voice_embedding.load import WEIGHTS, load_published, voice_embedding
from benchmark.upstream.voice_embedding.network import VoiceEmbedding

State = dict[str, Tensor]


class Official(nn.Module):
    """The layers of the official network in their order, under its name; its forward pass without the last view."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        widths = [64, 256, 384, 576, 864]
        for a, b in pairwise(widths):
            layers += [nn.Conv1d(a, b, 3, 2, 1, bias=False), nn.BatchNorm1d(b, affine=True), nn.ReLU(inplace=True)]
        self.model = nn.Sequential(*layers, nn.Conv1d(864, 64, 3, 2, 1, bias=True))

    def forward(self, x: Tensor) -> Tensor:
        found = self.model(x)
        return functional.avg_pool1d(found, found.shape[2], stride=1)[:, :, 0]


@pytest.fixture(scope="module")
def official() -> Official:
    torch.manual_seed(0)
    network = Official().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.running_mean, 0.0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network


@pytest.fixture
def state(official: Official) -> State:
    return {name: value.clone() for name, value in official.state_dict().items()}


def test_a_published_file_is_loaded_and_answers_as_the_official_network(
    tmp_path: Path, official: Official, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both kinds of file: with the counters of batches, and as old versions of torch wrote it."""
    path = tmp_path / "voice_embedding.pth"
    monkeypatch.setattr(load.weights, "get", lambda name: path if name == WEIGHTS["published"] else None)
    mel = torch.randn(2, 1, 64, 333, generator=torch.Generator().manual_seed(1))
    for kept in (state, {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}):
        torch.save(kept, path)
        network = voice_embedding("published")
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())
        torch.testing.assert_close(network(mel), functional.normalize(official(mel[:, 0])), atol=1e-6, rtol=0)


def absent(state: State) -> State:
    return {k: v for k, v in state.items() if k != "model.12.bias"}


def foreign(state: State) -> State:
    return {**state, "fc.weight": torch.zeros(3)}


def reshaped(state: State) -> State:
    return {**state, "model.12.weight": torch.zeros(64, 864, 1)}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (absent, "model.12.bias is absent"),
        (foreign, "fc.weight is .*expected absent"),
        (reshaped, r"model.12.weight is \(64, 864, 1\), expected \(64, 864, 3\)"),
        (lambda state: [1.0], "model.0.weight is absent"),
    ],
)
def test_another_file_is_refused_and_nothing_is_written(
    tmp_path: Path, state: State, made: Callable[[State], object], message: str
) -> None:
    network = VoiceEmbedding()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.save(made(state), tmp_path / "e.pth")
    with pytest.raises(BenchmarkError, match=message):
        load_published(network, tmp_path / "e.pth")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_absent_published_weights_are_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"wen2019/voice_embedding\.pth"):
        voice_embedding("published")


def test_on_the_meta_device_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load.weights, "get", lambda name: pytest.fail(f"{name} was asked for"))
    with torch.device("meta"):
        counts = {w: sum(p.numel() for p in voice_embedding(w).parameters()) for w in ("pocket", "published")}  # type: ignore[arg-type]
    assert counts == {"pocket": 327_040, "published": 2_670_720}


def test_the_record_belongs_to_the_shipped_weights() -> None:
    path = weights.get(WEIGHTS["pocket"])
    record = json.loads(path.with_suffix(".json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"] == weights.entry(WEIGHTS["pocket"]).sha256
    assert record["bytes"] == path.stat().st_size == weights.entry(WEIGHTS["pocket"]).bytes
    assert record["parameters"] == sum(p.numel() for p in voice_embedding("pocket").parameters())
    assert record["mel"] == MEL64.hash
    assert record["corpus"]["name"].startswith("pocket_upstream"), "no contestant and no judge hears these people"
    figures = record["evaluation"]
    assert figures["auc_unseen"] > 0.95
    assert figures["gender_accuracy_unseen"] > 0.97
