"""The pools of the embedded corpus: who speaks in each, how often, and what it stands for (DESIGN.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from benchmark.corpora.manifest import SPLITS, Split
from benchmark.corpora.pocket.identity import Identity, make_identity
from benchmark.errors import BenchmarkError, unknown

Modality = Literal["face", "audio"]
SMALLEST = 8
"""Speakers of a side that scaling never goes below: fewer clusters give no interval (DESIGN.md section 6a)."""


@dataclass(frozen=True)
class Pool:
    """Speakers and recordings of one pool; half of the speakers of each side are women.

    train, unseen: speakers shown in training, speakers held out.
    recordings: per speaker, in the order of SPLITS: training and held-out recordings of a training speaker,
        recordings of a held-out speaker.
    first_unseen: number of the first held-out identity. It stays where it is when a pool is scaled, so that nobody is
        a training speaker of one size and held out in another.
    """

    name: str
    plays: str
    used_for: str
    train: int
    unseen: int
    recordings: tuple[int, int, int]
    first_unseen: int
    modalities: tuple[Modality, ...] = ("face", "audio")

    def speakers(self, split: Split) -> range:
        """Identity numbers of a split."""
        return range(self.first_unseen, self.first_unseen + self.unseen) if split == "unseen" else range(self.train)

    @property
    def size(self) -> int:
        """Recordings in all."""
        return sum(len(self.speakers(split)) * count for split, count in zip(SPLITS, self.recordings, strict=True))

    def scaled(self, factor: float) -> Pool:
        """The pool with `factor` times its speakers, an even number and at least SMALLEST a side.

        Raises:
            BenchmarkError: a factor outside (0, 1].
        """
        if not 0.0 < factor <= 1.0:
            raise BenchmarkError(f"scale of pool {self.name} is {factor}; it must be above 0 and at most 1.")
        train, unseen = (max(SMALLEST, 2 * round(count * factor / 2)) for count in (self.train, self.unseen))
        return replace(self, train=train, unseen=unseen)

    def identities(self, split: Split, seed: int) -> list[Identity]:
        """The people of a split; train and seen are the same people."""
        return [make_identity(self.name, number, seed) for number in self.speakers(split)]


POOLS: dict[str, Pool] = {
    pool.name: pool
    for pool in (
        Pool("pocket_av", "GRID", "contestants", 96, 32, (8, 2, 6), 96),
        Pool("pocket_av_many", "VoxCeleb and VGGFace", "CAE, retrieval", 200, 40, (4, 1, 4), 200),
        Pool("pocket_faces", "CelebA-HQ", "contestants", 300, 60, (8, 1, 8), 300, ("face",)),
        Pool("pocket_voices", "VCTK", "contestants", 96, 16, (8, 2, 6), 96, ("audio",)),
        Pool("pocket_upstream", "-", "networks inside training losses", 128, 32, (6, 2, 4), 128),
        Pool("pocket_judges", "-", "networks inside metrics", 160, 32, (16, 2, 4), 160),
        Pool("pocket_judge_pairs", "-", "networks inside metrics of voices and faces", 600, 100, (3, 1, 3), 600),
        Pool("pocket_upstream_pairs", "-", "networks that know people, in training losses", 600, 100, (3, 1, 3), 600),
        Pool("pocket_judge_faces", "-", "networks inside metrics of faces", 1000, 100, (6, 1, 6), 1000, ("face",)),
    )
}


def pool_named(name: str) -> Pool:
    """Raises BenchmarkError for a name that is no pool."""
    if name not in POOLS:
        raise unknown("pool", name, POOLS)
    return POOLS[name]
