"""Trial lists of the tasks of faces: held-out pictures of one gender are translated to the other, in both directions.
With `genders = "both"` each picture also meets references of its own gender, of other people (for `cpr@any`).

References come from the held-out pictures, or recordings, of the target gender, by one of two samplers. `paper`: each
source meets `draws` different references, drawn for it alone (XFaVoT, papers.md 1.7); recordings are of different
people, as far as there are. `starganv2`: coupled in batches, as clovaai/stargan-v2@875b70a:metrics/eval.py does
(baselines.md Q8 to Q10); a reference may come again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np

from benchmark.corpora.manifest import SPLITS, Split
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import feature
from protocols.trial import Trial
from protocols.trial_list import TESTED, FaceTrialSettings, Piece, TrialList

_PEOPLE = ("women", "men")


def drawn_alone(sources: int, references: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(sources, draws) positions of references, no row with one position twice: the sampler `paper`."""
    return np.stack([rng.permutation(references)[:draws] for _ in range(sources)])


def drawn_of_people(sources: int, people: Sequence[int], draws: int, rng: np.random.Generator) -> np.ndarray:
    """(sources, draws) positions of references, `people` says whose each is: the sampler `paper` for recordings. Nobody
    comes again before everybody has come, and no row has one position twice."""
    whose, met = np.unique(people, return_inverse=True)[1], np.empty((sources, draws), np.int64)
    first = np.concatenate([[0], np.bincount(whose).cumsum()[:-1]])
    for row in met:
        order = rng.permutation(len(whose))
        grouped = np.argsort(whose[order], kind="stable")
        turn = np.empty(len(whose), np.int64)  # the how-many-eth of its owner a reference is, in this order
        turn[grouped] = np.arange(len(whose)) - first[whose[order][grouped]]
        row[:] = order[np.argsort(turn, kind="stable")[:draws]]
    return met


def drawn_in_batches(sources: int, references: int, draws: int, batch: int, rng: np.random.Generator) -> np.ndarray:
    """(sources, draws) positions of references: the sampler `starganv2`.

    Sources come in batches, the last one as small as it is. Each of a batch's outputs takes the next batch of the
    shuffled references, cut to the length of the sources' batch. References left over at the end of a shuffle are
    dropped, and another shuffle begins.
    """
    shuffles, met = _batches(references, batch, rng), np.empty((sources, draws), np.int64)
    for first in range(0, sources, batch):
        rows = met[first : first + batch]
        for draw in range(draws):
            rows[:, draw] = next(shuffles)[: len(rows)]
    return met


def _batches(references: int, batch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    while True:
        order = rng.permutation(references)
        for first in range(0, references - batch + 1, batch):
            yield order[first : first + batch]


def draw_faces(
    stores: Sequence[Store],
    task: str,
    reference: Literal["face", "voice"] | None,
    settings: FaceTrialSettings,
    seed: int,
    repeats: int,
    out: TrialList,
) -> None:
    """Enter the trials of every corpus into `out`: per repeat, split and direction, source by source, draw by draw.

    Where `reference` is None there are none, and rows have the target's gender alone. Repeat r is what seed + r alone
    would draw, under other trial names.

    Raises:
        BenchmarkError: fewer references than the sampler takes, with the numbers.
    """
    for number, store in enumerate(stores):
        pictures = _pictures(store, number, out)
        asked = {"face": pictures, "voice": _recordings(store, number, pictures, out) if reference == "voice" else {}}
        numbers = {split: count() for split in TESTED}
        for repeat in range(repeats):
            for split in TESTED:
                shown: dict[int, list[Piece]] = {}  # gender -> the sources of it
                for kept in (False, True) if settings.genders == "both" else (False,):
                    for gender in (1, 0):
                        from_gender, targets = gender if kept else 1 - gender, pictures[split, gender]
                        sources = shown.get(gender, []) if kept else pictures[split, from_gender]
                        name = f"{task}/{store.corpus}/{split}/{gender}{'/kept' if kept else ''}"
                        rng = np.random.default_rng([seed + repeat, zlib.crc32(name.encode())])
                        references = asked[reference][split, gender] if reference else None
                        if sources and targets and references != []:
                            direction = _Direction(
                                store, task, split, from_gender, gender, targets, references, settings, repeat, rng, out
                            )
                            shown[from_gender] = direction.enter(sources, numbers[split])


def _pictures(store: Store, number: int, out: TrialList) -> Mapping[tuple[Split, int], list[Piece]]:
    """(split, gender) -> held-out pictures; says what a split lacks."""
    frames = np.diff(store.flat(feature("face128"))[1])
    found: dict[tuple[Split, int], list[Piece]] = {}
    for split in TESTED:
        held_out = store.index["split"] == SPLITS.index(split)
        for gender in (-1, 0, 1):
            records = np.flatnonzero(held_out & (store.index["gender"] == gender))
            found[split, gender] = [Piece(number, int(r), f) for r in records for f in range(int(frames[r]))]
        unknown, women, men = (len(found[split, gender]) for gender in (-1, 0, 1))
        if unknown:
            out.remarks.append(f"{store.corpus}: {unknown} {split} pictures of unknown gender take no part in trials.")
        if not women and not men:
            known = " of known gender" if unknown else ""
            out.remarks.append(f"{store.corpus}: no {split} trials, because it has no {split} pictures{known}.")
        elif not women or not men:
            out.notes.append(
                f"{store.corpus}: no {split} trials, because it has {women} {split} pictures of women and {men} of men."
            )
    return found


def _recordings(
    store: Store, number: int, pictures: Mapping[tuple[Split, int], Sequence[Piece]], out: TrialList
) -> Mapping[tuple[Split, int], list[Piece]]:
    """The same of held-out recordings; of a split whose pictures lack nothing."""
    found: dict[tuple[Split, int], list[Piece]] = {}
    for split in TESTED:
        held_out = (store.index["split"] == SPLITS.index(split)) & store.index["audio"]
        for gender in (0, 1):
            records = np.flatnonzero(held_out & (store.index["gender"] == gender))
            found[split, gender] = [Piece(number, int(r)) for r in records]
        women, men = (len(found[split, gender]) for gender in (0, 1))
        if pictures[split, 0] and pictures[split, 1] and not (women and men):
            (out.notes if women or men else out.remarks).append(
                f"{store.corpus}: {split} trials are missing, because it has {women} {split} recordings of women and "
                f"{men} of men."
            )
    return found


@dataclass(frozen=True)
class _Direction:
    """One direction of one split: `targets` are the held-out pictures of the `gender` that is translated to, from
    sources of `from_gender`; `references` what sources meet, None in tasks without."""

    store: Store
    task: str
    split: Split
    from_gender: int
    gender: int
    targets: Sequence[Piece]
    references: Sequence[Piece] | None
    settings: FaceTrialSettings
    repeat: int
    rng: np.random.Generator
    out: TrialList

    def enter(self, sources: Sequence[Piece], numbers: Iterator[int]) -> list[Piece]:
        """Shuffle the sources, cut them to what is wished for, enter `draws` rows for each, and say which they were."""
        wanted, draws = self.settings.sources or len(sources), self.settings.draws
        chosen = [sources[i] for i in self.rng.permutation(len(sources))[:wanted]]
        met = None if self.references is None else self._met(self.references, chosen)
        alone = 0
        for i, source in enumerate(chosen):
            references = [None] * draws if met is None else met[i]
            truths = self._truths(references)
            others = self._others([r or t for r, t in zip(references, truths, strict=True)])
            alone += sum(truth in (None, reference) for truth, reference in zip(truths, references, strict=True))
            for draw, (reference, truth, other) in enumerate(zip(references, truths, others, strict=True)):
                self._enter(next(numbers), draw + draws * self._kept, source, reference, truth, other)
        if self.repeat == 0:
            self._say(len(chosen), wanted, alone)
        return chosen

    def _say(self, sources: int, wanted: int, alone: int) -> None:
        corpus, split = self.store.corpus, self.split
        if sources < wanted:
            self.out.notes.append(
                f"{corpus}: {sources} of {wanted} {split} sources to be translated to {_PEOPLE[self.gender]}."
            )
        if alone:
            lacks = (
                "no held-out picture: ground_truth has none to show"
                if self._heard
                else "no other held-out picture: ground_truth is the reference"
            )
            self.out.remarks.append(
                f"{corpus}: in {alone} of {sources * self.settings.draws} {split} trials that are translated to "
                f"{_PEOPLE[self.gender]} the target has {lacks}."
            )

    @property
    def _kept(self) -> bool:
        """Whether sources keep their gender."""
        return self.from_gender == self.gender

    @property
    def _heard(self) -> bool:
        """Whether references are recordings."""
        return self.references is not None and self.references[0].frame is None

    def _met(self, references: Sequence[Piece], sources: Sequence[Piece]) -> list[list[Piece]]:
        """The references of each source; of those that keep their gender, of other people.

        Raises:
            BenchmarkError: there are fewer than the sampler takes at a time.
        """
        if self._kept:
            people = [[r for r in references if self._speaker(r) != self._speaker(source)] for source in sources]
            return [row for others in people for row in self._drawn(others, 1)]
        return self._drawn(references, len(sources))

    def _drawn(self, references: Sequence[Piece], sources: int) -> list[list[Piece]]:
        there, alone = len(references), self.settings.sampler == "paper"
        key, least = ("draws", self.settings.draws) if alone else ("batch", self.settings.batch)
        if there < least:
            how = f"{least} different references for each source" if alone else f"references in batches of {least}"
            what = "recordings" if self._heard else "pictures"
            raise BenchmarkError(
                f"{self.store.corpus} has {there} {self.split} {what} of {_PEOPLE[self.gender]}; {self.task} draws "
                f'{how} (sampler "{self.settings.sampler}"). Add {what}, or set {key} = {there} or less under '
                f"[trials.{self.task}] in a profile of your own (--profile mine.toml)."
            )
        draws = self.settings.draws
        if alone and self._heard:
            met = drawn_of_people(sources, [self._speaker(r) for r in references], draws, self.rng)
        elif alone:
            met = drawn_alone(sources, there, draws, self.rng)
        else:
            met = drawn_in_batches(sources, there, draws, self.settings.batch, self.rng)
        return [[references[i] for i in row] for row in met]

    def _shuffled(self) -> list[Piece]:
        return [self.targets[i] for i in self.rng.permutation(len(self.targets))]

    def _truths(self, references: Sequence[Piece | None]) -> list[Piece | None]:
        """Another held-out picture of each target; where there is none, a picture's is the reference itself and a
        recording's None. Without references, any pictures of the target gender, different ones as far as there are."""
        shuffled, person = self._shuffled(), self._speaker
        return [
            shuffled[draw % len(shuffled)]
            if reference is None
            else next(
                (p for p in shuffled if p != reference and person(p) == person(reference)),
                None if self._heard else reference,
            )
            for draw, reference in enumerate(references)
        ]

    def _others(self, people: Sequence[Piece | None]) -> list[Piece | None]:
        """For each piece a picture of somebody else, different ones as far as there are; None where nobody else is."""
        shuffled = self._shuffled()
        left: list[Piece] = list(shuffled)
        chosen: list[Piece | None] = []
        for piece in people:
            other = next((p for p in (*left, *shuffled) if piece and self._speaker(p) != self._speaker(piece)), None)
            if other in left:
                left.remove(other)
            chosen.append(other)
        return chosen

    def _enter(
        self, number: int, draw: int, source: Piece, reference: Piece | None, truth: Piece | None, other: Piece | None
    ) -> None:
        records, path = self.store.records, self.out.path
        self.out.trials.append(
            Trial(
                task=self.task,
                source=path(self.store, source),
                reference=path(self.store, reference) if reference else "",
                source_id=records[source.record].speaker,
                source_gender=self.from_gender,
                target_id=records[reference.record].speaker if reference else "",
                target_gender=self.gender,
                trial=f"{self.store.corpus}-{self.split}-{number:05d}",
                draw=draw,
                split=self.split,
                other_target_face=path(self.store, truth) if truth else "",
                other_face=path(self.store, other) if other else "",
                repeat=self.repeat,
            )
        )

    def _speaker(self, piece: Piece) -> int:
        return int(self.store.index["speaker"][piece.record])
