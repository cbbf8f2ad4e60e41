"""What a voice embedding is worth on recordings and people that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.pocket.identity import DRIVERS
from benchmark.corpora.pocket.measure import ridge
from benchmark.corpora.prepared import Store
from benchmark.media.mel64 import MEL64
from benchmark.upstream.matcher.measures import auc, eer, two_way

PROBE_PENALTY = 0.01


def evaluate(network: nn.Module, store: Store) -> Mapping[str, float]:
    """Figures of held-out recordings of training people (`_seen`) and of other people (`_unseen`), recordings whole.
    A split in which everybody has one recording alone has none.

    auc, eer: telling two recordings of a person from recordings of two people of one gender, by the cosine.
    two_way: share of triples in which another recording of the person is nearer than one of somebody of the gender.
    same, gender: mean cosine of two recordings of a person, and of two people of a gender.
    gender_accuracy, r2_<driver>: of a linear map from one embedding to what made the voice
        (`benchmark.corpora.pocket.identity`), fitted on training recordings; R^2 is 0 for the mean and 1 at best. Of a
        corpus that is not generated there is gender_accuracy alone.
    """
    rows = {split: heard_rows(store, split) for split in ("train", "seen", "unseen")}
    found = {split: embedded(network, store, own) for split, own in rows.items()}
    speaker, gender = store.index["speaker"], store.index["gender"]
    figures: dict[str, float] = {}
    for split in ("seen", "unseen"):
        who, what = speaker[rows[split]], gender[rows[split]]
        cosine = found[split] @ found[split].T
        itself = np.eye(len(who), dtype=bool)
        same = (who[:, None] == who) & ~itself
        rival = (what[:, None] == what) & (who[:, None] != who)
        if not same.any():
            continue
        figures |= {
            f"auc_{split}": auc(cosine[same], cosine[rival]),
            f"eer_{split}": eer(cosine[same], cosine[rival]),
            f"two_way_{split}": two_way(cosine, same, rival),
            f"same_{split}": float(cosine[same].mean()),
            f"gender_{split}": float(cosine[rival].mean()),
        }
    drivers = drivers_of(store)
    guess = ridge(found["train"], drivers[rows["train"]], found["unseen"], PROBE_PENALTY)
    truth = drivers[rows["unseen"]]
    figures["gender_accuracy_unseen"] = float(((guess[:, 0] > 0) == (truth[:, 0] > 0)).mean())
    if drivers.shape[1] == len(DRIVERS):
        unexplained = np.square(guess - truth).mean(0) / truth.var(0)
        figures |= {f"r2_{name}_unseen": float(1.0 - u) for name, u in zip(DRIVERS, unexplained, strict=True)}
    return {key: round(value, 4) for key, value in figures.items()}


@torch.no_grad()
def embedded(network: nn.Module, store: Store, rows: np.ndarray) -> np.ndarray:
    """(N, E) float64: embeddings of whole recordings, in eval mode."""
    found = [network(MEL64.batch(torch.from_numpy(store.rows(MEL64, int(i))[None].copy())))[0] for i in rows]
    return torch.stack(found).double().numpy()


def heard_rows(store: Store, split: str) -> np.ndarray:
    """Records of a split in which a voice is heard."""
    lengths = np.diff(store.flat(MEL64)[1])
    return np.array([i for i, record in enumerate(store.records) if record.split == split and lengths[i]])


def drivers_of(store: Store) -> np.ndarray:
    """(R, D) float64: DRIVERS of every record of the embedded corpus; of another corpus gender as -1 / +1 alone."""
    made = store.meta["fingerprint"]
    if made.get("corpus") != "pocket":
        return 2.0 * store.index["gender"][:, None].astype(np.float64) - 1.0
    corpus = PocketCorpus(seed=made["seed"], pool=made["pool"], frames_per_clip=made["frames_per_clip"])
    return np.stack([corpus.identity(record).vector for record in store.records])
