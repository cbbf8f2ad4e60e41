"""How the shipped voice embedding is trained: in the DIMNet manner, on people that no contestant hears or sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmark.corpora.pocket.identity import DRIVERS, VISIBLE
from benchmark.corpora.prepared import Store
from benchmark.media.mel64 import MEL64
from benchmark.system import Trainable
from benchmark.upstream.face_embedding.network import FaceTrunkSettings
from benchmark.upstream.recipe import Recipe
from benchmark.upstream.voice_embedding.covariates import covariates_of
from benchmark.upstream.voice_embedding.evaluate import drivers_of, evaluate
from benchmark.upstream.voice_embedding.load import POCKET, load
from benchmark.upstream.voice_embedding.training import Settings, VoiceEmbeddingTraining

SETTINGS = Settings(
    voice=POCKET,
    face=FaceTrunkSettings(widths=(8, 16, 32, 64, 128)),
    traits=4.0,
    crop=200,
    steps=800,
    lr=3e-3,
    hidden=12,
    noise_level=0.2,
)
"""Beside identity and gender the embedded corpus knows of its people, in the place of nationality, what face and voice
have in common. Without it the embedding knows who speaks and little of what a face could show (docs/pocket.md)."""


def _build(store: Store) -> Trainable:
    shown = torch.from_numpy(drivers_of(store)[:, [DRIVERS.index(name) for name in VISIBLE]]).float()
    return VoiceEmbeddingTraining(SETTINGS, covariates_of(store), shown)


def _network(trained: Trainable) -> nn.Module:
    return trained.get_submodule("network")


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    return evaluate(load(weights), store)


def _describe(store: Store) -> Mapping[str, Any]:
    return {"mel": MEL64.hash, "network": asdict(POCKET)}


RECIPE = Recipe(
    corpus="pocket_upstream_pairs",
    build=_build,
    network=_network,
    train={"steps": SETTINGS.steps, "save_every": 250, "log_every": 50},
    evaluate=_evaluate,
    describe=_describe,
)
