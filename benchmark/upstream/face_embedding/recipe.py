"""How the shipped face embedding is trained: as the other half of the voice embedding's training.

DIMNet teaches a voice and a face network by one set of classifiers. `benchmark.upstream.voice_embedding.recipe` ships
the one, this the other, of the same people, whom no contestant hears or sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmark.corpora.prepared import Store
from benchmark.media.image import FACE128, resized
from benchmark.system import Trainable
from benchmark.upstream.face_embedding.load import POCKET, load
from benchmark.upstream.face_embedding.network import SIZE
from benchmark.upstream.matcher.measures import auc, two_way
from benchmark.upstream.recipe import Recipe
from benchmark.upstream.voice_embedding.recipe import RECIPE as VOICE


def _network(trained: Trainable) -> nn.Module:
    return trained.get_submodule("face")


@torch.no_grad()
def evaluate(network: nn.Module, store: Store) -> Mapping[str, float]:
    """auc_unseen, two_way_unseen: of held-out people, telling two pictures of a person from pictures of two people of
    one gender by the cosine, and the share of triples in which the person's own is nearer."""
    rows = np.array([i for i, record in enumerate(store.records) if record.split == "unseen"])
    pictures = [FACE128.batch(torch.from_numpy(store.rows(FACE128, int(i))[None, :1].copy())) for i in rows]
    found = functional.normalize(torch.cat([network(resized(one, SIZE)) for one in pictures])).double().numpy()
    who, gender = store.index["speaker"][rows], store.index["gender"][rows]
    cosine = found @ found.T
    same = (who[:, None] == who) & ~np.eye(len(who), dtype=bool)
    rival = (gender[:, None] == gender) & (who[:, None] != who)
    figures = {
        "auc_unseen": auc(cosine[same], cosine[rival]),
        "two_way_unseen": two_way(cosine, same, rival),
    }
    return {key: round(value, 4) for key, value in figures.items()}


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    return evaluate(load(weights), store)


def _describe(store: Store) -> Mapping[str, Any]:
    return {"network": asdict(POCKET)}


RECIPE = Recipe(
    corpus=VOICE.corpus,
    build=VOICE.build,
    network=_network,
    train=VOICE.train,
    evaluate=_evaluate,
    describe=_describe,
)
