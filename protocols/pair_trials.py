"""Trial lists of tasks that show one person's face and let another's voice speak: a proposal picture and a recording.

Half of the rows of each split keep the gender of the proposal and half change it. Both people of a row are of one
split; targets (voices) and proposals (pictures) are dealt out evenly, so that as many people as there are rows for take
part, and no picture meets a recording twice.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from benchmark.corpora.manifest import SPLITS, Split
from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from protocols.trial import Trial
from protocols.trial_list import TESTED, PairTrialSettings, Piece, TrialList

People = dict[int, list[Piece]]
"""Speaker -> held-out pictures, or recordings."""


def draw_pairs(stores: Sequence[Store], task: str, settings: PairTrialSettings, seed: int, out: TrialList) -> None:
    """Enter the trials of every corpus into `out`, with a note where there are fewer than wished for and a remark of
    people who cannot take part."""
    for number, store in enumerate(stores):
        for i, split in enumerate(TESTED):
            wanted = settings.trials // 2 + (settings.trials % 2 if i == 0 else 0)
            _Split(store, number, task, split, seed, out).draw(wanted)


class _Split:
    """Draws from one split of one store; everything random comes from one generator of (seed, task, corpus, split)."""

    def __init__(self, store: Store, number: int, task: str, split: Split, seed: int, out: TrialList) -> None:
        self.store, self.task, self.split, self.out = store, task, split, out
        self.rng = np.random.default_rng([seed, zlib.crc32(f"{task}/{store.corpus}/{split}".encode())])
        index = store.index
        held_out = index["split"] == SPLITS.index(split)
        self.unknown = len(np.unique(index["speaker"][held_out & (index["gender"] < 0)]))
        rows = np.flatnonzero(held_out & (index["gender"] >= 0))
        self.gender = {int(index["speaker"][r]): int(index["gender"][r]) for r in rows}
        self.pictures: People = {}
        self.voices: People = {}
        frames = np.diff(store.flat(feature("face128"))[1]) if index["face"].any() else None
        for record in map(int, rows):
            speaker = int(index["speaker"][record])
            if index["audio"][record]:
                self.voices.setdefault(speaker, []).append(Piece(number, record))
            if frames is not None and frames[record]:
                own = self.pictures.setdefault(speaker, [])
                own += [Piece(number, record, frame) for frame in range(int(frames[record]))]
        self.targets = sorted(self.voices.keys() & self.pictures.keys())
        self.used: set[tuple[Piece, Piece]] = set()
        self.times: Counter[int] = Counter()

    def draw(self, wanted: int) -> None:
        """Enter up to `wanted` trials: a target at a time, the proposals of each gender's targets in turns of their own
        gender and of the other."""
        turns: Counter[int] = Counter()
        drawn = 0
        for target in islice(self._turns(), wanted):
            own = self.gender[target]
            keeps = turns[own] % 2 == 0
            turns[own] += 1
            if pair := self._pair(target, own if keeps else 1 - own):
                self._enter(drawn, target, *pair)
                drawn += 1
        self._say(drawn, wanted)

    def _turns(self) -> Iterator[int]:
        """Targets without end: everybody once in random order, women and men evenly mixed, then everybody again."""
        while self.targets:
            places: dict[int, float] = {}
            for gender in (0, 1):
                own = self.rng.permutation([t for t in self.targets if self.gender[t] == gender]).tolist()
                places |= {target: (i + 0.5) / len(own) for i, target in enumerate(own)}
            yield from sorted(places, key=lambda target: (places[target], self.gender[target]))

    def _pair(self, target: int, gender: int) -> tuple[Piece, Piece] | None:
        """A proposal picture of the least used other person of that gender, and a recording of the target that it has
        not met; None where there is none."""
        people = [p for p in self.pictures if self.gender[p] == gender and p != target]
        for person in sorted(map(int, self.rng.permutation(people)), key=lambda p: self.times[p]):
            for picture in self._shuffled(self.pictures[person]):
                for voice in self._shuffled(self.voices[target]):
                    if (picture, voice) not in self.used:
                        self.used.add((picture, voice))
                        self.times[person] += 1
                        return picture, voice
        return None

    def _enter(self, number: int, target: int, proposal: Piece, voice: Piece) -> None:
        """Fill the row: besides the pair, a picture of the target, of another record than the one that is heard where
        there is one, and a picture of a third person of the target's gender."""
        records, path = self.store.records, self.out.path
        person = int(self.store.index["speaker"][proposal.record])
        truth = min(self._shuffled(self.pictures[target]), key=lambda p: p.record == voice.record)
        others = [p for p in self.pictures if self.gender[p] == self.gender[target] and p not in (target, person)]
        other = self._shuffled(self.pictures[int(self.rng.choice(others))])[0] if others else None
        self.out.trials.append(
            Trial(
                task=self.task,
                source=path(self.store, proposal),
                reference=path(self.store, voice),
                source_id=records[proposal.record].speaker,
                source_gender=self.gender[person],
                target_id=records[voice.record].speaker,
                target_gender=self.gender[target],
                trial=f"{self.store.corpus}-{self.split}-{number:05d}",
                split=self.split,
                other_target_face=path(self.store, truth),
                other_face=path(self.store, other) if other else "",
            )
        )

    def _shuffled(self, pieces: Sequence[Piece]) -> list[Piece]:
        return [pieces[i] for i in self.rng.permutation(len(pieces))]

    def _say(self, drawn: int, wanted: int) -> None:
        corpus, split = self.store.corpus, self.split
        if self.unknown:
            self.out.remarks.append(
                f"{corpus}: {self.unknown} {split} people of unknown gender take no part in trials."
            )
        silent, unseen = len(self.pictures.keys() - self.voices.keys()), len(self.voices.keys() - self.pictures.keys())
        if not self.targets:
            self.out.remarks.append(
                f"{corpus}: no {split} trials, because none of its {split} people has both pictures and recordings "
                f"({len(self.pictures)} have pictures, {len(self.voices)} recordings)."
            )
            return
        if silent or unseen:
            self.out.remarks.append(
                f"{corpus}: of {len(self.gender)} {split} people {silent} have no recording and {unseen} no picture: "
                "they are nobody's target."
            )
        if drawn < wanted:
            women, men = (sum(self.gender[p] == g for p in self.pictures) for g in (0, 1))
            self.out.notes.append(
                f"{corpus}: {drawn} of {wanted} {split} trials ({len(self.targets)} targets; pictures of {women} women "
                f"and {men} men; proposal and target differ, half of the trials keep the gender, and no picture meets "
                "a recording twice)."
            )
