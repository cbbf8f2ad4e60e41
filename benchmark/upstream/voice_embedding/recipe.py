"""How the shipped voice embedding is trained: in the DIMNet manner, on people that no contestant hears or sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from benchmark.corpora.prepared import Store
from benchmark.media.mel64 import MEL64
from benchmark.system import Trainable
from benchmark.upstream.recipe import Recipe
from benchmark.upstream.voice_embedding.covariates import covariates_of
from benchmark.upstream.voice_embedding.evaluate import evaluate
from benchmark.upstream.voice_embedding.load import POCKET, load
from benchmark.upstream.voice_embedding.training import Settings, VoiceEmbeddingTraining

SETTINGS = Settings(voice=POCKET)
"""Of a corpus without nationalities, as the embedded one, covariates are identity and gender."""


def _build(store: Store) -> Trainable:
    return VoiceEmbeddingTraining(SETTINGS, covariates_of(store))


def _network(trained: Trainable) -> nn.Module:
    return trained.get_submodule("network")


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    return evaluate(load(weights), store)


def _describe(store: Store) -> Mapping[str, Any]:
    return {"mel": MEL64.hash, "network": asdict(POCKET)}


RECIPE = Recipe(
    corpus="pocket_upstream",
    build=_build,
    network=_network,
    train={"steps": Settings.steps, "save_every": 250, "log_every": 50},
    evaluate=_evaluate,
    describe=_describe,
)
