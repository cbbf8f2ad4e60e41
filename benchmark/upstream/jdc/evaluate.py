"""What an F0 network is worth on recordings that it was not trained on, against the F0 that their generator knows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from benchmark.media.f0 import F0
from benchmark.media.mel import log_mel
from benchmark.upstream.jdc.network import JDC

GROSS = 0.2
"""Relative error from which F0 is not inaccurate but wrong."""


def evaluate(network: JDC, store: Store) -> Mapping[str, float]:
    """Figures of other voices (`_unseen`) and of held-out recordings of training voices (`_seen`), of the network
    (`..._seen`) and of the feature `f0` of the same recordings (`world_..._seen`), over all frames of a split together.

    cents: median |error| where both say voiced. gross: share of these with an error above 20 %. voicing_f1, precision,
    recall: of telling voiced frames. always_f1: of saying voiced everywhere, the floor.
    """
    made = store.meta["fingerprint"]
    corpus = PocketCorpus(seed=made["seed"], pool=made["pool"], frames_per_clip=made["frames_per_clip"])
    figures: dict[str, float] = {}
    for split in ("seen", "unseen"):
        rows = [i for i, record in enumerate(store.records) if record.split == split]
        known = np.concatenate([corpus.f0(store.records[i]) for i in rows])
        read = np.concatenate([read_f0(network, store, i) for i in rows])
        world = np.concatenate([store.rows(F0, i) for i in rows])
        for name, found in (("", read), ("world_", world)):
            figures |= {f"{name}{key}_{split}": round(value, 4) for key, value in compared(found, known).items()}
        figures[f"always_f1_{split}"] = round(compared(np.ones_like(known), known)["voicing_f1"], 4)
    return figures


@torch.no_grad()
def read_f0(network: JDC, store: Store, record: int) -> np.ndarray:
    """(T,) Hz, 0 where the network hears no voice, of a whole recording."""
    wave = feature("wave24k").batch(torch.from_numpy(store.rows(feature("wave24k"), record).copy()))
    found = network(log_mel(wave))
    return torch.where(found.voiced > 0.0, found.f0, 0.0)[0].numpy()


def compared(found: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """The figures of `evaluate` of F0 (T,) in Hz against the known one, both 0 where unvoiced."""
    heard, voiced = found > 0.0, known > 0.0
    both = heard & voiced
    ratio = found[both] / known[both]
    precision, recall = both.sum() / max(heard.sum(), 1), both.sum() / max(voiced.sum(), 1)
    return {
        "cents": float(np.median(1200.0 * np.abs(np.log2(ratio)))) if both.any() else float("nan"),
        "gross": float((np.abs(ratio - 1.0) > GROSS).mean()) if both.any() else float("nan"),
        "voicing_f1": float(2.0 * both.sum() / max(heard.sum() + voiced.sum(), 1)),
        "precision": float(precision),
        "recall": float(recall),
    }
