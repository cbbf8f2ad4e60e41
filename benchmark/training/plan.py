"""The index plan: which records, and where in them, make up every batch. No media is touched here.

A batch is a pure function of (seed, step, name of the draw): it knows neither how many devices there are nor what
was drawn before, so a resumed or distributed run sees the same rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.corpora.manifest import Split
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import FEATURES
from benchmark.media.features import Feature
from benchmark.system import Draw, FixedPartner
from benchmark.training.column import Column, make_column
from benchmark.training.records import Records


@dataclass(frozen=True)
class Rows:
    """One column of a batch as indices.

    record: (B, count) int64 record numbers of `Plan.records`; the records of one row are of one speaker.
    start: (B, count) int64 first row in rows of the column's first feature; for faces the picture.
    """

    record: np.ndarray
    start: np.ndarray


class Plan:
    """All batches of a training run as indices.

    Attributes:
        records: the union of the stores.
        columns: draw -> column name -> what is known of it.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        draws: Mapping[str, Draw],
        seed: int,
        splits: Sequence[Split] = ("train",),
        features: Mapping[str, Feature] = FEATURES,
    ) -> None:
        """Work out who may be drawn where.

        Raises:
            BenchmarkError: before anything is trained, with the numbers: whatever `Records` and `make_column` refuse.
        """
        self.records = Records(stores, splits)
        self.draws = draws
        self.seed = seed
        self.features = features
        self.columns: dict[str, dict[str, Column]] = {}
        self._partners: dict[tuple[str, str], np.ndarray] = {}
        for name, draw in draws.items():
            if draw.size < 1 or not draw.columns:
                raise BenchmarkError(
                    f"Draw {name!r} has {draw.size} rows and {len(draw.columns)} columns; it needs both."
                )
            columns = self.columns[name] = {}
            for key, pick in draw.columns.items():
                where = f"Draw {name!r}, column {key!r}"
                columns[key] = make_column(where, draw.size, pick, columns, features, self.records)
                if isinstance(pick, FixedPartner):
                    rng = np.random.default_rng(
                        np.random.SeedSequence((seed, *(zlib.crc32(n.encode()) for n in (name, key))))
                    )
                    self._partners[name, key] = columns[key].group.partners(rng, len(self.records.ids))

    def draw(self, name: str, step: int) -> dict[str, Rows]:
        """The global batch of a draw at a step: column -> rows."""
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, step, zlib.crc32(name.encode()))))
        drawn: dict[str, Rows] = {}
        for key, column in self.columns[name].items():
            if isinstance(column.pick, FixedPartner):
                record = self._partners[name, key][drawn[str(column.pick.same_gender)].record]
            else:
                positions = self._positions(rng, self.draws[name].size, column, drawn)
                record = column.group.choose(rng, positions, column.pick.count)
            drawn[key] = Rows(record, column.starts(rng, record))
        return drawn

    def _positions(self, rng: np.random.Generator, size: int, column: Column, drawn: Mapping[str, Rows]) -> np.ndarray:
        """(size,) positions in the column's group: whose records each row shows."""
        pick, group, records = column.pick, column.group, self.records
        if pick.same_speaker is not None:
            speaker: np.ndarray = group.position[records.speaker[drawn[pick.same_speaker].record[:, 0]]]
            return speaker
        if pick.distinct:
            return group.distinct(rng, size, pick.balance)
        gender = other = None
        if pick.same_gender is not None:
            gender = records.gender[drawn[pick.same_gender].record[:, 0]]
        if pick.other_speaker is not None:
            other = records.speaker[drawn[pick.other_speaker].record[:, 0]]
        return group.free(rng, size, pick.balance, gender, other)
