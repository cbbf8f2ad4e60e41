"""What an F0 network is worth on recordings that it was not trained on, against the F0 that their generator knows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.prepared import Store
from benchmark.media.audio import WAVE24K, rows_to_wave
from benchmark.media.f0 import F0
from benchmark.media.mel import log_mel
from benchmark.upstream.jdc.augment import blurred
from benchmark.upstream.jdc.network import JDC

GROSS = 0.2
"""Relative error from which F0 is not inaccurate but wrong."""


def evaluate(network: JDC, store: Store) -> Mapping[str, float]:
    """Figures of other voices (`_unseen`) and of held-out recordings of training voices (`_seen`) over all frames of a
    split together: of the network, of the network on blurred mels (`blurred_`), as generators make them, and of the
    feature `f0` of the same recordings (`world_`), which is what it learnt from.

    Keys after the prefix: see `compared`. always_f1: voicing_f1 of saying voiced everywhere, its floor.
    """
    made = store.meta["fingerprint"]
    corpus = PocketCorpus(seed=made["seed"], pool=made["pool"], frames_per_clip=made["frames_per_clip"])
    figures: dict[str, float] = {}
    for split in ("seen", "unseen"):
        rows = [i for i, record in enumerate(store.records) if record.split == split]
        known = np.concatenate([corpus.f0(store.records[i]) for i in rows])
        mels = [recorded_mel(store, i) for i in rows]
        found = {
            "": np.concatenate([read_f0(network, mel) for mel in mels]),
            "blurred_": np.concatenate([read_f0(network, blurred(mel)) for mel in mels]),
            "world_": np.concatenate([store.rows(F0, i) for i in rows]),
        }
        for prefix, f0 in found.items():
            figures |= {f"{prefix}{key}_{split}": round(value, 4) for key, value in compared(f0, known).items()}
        figures[f"always_f1_{split}"] = round(compared(np.ones_like(known), known)["voicing_f1"], 4)
    return figures


def recorded_mel(store: Store, record: int) -> Tensor:
    """(1, 1, 80, T) of a whole recording, from its samples: the stored mel has half the precision."""
    return log_mel(rows_to_wave(store.rows(WAVE24K, record)))


@torch.no_grad()
def read_f0(network: JDC, mel: Tensor) -> np.ndarray:
    """(1, 1, 80, T) -> (T,) Hz, 0 where the network hears no voice."""
    found = network(mel)
    f0: np.ndarray = torch.where(found.voiced > 0.0, found.f0, 0.0)[0].numpy()
    return f0


def compared(found: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """F0 (T,) in Hz against the known one, both 0 where unvoiced; NaN where no frame is voiced in both.

    cents: median |error| where both are voiced. gross: share of these frames with an error above GROSS. voicing_f1,
    unvoiced_f1: harmonic mean of precision and recall of telling the voiced, and the unvoiced frames.
    """
    heard, voiced = found > 0.0, known > 0.0
    both = heard & voiced
    ratio = found[both] / known[both]
    return {
        "cents": float(np.median(1200.0 * np.abs(np.log2(ratio)))) if both.any() else np.nan,
        "gross": float((np.abs(ratio - 1.0) > GROSS).mean()) if both.any() else np.nan,
        "voicing_f1": _f1(heard, voiced),
        "unvoiced_f1": _f1(~heard, ~voiced),
    }


def _f1(found: np.ndarray, true: np.ndarray) -> float:
    return float(2.0 * (found & true).sum() / max(found.sum() + true.sum(), 1))
