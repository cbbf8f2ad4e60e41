"""`retrieval.png` of a run of face_from_voice: whose faces a few outputs are most like, by the embedded judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.reporting.probes import Found, Probe, write_probes
from protocols.embedded import is_embedded
from protocols.gallery import Gallery, cosines, rank
from protocols.looking import Looking, Seen
from protocols.trial import Trial

PROBES, BEST = 4, 5
"""Probes a split, faces shown of each."""
_JUDGE = "pocket"
_PEOPLE = ("a woman", "a man")


def write_retrieval(root: Path, shown: str, rows: Sequence[Trial]) -> None:
    """Draw the first probes of each split of the first corpus; nothing where the judge does not know such faces.

    Args:
        root: the run folder.
        shown: name of the system to print.
        rows: all of one system, with `output`; one that is not there is passed over.
    """
    if not is_embedded(rows):
        return
    looking = Looking()
    probes: list[Probe] = []
    for split in dict.fromkeys(row.split for row in rows):
        here = [row for row in rows if (row.corpus, row.split) == (rows[0].corpus, split)]
        there = [row for row in here if row.output and (root / row.output).is_file()]
        probes += _probes(root, Gallery.of(here), there[:PROBES], looking)
    if probes:
        title = f"{shown}: the outputs' nearest faces by the embedded judge ({rows[0].corpus}), one face of each target"
        write_probes(root / "retrieval.png", title, probes)


def _probes(root: Path, gallery: Gallery, rows: Sequence[Trial], looking: Looking) -> list[Probe]:
    faces = {person: root / picture for person, picture in gallery.pictures.items()}
    known = _identities(looking, list(faces.values()))
    people, vectors = list(faces), np.stack([known[path] for path in faces.values()])
    made = _identities(looking, [root / row.output for row in rows])
    probes = []
    for row in rows:
        near = cosines(made[root / row.output], vectors)
        place = people.index(row.target_id)
        best = np.argsort(-near, kind="stable")[:BEST]
        probes.append(
            Probe(
                label=f"{row.split}\n{row.source_id} is to become\n{_PEOPLE[row.target_gender or 0]}, {row.target_id}",
                given=root / row.source,
                output=root / row.output,
                target=faces[row.target_id],
                rank=f"{row.target_id}: {rank(near[place], np.delete(near, place))}. of {len(people)}",
                found=[Found(f"{people[i]} {near[i]:.2f}", faces[people[i]], bool(i == place)) for i in best],
            )
        )
    return probes


def _identities(looking: Looking, paths: Sequence[Path]) -> dict[Path, np.ndarray]:
    """(d,) of each; a picture that cannot be read is an error of the run, which has just written it."""
    found = {}
    for path, seen in looking({path: {_JUDGE} for path in paths}).items():
        if not isinstance(seen, Seen):
            raise seen
        assert seen.face is not None
        found[path] = seen.face.identity
    return found
