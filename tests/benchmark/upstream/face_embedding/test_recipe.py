"""The shipped face embedding: the face network of the voice embedding's training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmark import weights
from benchmark.corpora.prepared import Store
from benchmark.errors import MissingWeights
from benchmark.upstream.face_embedding.load import POCKET, WEIGHTS, face_embedding, load
from benchmark.upstream.face_embedding.network import FaceTrunk
from benchmark.upstream.face_embedding.recipe import RECIPE, evaluate
from benchmark.upstream.voice_embedding.recipe import RECIPE as VOICE
from benchmark.upstream.voice_embedding.recipe import SETTINGS
from benchmark.weights import Weights


def test_it_is_the_other_half_of_the_voice_embedding() -> None:
    assert (RECIPE.corpus, RECIPE.train, RECIPE.build) == (VOICE.corpus, VOICE.train, VOICE.build)
    assert SETTINGS.face == POCKET
    trained = nn.Module()
    trained.face, trained.network = FaceTrunk(POCKET), nn.Identity()
    assert RECIPE.network(trained) is trained.face  # type: ignore[arg-type]
    assert sum(p.numel() for p in trained.face.parameters()) == 229_328


def test_a_file_is_read_frozen(tmp_path: Path) -> None:
    network, path = FaceTrunk(POCKET), tmp_path / "face_embedding.safetensors"
    save_file(network.state_dict(), path)
    found = load(path)
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(found(x), network(x))
    assert not any(p.requires_grad for p in found.parameters())
    assert not found.training


def test_absent_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = Weights(WEIGHTS, "absent.safetensors", "MIT", "")
    monkeypatch.setattr(weights, "entries", lambda: {entry.name: entry})
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    with pytest.raises(MissingWeights, match=r"absent\.safetensors"):
        face_embedding()
    with torch.device("meta"):
        assert face_embedding().settings == POCKET


def test_figures_know_people_by_their_pictures(speech_store: Callable[..., Store]) -> None:
    """Grey pictures, of a person of nearly one grey: who reads the grey finds the person, who reads nothing guesses."""
    store = speech_store(train=2, unseen=6, recordings=(1, 1, 2), frames=1)

    def grey(pictures: Tensor) -> Tensor:
        level = pictures.mean((1, 2, 3))
        return torch.stack([level.cos(), level.sin()], 1)

    assert evaluate(grey, store)["auc_unseen"] > 0.9  # type: ignore[arg-type]
    assert evaluate(lambda x: torch.ones(len(x), 2), store)["auc_unseen"] == 0.5  # type: ignore[arg-type]
