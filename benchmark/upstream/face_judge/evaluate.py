"""What a judge of faces is worth on pictures and people that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from benchmark.upstream.face_judge.augment import box_blur
from benchmark.upstream.face_judge.labels import Labels
from benchmark.upstream.face_judge.load import judged_size
from benchmark.upstream.face_judge.network import ATTRIBUTES, POSE, FaceJudge, Judgement

_BATCH = 100


def evaluate(network: FaceJudge, store: Store, labels: Labels, standard: np.ndarray) -> Mapping[str, float]:
    """Figures of held-out pictures of training people (`_seen`) and of other people (`_unseen`), and of the latter
    after a box blur of 3 x 3 at 64 pixels (`_blurred`).

    gender: accuracy. yaw, pitch, roll: mean absolute error in degrees; `_random`: between two pictures at random, the
    floor. r2_<attribute>: of attributes that vary. auc, eer: telling two pictures of a person from two people of one
    gender, by the cosine. nearest: share of pictures whose nearest other one is of the same person. `standard` (2, A)
    is what the network's attributes are standard scores of.
    """
    figures: dict[str, float] = {}
    for name, split in (("seen", "seen"), ("unseen", "unseen"), ("blurred", "unseen")):
        rows = np.array([i for i, record in enumerate(store.records) if record.split == split])
        pictures = pictures_of(store, rows)
        found = judged(network, box_blur(pictures) if name == "blurred" else pictures)
        gender, speaker = store.index["gender"][rows], store.index["speaker"][rows]
        figures[f"gender_{name}"] = float(((found.gender.numpy() > 0) == gender).mean())
        error = np.abs(found.pose.numpy() - labels.pose[rows]).mean(0)
        figures |= {f"{angle}_{name}": float(e) for angle, e in zip(POSE, error, strict=True)}
        if name == "seen":
            continue
        figures |= {f"{key}_{name}": value for key, value in verification(found.identity, gender, speaker).items()}
        truth = (labels.attributes[rows] - standard[0]) / standard[1]
        wrong = np.square(found.attributes.numpy() - truth).mean(0)
        figures |= {
            f"r2_{attribute}_{name}": float(1.0 - wrong[i] / truth[:, i].var())
            for i, attribute in enumerate(ATTRIBUTES)
            if np.ptp(truth[:, i]) > 0.0
        }
        if name == "unseen":
            other = np.random.default_rng(0).permutation(rows)
            floor = np.abs(labels.pose[rows] - labels.pose[other]).mean(0)
            figures |= {f"{angle}_random": float(e) for angle, e in zip(POSE, floor, strict=True)}
    return {key: round(value, 4) for key, value in figures.items()}


def pictures_of(store: Store, rows: np.ndarray) -> Tensor:
    """(N, 3, 64, 64): the first picture of those records."""
    face = feature("face128")
    stored = np.stack([store.rows(face, int(i))[:1] for i in rows])
    return torch.cat([judged_size(face.batch(part)) for part in torch.split(torch.from_numpy(stored), _BATCH)])


@torch.no_grad()
def judged(network: FaceJudge, pictures: Tensor) -> Judgement:
    """All of it but the maps, which would fill memory."""
    parts = [network(part) for part in torch.split(pictures, _BATCH)]
    readings = ("features", "identity", "gender", "pose", "attributes")
    return Judgement(maps=(), **{name: torch.cat([getattr(part, name) for part in parts]) for name in readings})


def verification(identity: Tensor, gender: np.ndarray, speaker: np.ndarray) -> dict[str, float]:
    """auc, eer, nearest; see `evaluate`. Of identity (N, d), gender (N,) and speaker (N,)."""
    cosine = (identity @ identity.T).numpy()
    first, second = np.triu_indices(len(speaker), 1)
    pair = cosine[first, second]
    same = speaker[first] == speaker[second]
    rivals = pair[(gender[first] == gender[second]) & ~same]
    order = np.argsort(np.concatenate([pair[same], rivals]), kind="stable")
    accepted = order < int(same.sum())
    missed = np.cumsum(accepted) / same.sum()  # same people at or below each threshold
    taken = 1.0 - np.cumsum(~accepted) / len(rivals)  # other people above it
    eer = float((missed + taken)[np.argmin(np.abs(missed - taken))] / 2.0)
    auc = float(1.0 - (missed[~accepted]).mean())
    np.fill_diagonal(cosine, -np.inf)
    nearest = float((speaker[cosine.argmax(1)] == speaker).mean())
    return {"auc": auc, "eer": eer, "nearest": nearest}
