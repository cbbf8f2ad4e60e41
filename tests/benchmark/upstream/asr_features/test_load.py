"""Getting the ASR features by name: the published file, ours, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.upstream.asr_features.load import asr_features, load_published, published_tensors
from benchmark.upstream.asr_features.network import AsrFeatures, Sizes

SMALL = Sizes(hidden=16, blocks=2, channels=6, tokens=9, embedding=5)


def saved(path: Path, network: AsrFeatures) -> dict[str, Any]:
    """As AuxiliaryASR's trainer saves it."""
    state = {"model": {k: v.clone() for k, v in published_tensors(network)}, "steps": 3, "optimizer": {"state": {}}}
    torch.save(state, path)
    return state


def test_a_published_file_loads_whole(tmp_path: Path) -> None:
    written, read = AsrFeatures(SMALL), AsrFeatures(SMALL)
    saved(tmp_path / "a.pth", written)
    load_published(read, tmp_path / "a.pth")
    own, other = written.state_dict(), read.state_dict()
    assert len(dict(published_tensors(written))) == len(own), "every tensor has one name"
    assert all(torch.equal(own[key], other[key]) for key in own)


@pytest.mark.parametrize("spoil", ["drop", "add", "reshape", "no model"])
def test_what_is_not_the_published_file_is_refused_and_changes_nothing(tmp_path: Path, spoil: str) -> None:
    state = saved(tmp_path / "a.pth", AsrFeatures(SMALL))
    model, key = state["model"], "cnns.1.0.blocks.2.0.conv.weight"
    if spoil == "drop":
        del model[key]
    elif spoil == "add":
        model["instance_norm.weight"] = torch.zeros(1)
    elif spoil == "reshape":
        model[key] = model[key][:, :, :1]
    else:
        state = model
    torch.save(state, tmp_path / "a.pth")
    network = AsrFeatures(SMALL)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with pytest.raises(BenchmarkError, match=r"epoch_00100\.pth"):
        load_published(network, tmp_path / "a.pth")
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_the_published_network_is_read_from_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MissingWeights, match=r"epoch_00100\.pth"):
        asr_features("published")
    written = AsrFeatures(Sizes())
    saved(tmp_path / "epoch_00100.pth", written)
    network = asr_features("published")
    assert torch.equal(network.dct, written.dct)
    assert torch.equal(network.stem.weight, written.stem.weight)
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("which", ["pocket", "published"])
def test_on_the_meta_device_no_weights_are_read(which: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> Path:
        raise AssertionError(name)

    monkeypatch.setattr("benchmark.weights.get", none)
    with torch.device("meta"):
        network = asr_features(which)
    assert all(t.is_meta for t in network.state_dict().values())
    assert not any(p.requires_grad for p in network.parameters())
