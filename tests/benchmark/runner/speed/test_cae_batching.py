"""`cae_batching`: both sides take the same step of Algorithm 1. Nothing is timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.runner.speed import cae_batching
from benchmark.runner.speed.measure import unlike
from benchmark.upstream.voice_embedding.network import VoiceEmbedding, VoiceEmbeddingSettings

SMALL = replace(
    cae_batching.SETTINGS, widths=(4, 4, 6, 8), trunk_widths=(4, 4, 4, 6, 8), batch=3, crop=40, least_crop=40
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures; a fresh voice embedding in the place of the shipped one."""
    monkeypatch.setattr(
        "methods.cae.system.voice_embedding",
        lambda which: VoiceEmbedding(VoiceEmbeddingSettings((4, 4, 4, 4))).eval().requires_grad_(False),
    )
    rng = np.random.default_rng(0)
    for i in range(3):
        picture = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).resize((128, 128))
        picture.save(tmp_path / f"{i}.png")
    return tmp_path


def values(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> tuple[Sequence[Any], Sequence[Any], float]:
    monkeypatch.setattr(cae_batching, "SETTINGS", replace(SMALL, **changes))
    comparison = cae_batching.batching()
    return comparison.ours(folder).run(), comparison.peer(folder).run(), comparison.tolerance


def test_both_sides_take_the_same_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, peer, tolerance = values(folder, monkeypatch)
    assert len(ours) == 2 + 1 + 5 + 3  # terms of the three phases, and the norms of three gradients
    assert all(value > 0 for value in ours)
    assert unlike(ours, peer, tolerance) == ""


def test_another_model_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics of the whole batch are those of no pair."""
    ours, peer, tolerance = values(folder, monkeypatch, norm="batch")
    assert unlike(ours, peer, tolerance) != ""


def test_what_is_measured_is_the_papers_form() -> None:
    s = cae_batching.SETTINGS
    assert (s.gate, s.gate_granularity, s.norm, s.widths) == ("transposed", "weight", "bn1", (64, 128, 256, 512))
    assert s.batch == cae_batching.PAIRS == 16


def test_faces_and_targets_are_of_two_people(folder: Path) -> None:
    batch = cae_batching.pairs(folder)
    assert torch.equal(batch["face"]["face128"][1], batch["target"]["face128"][0])
    assert torch.equal(batch["voice"]["speaker"], batch["target"]["speaker"])
    assert torch.equal(batch["own_voice"]["speaker"], batch["face"]["speaker"])
    assert not (batch["voice"]["speaker"] == batch["face"]["speaker"]).any()
