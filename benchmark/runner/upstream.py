"""Train an upstream network of ours by its recipe and write what is shipped: weights and their record."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from benchmark.atomic import atomic, write_json
from benchmark.registry import find
from benchmark.reporting.schema import provenance
from benchmark.runner.corpora import derive_wanted, open_store
from benchmark.settings import Profile, make
from benchmark.training.checkpoint import load_trained, read
from benchmark.training.log import read_losses
from benchmark.training.loop import TrainSettings, train
from benchmark.upstream.recipe import Recipe


def make_network(
    name: str, out: Path, seed: int = 0, device: str = "auto", jobs: int | None = None
) -> tuple[Path, dict[str, Any]]:
    """Train the network of that name, or go on with it, or find it trained; then evaluate it and write both files.

    Args:
        name: of `benchmark.registry.UPSTREAM`.
        out: folder; receives `training/`, `<name>.safetensors` and `<name>.json`.
        seed: decides the pool's people, initial weights, batches and noise.
        device: where to train, "auto", "cpu" or "cuda".
        jobs: worker processes of preparing the pool.

    Returns:
        (the safetensors file, its record).

    Raises:
        BenchmarkError: no such network; as preparing and training do.
    """
    recipe: Recipe = find("upstream", name).load()
    store = open_store(recipe.corpus, None, Profile("recipe"), seed, jobs)
    torch.manual_seed(seed)
    trained = recipe.build(store)
    derive_wanted(trained, [store], jobs)
    settings = make(TrainSettings, {**recipe.train, "seed": seed, "device": device}, f"recipe {name}")
    result = train(trained, [store], out / "training", settings)
    load_trained(trained, result.checkpoint)
    network = recipe.network(trained).eval()
    weights = {key: value.contiguous() for key, value in network.cpu().state_dict().items()}
    data = save(weights)
    path = out / f"{name}.safetensors"
    with atomic(path) as file:
        file.write(data)
    record: dict[str, Any] = {
        "name": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "parameters": sum(p.numel() for p in network.parameters()),
        "licence": "MIT (trained on generated recordings and pictures alone)",
        "command": f"python -m benchmark upstream {name} --seed {seed}",
        "settings": asdict(trained.settings),  # type: ignore[call-overload]
        "training": asdict(settings),
        "seconds": round(result.seconds),
        "corpus": {"name": store.corpus, "sha256": store.sha256, "seed": seed, "records": len(store.records)},
        "evaluation": dict(recipe.evaluate(path, store)),
        **_origin(result.checkpoint),
        **recipe.describe(store),
    }
    write_json(path.with_suffix(".json"), record)
    return path, record


def _origin(checkpoint: Path) -> dict[str, Any]:
    """Where the weights come from: code and machine of the last training session, and the curve of its losses."""
    found = provenance()
    return {
        "git": found["git"].model_dump(),
        "packages": found["packages"],
        "environment": read(checkpoint)["environment"],
        "curve": read_losses(checkpoint.parent),
    }
