"""The face network of a trained system as a file of its run folder, for metrics that ask it (`@own`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.system import System
from benchmark.training.records import heard_speakers, speaker_codes
from benchmark.upstream.face_embedding.network import FaceTrunk
from benchmark.upstream.face_embedding.own import FILE, write_own


def write_own_judge(system: System, folder: Path, stores: Sequence[Store]) -> Path | None:
    """Write what a system judges by itself, and say where; None where it has no such network.

    Args:
        system: with its trained weights.
        folder: of its training, made where the weights are not of this run.
        stores: the run's corpora; their training speakers, in the order of their codes, name the classes.

    Raises:
        BenchmarkError: the network is no `FaceTrunk`, or has not one class for each training speaker.
    """
    own = system.own_judge()
    if own is None:
        return None
    trunk, classifier = own
    speakers = [speaker for _, speaker in speaker_codes(stores)][: heard_speakers(stores)]
    if not isinstance(trunk, FaceTrunk) or classifier.out_features != len(speakers):
        raise BenchmarkError(
            f"{type(system).__name__}.own_judge() gives a {type(trunk).__name__} with {classifier.out_features} "
            f"classes; a judge is a FaceTrunk with a class for each of the {len(speakers)} training speakers."
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_own(folder / FILE, trunk, classifier, speakers)
    return folder / FILE
