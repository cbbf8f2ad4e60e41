"""Trial lists of the tasks of voices: source and target are never one speaker, and no (source, reference) occurs twice.

Two samplers. `paper`: random pairs in the numbers of XFaVoT (papers.md 1.7), half over training speakers and half over
held-out ones because the paper does not say which it used. `stratified`: besides that, half of each split keeps the
gender and half changes it, and source and target speakers are dealt out evenly, so that intervals have many clusters.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from benchmark.corpora.manifest import SPLITS, Split
from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from protocols.trial import Trial
from protocols.trial_list import TESTED, Piece, TrialList, VoiceTrialSettings

Speakers = dict[int, np.ndarray]


def draw_voices(
    stores: Sequence[Store],
    task: str,
    reference: Literal["face", "voice"],
    settings: VoiceTrialSettings,
    seed: int,
    out: TrialList,
) -> None:
    """Enter the trials of every corpus into `out`, and a note where there are fewer than wished for."""
    for number, store in enumerate(stores):
        drawer = _Drawer(store, number, task, reference, settings, seed, out)
        for i, split in enumerate(TESTED):
            drawer.draw_split(split, settings.trials // 2 + (settings.trials % 2 if i == 0 else 0))


class _Drawer:
    """Draws from one store; everything random comes from one generator of (seed, task, corpus)."""

    def __init__(
        self,
        store: Store,
        number: int,
        task: str,
        reference: Literal["face", "voice"],
        settings: VoiceTrialSettings,
        seed: int,
        out: TrialList,
    ) -> None:
        self.store, self.number, self.task, self.settings, self.out = store, number, task, settings, out
        self.index, self.records = store.index, store.records
        self.by_face = reference == "face"
        self.frames = np.diff(store.flat(feature("face128"))[1]) if self.by_face else None
        self.rng = np.random.default_rng([seed, zlib.crc32(f"{task}/{store.corpus}".encode())])
        rows = np.flatnonzero(self.index["audio"])
        speaker = self.index["speaker"]
        self.voices: Speakers = {int(s): rows[speaker[rows] == s] for s in np.unique(speaker[rows])}
        first = {int(s): int(i) for s, i in zip(*np.unique(speaker, return_index=True), strict=True)}
        self.gender = {s: int(self.index["gender"][i]) for s, i in first.items()}
        self.fewest = settings.natural
        self.used: set[tuple[int, Piece]] = set()
        self.times: Counter[tuple[str, int]] = Counter()

    def draw_split(self, split: Split, wanted: int) -> None:
        """Enter up to `wanted` trials of one split, and a note where fewer can be had."""
        sources, targets = self._speakers(split, "audio"), self._speakers(split, "face" if self.by_face else "audio")
        # One recording of the target is the reference's own; a metric needs another to compare with.
        targets = {s: rows for s, rows in targets.items() if len(self.voices.get(s, ())) > 1}
        drawn = sum(self._draw(split, sources, targets, i) for i in range(wanted))
        if drawn < wanted:
            self.out.notes.append(
                f"{self.store.corpus}: {drawn} of {wanted} {split} trials ({len(sources)} source and {len(targets)} "
                f"target speakers; source and target differ, strata need both genders, and no pair is used twice)."
            )
        if self.by_face and self.fewest < self.settings.natural:
            self.out.notes.append(
                f"{self.store.corpus}: only {self.fewest} of {self.settings.natural} natural recordings of a target "
                f"to compare with in some {split} trials."
            )

    def _speakers(self, split: Split, modality: str) -> Speakers:
        """Speaker -> records of the split that have the modality, where the gender is known."""
        rows = np.flatnonzero((self.index["split"] == SPLITS.index(split)) & self.index[modality])
        rows = rows[self.index["gender"][rows] >= 0]
        speaker = self.index["speaker"][rows]
        return {int(s): rows[speaker == s] for s in np.unique(speaker)}

    def _draw(self, split: Split, sources: Speakers, targets: Speakers, i: int) -> bool:
        """Enter trial i of a split: the least used speakers that fit it and have an unused pair; False if none has."""
        for target in self._order(targets, "target", i % 2 if self.settings.sampler == "stratified" else None):
            gender = None
            if self.settings.sampler == "stratified":
                gender = self.gender[target] if i % 4 < 2 else 1 - self.gender[target]
            for source in self._order(sources, "source", gender):
                if source == target:
                    continue
                for record in self.rng.permutation(sources[source]):
                    for piece in self._references(targets[target]):
                        if (int(record), piece) not in self.used:
                            self.used.add((int(record), piece))
                            self.times["source", source] += 1
                            self.times["target", target] += 1
                            self._enter(split, i, int(record), target, piece)
                            return True
        return False

    def _order(self, speakers: Speakers, role: str, gender: int | None) -> list[int]:
        """Speakers in the order they are tried: at random, in `stratified` the least used first."""
        names = [int(s) for s in self.rng.permutation(list(speakers)) if gender in (None, self.gender[int(s)])]
        return sorted(names, key=lambda s: self.times[role, s]) if self.settings.sampler == "stratified" else names

    def _references(self, records: np.ndarray) -> Iterator[Piece]:
        """The pictures or recordings a reference may be, in random order."""
        for record in self.rng.permutation(records):
            if self.frames is None:
                yield Piece(self.number, int(record))
            else:
                for frame in self.rng.permutation(int(self.frames[record])):
                    yield Piece(self.number, int(record), int(frame))

    def _enter(self, split: Split, i: int, source: int, target: int, reference: Piece) -> None:
        """Fill the row: besides the pair, the recordings that metrics and controls compare with or emit."""
        own = self.voices[target]
        held_out = own[self.index["split"][own] == SPLITS.index(split)]
        rest = [int(r) for r in self.rng.permutation(held_out) if r != reference.record]
        other_target = rest[0] if rest else None
        natural = [int(r) for r in self.rng.permutation(own) if r not in (reference.record, other_target)]
        if (
            not natural and other_target is not None
        ):  # without it there is no score, without the control only no ceiling
            natural, other_target = [other_target], None
        self.fewest = min(self.fewest, len(natural))
        speaker = self.index["speaker"]
        others = np.concatenate(
            [
                r
                for s, r in self.voices.items()
                if s not in (target, speaker[source]) and self.gender[s] == self.gender[target]
            ]
            or [np.empty(0, np.int64)]
        )
        same_split = others[self.index["split"][others] == SPLITS.index(split)]
        others = same_split if len(same_split) else others
        self.out.trials.append(
            Trial(
                task=self.task,
                source=self._voice(source),
                reference=self._path(reference),
                natural_target_voice=tuple(map(self._voice, natural[: self.settings.natural])) if self.by_face else (),
                source_id=self.records[source].speaker,
                source_gender=self.gender[int(speaker[source])],
                target_id=self.records[reference.record].speaker,
                target_gender=self.gender[target],
                transcript=self.records[source].transcript or "",
                trial=f"{self.store.corpus}-{split}-{i:04d}",
                draw=0,
                split=split,
                other_target_voice=self._voice(other_target) if other_target is not None else "",
                other_voice=self._voice(int(self.rng.choice(others))) if len(others) else "",
            )
        )

    def _voice(self, record: int) -> str:
        return self._path(Piece(self.number, record))

    def _path(self, piece: Piece) -> str:
        return self.out.path(self.store, piece)
