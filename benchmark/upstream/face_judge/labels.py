"""What the generator knows of every picture of a store: the labels that the judge of faces learns.

A picture's person and view are pure functions of pool, seed and record, so the labels need no file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.pocket.face_look import look_of
from benchmark.corpora.pocket.face_view import View
from benchmark.corpora.pocket.identity import DRIVERS, Identity
from benchmark.corpora.prepared import Store
from benchmark.upstream.face_judge.network import ATTRIBUTES, PERSON, POSE, VIEW


@dataclass(frozen=True)
class Labels:
    """Of R records of one picture each, in the store's order.

    pose: (R, 3) float32 degrees, columns as POSE. attributes: (R, A) float32, columns as ATTRIBUTES, in their own
    units: shares, standard scores, pixels, radians.
    """

    pose: np.ndarray
    attributes: np.ndarray


def person_attributes(identity: Identity) -> np.ndarray:
    """(len(PERSON),) float64. `size` to `eyes` are the drivers of the voice, `hair_width` to `curl` of a hair style."""
    look = look_of(identity)
    style = look.style
    drivers = dict(zip(DRIVERS, identity.vector, strict=True))
    return np.array(
        [
            *(drivers[name] for name in PERSON if name in drivers),
            *(*look.skin, *look.hair),
            *(style.end, style.side, style.fringe, style.curl),
            float(look.glasses != "none"),
            *(float(look.beard == kind) for kind in ("stubble", "full", "goatee", "moustache")),
        ]
    )


def pose(view: View) -> np.ndarray:
    """(3,) float64 degrees, columns as POSE."""
    return np.degrees([getattr(view, angle) for angle in POSE])


def labels_of(store: Store) -> Labels:
    """The labels of a prepared pool of faces."""
    made = store.meta["fingerprint"]
    corpus = PocketCorpus(seed=made["seed"], pool=made["pool"], frames_per_clip=made["frames_per_clip"])
    views = [corpus.view(record) for record in store.records]
    people = {record.speaker: record for record in store.records}
    fixed = {speaker: person_attributes(corpus.identity(record)) for speaker, record in people.items()}
    rows = [
        np.concatenate([fixed[record.speaker], [getattr(view, name) for name in VIEW]])
        for record, view in zip(store.records, views, strict=True)
    ]
    return Labels(np.stack([pose(view) for view in views]).astype(np.float32), np.stack(rows).astype(np.float32))


def mirrored() -> tuple[np.ndarray, np.ndarray]:
    """Factors of POSE (3,) and ATTRIBUTES (A,), float32, that a mirrored picture's labels have."""
    turned = {"yaw", "roll", "light_azimuth"}
    angles, attributes = ([-1.0 if name in turned else 1.0 for name in names] for names in (POSE, ATTRIBUTES))
    return np.array(angles, np.float32), np.array(attributes, np.float32)
