"""One column of a draw with everything that can be worked out, and refused, before the first step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.media.features import Feature
from benchmark.system import FixedPartner, Pick
from benchmark.training.group import Group, eligible
from benchmark.training.records import GENDERS, Records, wanted


@dataclass(frozen=True)
class Window:
    """The part of a record that a feature shows: `rows` rows from row `start * scale` on; the whole record if None."""

    feature: Feature
    offsets: np.ndarray
    scale: Fraction
    rows: int | None


@dataclass(frozen=True)
class Column:
    """A pick, who it may draw, and which rows of whom.

    Attributes:
        windows: one a feature, in the order of the pick.
        grid: starts are multiples of it, so that they fall on a row of every feature.
        speakers: codes that a row of this column can have.
    """

    pick: Pick
    group: Group
    windows: tuple[Window, ...]
    grid: int
    speakers: np.ndarray

    def starts(self, rng: np.random.Generator, record: np.ndarray) -> np.ndarray:
        """First rows in rows of the first feature, uniform over all at which the window lies inside the record; 0 where
        the record is shorter than the window, which is then padded at its end."""
        first = self.windows[0]
        if first.rows is None:
            return np.zeros_like(record)
        room = np.maximum(first.offsets[record + 1] - first.offsets[record] - first.rows, 0)
        starts: np.ndarray = rng.integers(0, room // self.grid + 1) * self.grid
        return starts


def make_column(
    where: str, size: int, pick: Pick, earlier: Mapping[str, Column], features: Mapping[str, Feature], records: Records
) -> Column:
    """Work a pick out; `where` names it in messages, `size` is the global batch.

    Raises:
        BenchmarkError: an empty pool, a feature that is not there, a crop no record is long enough for, a pick that
            contradicts itself, or one that some rows of earlier columns leave nobody to draw for.
    """
    _check_pick(where, pick, earlier, features)
    windows = _windows(where, pick, wanted(features, pick.features), records)
    fits = eligible(records, pick.modality, pick.pool, [w.offsets for w in windows])
    if not fits.any():
        with_modality = int((records.training & records.present[pick.modality]).sum())
        raise BenchmarkError(
            f"{where}: pool {pick.pool!r} holds no {pick.modality} record with {', '.join(pick.features)}. "
            f"{records.corpora} has {int(records.training.sum())} training records, {with_modality} with "
            f"{pick.modality}. Add a corpus that has such records."
        )
    group = Group(records, fits)
    longest = int(np.diff(windows[0].offsets)[group.records].max())
    if pick.crop is not None and pick.crop > longest:
        raise BenchmarkError(
            f"{where}: crops of {pick.crop} rows of {pick.features[0]}, but the longest of {len(group.records)} "
            f"records has {longest}. Shorten the crop."
        )
    speakers = group.code if pick.same_speaker is None else earlier[pick.same_speaker].speakers
    column = Column(pick, group, windows, math.lcm(*(w.scale.denominator for w in windows)), speakers)
    _check_links(where, size, column, earlier, records)
    return column


def _windows(where: str, pick: Pick, features: Mapping[str, Feature], records: Records) -> tuple[Window, ...]:
    first = features[pick.features[0]]
    windows = []
    for feature in features.values():
        scale, rows = Fraction(1), None
        if pick.modality == "face":
            rows = 1
        elif pick.crop is not None and feature.rate is not None and first.rate is not None:
            scale = Fraction(feature.rate).limit_denominator() / Fraction(first.rate).limit_denominator()
            if (pick.crop * scale).denominator != 1:
                raise BenchmarkError(
                    f"{where}: a crop of {pick.crop} rows of {first.name} is {float(pick.crop * scale):.3f} rows of "
                    f"{feature.name}. Take a crop that is whole in both."
                )
            rows = int(pick.crop * scale)
        windows.append(Window(feature, records.offsets(feature), scale, rows))
    return tuple(windows)


def _check_pick(where: str, pick: Pick, earlier: Mapping[str, Column], features: Mapping[str, Feature]) -> None:
    """What can be said of a pick without looking at records."""
    if not pick.features or pick.count < 1:
        raise BenchmarkError(f"{where}: {len(pick.features)} features and {pick.count} records a row; it needs both.")
    for key, feature in wanted(features, pick.features).items():
        if feature.modality != pick.modality:
            raise BenchmarkError(f"{where}: {key} is a feature of {feature.modality}, the column is {pick.modality}.")
    for link in (pick.same_gender, pick.same_speaker, pick.other_speaker):
        if link is not None and link not in earlier:
            raise BenchmarkError(f"{where} refers to column {link!r}; earlier columns: {', '.join(earlier) or 'none'}.")
    if pick.same_speaker is not None and (pick.other_speaker or pick.same_gender or pick.balance):
        raise BenchmarkError(f"{where}: same_speaker decides alone; drop other_speaker, same_gender and balance.")
    if pick.distinct and (pick.other_speaker or pick.same_gender):
        raise BenchmarkError(f"{where}: distinct goes with same_speaker or with no other column.")
    if pick.distinct and pick.same_speaker is not None and not earlier[pick.same_speaker].pick.distinct:
        raise BenchmarkError(f"{where} is distinct and has the speakers of {pick.same_speaker!r}, which is not.")
    if pick.same_gender is not None and pick.balance == "gender":
        raise BenchmarkError(f"{where}: same_gender decides the gender; drop balance.")
    if isinstance(pick, FixedPartner):
        other = earlier.get(str(pick.same_gender))
        if other is None or pick.count != 1 or _pool(pick) != _pool(other.pick):
            raise BenchmarkError(f"{where}: a fixed partner needs same_gender, the pool of that column, and count 1.")
    if pick.crop is not None and (pick.modality == "face" or features[pick.features[0]].rate is None):
        raise BenchmarkError(f"{where}: only audio with a rate is cropped; {pick.features[0]} is taken whole.")


def _pool(pick: Pick) -> tuple[object, ...]:
    """Two columns where this is equal may draw the same records."""
    return pick.modality, pick.pool, pick.features, pick.count


def _check_links(where: str, size: int, column: Column, earlier: Mapping[str, Column], records: Records) -> None:
    """Whether every row that earlier columns can draw leaves somebody to draw here."""
    pick, group = column.pick, column.group
    if pick.same_speaker is not None:
        lost = int((group.position[column.speakers] < 0).sum())
        if lost:
            raise BenchmarkError(
                f"{where}: {lost} of the {len(column.speakers)} speakers of column {pick.same_speaker!r} have no "
                f"{pick.modality} record in pool {pick.pool!r}. Draw {pick.same_speaker!r} from pool 'paired'."
            )
    elif pick.distinct and len(group) < size:
        raise BenchmarkError(
            f"{where}: a batch of {size} distinct speakers, but pool {pick.pool!r} has {len(group)}. "
            "Make the batch smaller or add a corpus."
        )
    genders = set(group.segment)
    if pick.same_gender is not None:
        genders = {int(g) for g in np.unique(earlier[pick.same_gender].group.gender)}
        missing = ", ".join(GENDERS[g] for g in sorted(genders - set(group.segment)))
        if missing:
            raise BenchmarkError(
                f"{where}: column {pick.same_gender!r} can be {missing}, and none of the {len(group)} speakers here is."
            )
    by_gender = pick.same_gender is not None or pick.balance == "gender"
    if by_gender and -1 in genders:
        unknown = group.records[records.gender[group.records] == -1]
        lacking = int((group.gender == -1).sum())
        raise BenchmarkError(
            f"{where} goes by gender, but that of {lacking} of the {len(group)} speakers here is "
            f"not known (record {records.ids[int(unknown[0])]}, for one). Name it in the table that the corpus is read "
            "with (docs/corpora.md), or leave the corpus out."
        )
    if pick.other_speaker is not None:
        taken = set(earlier[pick.other_speaker].speakers.tolist())
        for low, high in [group.segment[g] for g in genders] if by_gender else [(0, len(group))]:
            if high - low == 1 and int(group.code[low]) in taken:
                who = f"{GENDERS[int(group.gender[low])]} speaker" if by_gender else "speaker"
                raise BenchmarkError(
                    f"{where} needs another speaker than column {pick.other_speaker!r}, but there is only one {who} "
                    "to draw. Use a corpus with more speakers."
                )
