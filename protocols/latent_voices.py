"""Trial lists of voices in a style drawn from the latent space: a source recording and the gender of the style."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from benchmark.corpora.manifest import SPLITS
from benchmark.corpora.prepared import Store
from protocols.trial import Trial
from protocols.trial_list import TESTED, Piece, TrialList, VoiceTrialSettings


def draw_latent_voices(
    stores: Sequence[Store], task: str, settings: VoiceTrialSettings, seed: int, out: TrialList
) -> None:
    """Enter `settings.trials` rows of every corpus into `out`, half of either split, and a note where a split has no
    speaker.

    Source speakers are dealt out before any comes again, and so are the recordings of each. `stratified`: half of the
    rows keep the gender; `paper`: the gender is drawn. Every row has a latent of its own, which the runner draws from
    the trial's name. The controls' other voice is of somebody else of the style's gender.
    """
    for number, store in enumerate(stores):
        rng = np.random.default_rng([seed, zlib.crc32(f"{task}/{store.corpus}".encode())])
        index, records = store.index, store.records
        for k, split in enumerate(TESTED):
            wanted = settings.trials // 2 + (settings.trials % 2 if k == 0 else 0)
            here = (index["split"] == SPLITS.index(split)) & index["audio"] & (index["gender"] >= 0)
            rows = np.flatnonzero(here)
            if not len(rows):
                out.notes.append(f"{store.corpus}: 0 of {wanted} {split} trials; nobody of known gender is heard.")
                continue
            speaker, gender = index["speaker"], index["gender"]
            people = rng.permutation(np.unique(speaker[rows]))
            heard = {int(s): rng.permutation(rows[speaker[rows] == s]) for s in people}
            for i in range(wanted):
                turn, at = divmod(i, len(people))
                own = heard[int(people[at])]
                source = int(own[turn % len(own)])
                flips = (turn + at) % 2 if settings.sampler == "stratified" else rng.integers(2)
                target = int(gender[source]) ^ int(flips)
                others = rows[(gender[rows] == target) & (speaker[rows] != speaker[source])]
                other = Piece(number, int(rng.choice(others))) if len(others) else None
                out.trials.append(
                    Trial(
                        task=task,
                        source=out.path(store, Piece(number, source)),
                        reference="",
                        source_id=records[source].speaker,
                        source_gender=int(gender[source]),
                        target_gender=target,
                        transcript=records[source].transcript or "",
                        trial=f"{store.corpus}-{split}-{i:04d}",
                        draw=0,
                        split=split,
                        other_voice=out.path(store, other) if other else "",
                    )
                )
