"""How the pocket generator is trained: 64 px, the training people of pocket_faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from benchmark.corpora.prepared import Store
from benchmark.system import Trainable
from benchmark.upstream.recipe import Recipe
from benchmark.upstream.stylegan2.evaluate import evaluate
from benchmark.upstream.stylegan2.load import POCKET, load
from benchmark.upstream.stylegan2.training import Settings, StyleGAN2Training

SETTINGS = Settings(
    generator=POCKET,
    widths=POCKET.widths,
    batch=8,
    r1=1.0,  # a gradient grows with the number of pixels: a sixteenth of 256 px here, and a smaller batch
    path_every=8,
    ema=0.998,
)


def _build(store: Store) -> Trainable:
    return StyleGAN2Training(SETTINGS)


def _network(trained: Trainable) -> nn.Module:
    return trained.get_submodule("generator")


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    return evaluate(load(weights), store)


def _describe(store: Store) -> Mapping[str, Any]:
    return {"network": asdict(POCKET)}


RECIPE = Recipe(
    corpus="pocket_faces",
    build=_build,
    network=_network,
    train={"steps": 5000, "save_every": 100, "log_every": 50, "precision": "bf16-mixed"},
    evaluate=_evaluate,
    describe=_describe,
)
