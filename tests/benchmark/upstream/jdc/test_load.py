"""Published files of the F0 network come in whole or not at all; the shipped one belongs to the suite's mel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark import weights
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.media.mel import MEL80
from benchmark.upstream.jdc import load
from benchmark.upstream.jdc.load import WEIGHTS, f0_network, load_published, published_tensors
from benchmark.upstream.jdc.network import JDC

State = dict[str, Tensor]


def test_a_published_file_is_loaded_through_f0_network(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both kinds of file: with the detector's counters of batches, and as old versions of torch wrote it."""
    path = tmp_path / "bst.t7"
    monkeypatch.setattr(load.weights, "get", lambda name: path if name == "bst.t7" else None)
    for kept in (state, {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}):
        torch.save({"net": kept}, path)
        network = f0_network("published")
        own = published_tensors(network)
        assert own.keys() == state.keys()
        assert all(torch.equal(own[name], state[name]) for name in own)
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())
        assert network.channels == 256
    # A kernel there is (out, in, frames, bands), ours (out, in, bands, frames).
    kernel = network.get_parameter("stem.first.weight")
    assert torch.equal(kernel, state["conv_block.0.weight"].transpose(2, 3))


def absent(state: State) -> Any:
    return {"net": {k: v for k, v in state.items() if k != "bilstm_detector.weight_hh_l0"}}


def foreign(state: State) -> Any:
    return {"net": {**state, "fc.weight": torch.zeros(3)}}


def reshaped(state: State) -> Any:
    return {"net": {**state, "classifier.weight": torch.zeros(722, 512)}}


def elsewhere(state: State) -> Any:
    return {"model": state}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (absent, "bilstm_detector.weight_hh_l0 is absent"),
        (foreign, "fc.weight is .*expected absent"),
        (reshaped, r"classifier.weight is \(722, 512\), expected \(1, 512\)"),
        (elsewhere, "has no 'net'"),
    ],
)
def test_another_file_is_refused_and_nothing_is_written(
    tmp_path: Path, state: State, made: Callable[[State], Any], message: str
) -> None:
    network = JDC()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.save(made(state), tmp_path / "bst.t7")
    with pytest.raises(BenchmarkError, match=message):
        load_published(network, tmp_path / "bst.t7")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_absent_published_weights_are_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"bst\.t7"):
        f0_network("published")


def test_on_the_meta_device_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load.weights, "get", lambda name: pytest.fail(f"{name} was asked for"))
    with torch.device("meta"):
        counts = {which: sum(p.numel() for p in f0_network(which).parameters()) for which in ("pocket", "published")}
    assert counts == {"pocket": 120_939, "published": 5_248_067}


def test_the_record_belongs_to_the_shipped_weights() -> None:
    path = weights.get(WEIGHTS["pocket"])
    record = json.loads(path.with_suffix(".json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"] == weights.entry(WEIGHTS["pocket"]).sha256
    assert record["bytes"] == path.stat().st_size == weights.entry(WEIGHTS["pocket"]).bytes
    assert record["parameters"] == sum(p.numel() for p in f0_network("pocket").parameters())
    assert record["mel"] == MEL80.hash
    figures = record["evaluation"]
    assert figures["cents_unseen"] < 30.0
    assert figures["voicing_f1_unseen"] > max(0.95, figures["always_f1_unseen"])
