"""What a judge of voices with faces is worth on people whom it never met."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from benchmark.media.image import resized
from benchmark.upstream.face_judge.augment import box_blur
from benchmark.upstream.matcher.measures import auc, eer, mean_average_precision, two_way
from benchmark.upstream.matcher.network import Matcher
from benchmark.upstream.voice_embedding.evaluate import embedded, heard_rows

_BATCH = 100


def evaluate(network: Matcher, store: Store) -> Mapping[str, float]:
    """Figures of held-out recordings and pictures of training people (`_seen`), of other people (`_unseen`), and of the
    latter with pictures box-blurred over 3 x 3 of 64 pixels (`_blurred`).

    All pairs and triples there are; a voice goes with every picture of its person. `_any`: the other person may be of
    either gender; `_within`: is of the same one.

    faces: share of triples in which the face of the voice's person fits it better than another person's; chance 0.5.
    voices: the same for a face and two voices. auc, eer: telling fitting pairs from others. map_faces, map_voices:
    mean average precision of retrieval among all (chance: about one over the number of people).
    """
    figures: dict[str, float] = {}
    for name, split in (("seen", "seen"), ("unseen", "unseen"), ("blurred", "unseen")):
        rows = heard_rows(store, split)
        voices = embedded(network.listen, store, rows)
        faces, owner = faces_of(network, store, rows, blurred=name == "blurred")
        speaker, gender = store.index["speaker"], store.index["gender"]
        score = voices @ faces.T
        same = speaker[rows][:, None] == speaker[owner]
        strata = {"any": ~same, "within": ~same & (gender[rows][:, None] == gender[owner])}
        for stratum, rival in strata.items():
            figures |= {
                f"faces_{stratum}_{name}": two_way(score, same, rival),
                f"voices_{stratum}_{name}": two_way(score.T, same.T, rival.T),
                f"auc_{stratum}_{name}": auc(score[same], score[rival]),
                f"eer_{stratum}_{name}": eer(score[same], score[rival]),
            }
        figures[f"map_faces_{name}"] = mean_average_precision(score, same)
        figures[f"map_voices_{name}"] = mean_average_precision(score.T, same.T)
    return {key: round(value, 4) for key, value in figures.items()}


@torch.no_grad()
def faces_of(network: Matcher, store: Store, rows: np.ndarray, blurred: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(F, E) float64 of all pictures of those records, box-blurred or not, and (F,) the record of each."""
    face = feature("face128")
    flat, offsets = store.flat(face)
    owner = np.repeat(rows, np.diff(offsets)[rows])
    found: list[Tensor] = []
    for part in (rows[i : i + _BATCH] for i in range(0, len(rows), _BATCH)):
        stored = np.concatenate([flat[offsets[i] : offsets[i + 1]] for i in part])
        pictures = resized(face.batch(torch.from_numpy(stored[:, None])), 64)
        found.append(network.face(box_blur(pictures) if blurred else pictures))
    return torch.cat(found).double().numpy(), owner
