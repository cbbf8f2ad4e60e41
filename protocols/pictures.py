"""Metrics of generated pictures: distances of whole sets, diversity of a source's outputs, and what one face shows.

All that are asked for share one pass: a picture is decoded once and goes through every network that one of them needs
(`protocols.looking`). What each key means stands in docs/protocols.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmark.errors import BenchmarkError
from benchmark.upstream import random_features
from protocols.embedded import is_embedded, strangers
from protocols.frechet import Moments, frechet_distance, kernel_distance
from protocols.gallery import LIKENESS, compared_picture
from protocols.looking import Looking, Seen
from protocols.media_scores import NO_OUTPUT, is_picture, is_sound
from protocols.perceptual import mean_pairwise
from protocols.protocol import RealPictures
from protocols.real_set import kept_features
from protocols.sets import SetKey, official_weights, sets, sources
from protocols.trial import Score, Trial
from protocols.vision import NETWORKS, Face, features

ENOUGH = 2048
"""Pictures from which on the bias of FID is no matter in practice, and as many as there are features."""
_TOGETHER = 48  # pictures looked at in one go: enough to fill batches, few enough that their maps fit
_EMBEDDED = "pocket"
Found = Mapping[Path, Seen | BenchmarkError]


@dataclass(frozen=True)
class _Key:
    """A metric's key taken apart: `lpips@alex:per_source` = (lpips, alex, per_source)."""

    metric: str
    family: str
    network: str
    variant: str

    @classmethod
    def of(cls, metric: str) -> _Key:
        family, _, protocol = metric.partition("@")
        network, _, variant = protocol.partition(":")
        return cls(metric, family, network, variant)

    def defined(self, row: Trial) -> bool:
        """Whether a row has what this metric of rows compares with; true of the others."""
        if self.family == "gender_flip":
            return row.target_gender is not None
        return is_picture(self.other(row)) if self.family in ("pose_error", *LIKENESS) else True

    def other(self, row: Trial) -> str:
        """The picture that a metric of rows compares the output with."""
        return row.source if self.family == "pose_error" else compared_picture(self.family, row)


@dataclass(frozen=True)
class _Source:
    """The outputs of one source in one set, of several or one alone. weight: its share in the mean of batch means."""

    rows: Sequence[Trial]
    weight: float = 0.0

    @property
    def paired(self) -> bool:
        return len(self.rows) > 1


class Pictures:
    """`keys`: of `benchmark.registry.PROTOCOLS`, as fid@pocket."""

    def __init__(self, *keys: str) -> None:
        self._keys = [_Key.of(metric) for metric in keys]
        self._sets = [k for k in self._keys if k.family in ("fid", "kid")]
        self._pairs = [k for k in self._keys if k.family == "lpips"]
        self._rows = [k for k in self._keys if k not in (*self._sets, *self._pairs)]
        self.metrics = keys
        self.of_sets = tuple(k.metric for k in self._sets)
        self.weights = tuple(dict.fromkeys(chain(*(NETWORKS[k.network].weights for k in self._keys))))
        self.own_sha256 = {"weights": random_features.weights_sha256()} if "fid@random" in keys else {}
        self._real: dict[str, RealPictures] = {}
        self._kept: dict[tuple[str, int, str, int], np.ndarray] = {}
        self._moments: dict[tuple[str, int, str, int], Moments] = {}

    def compare_with(self, real: Sequence[RealPictures]) -> None:
        """The real set of every corpus; where there is one alone all rows are of it."""
        self._real = {r.corpus: r for r in real}

    def planned(self, trials: Sequence[Trial]) -> dict[tuple[str, str], list[str]]:
        """(system, metric) -> the trials its scores stand under, if every output can be read."""
        found: dict[tuple[str, str], list[str]] = {}
        for key, rows in self._found_sets(trials).items():
            paired = [s for s in _sources(rows) if s.paired]
            for k in self._keys:
                if k in self._sets:
                    names = [rows[0].trial]
                elif k in self._pairs:
                    names = [s.rows[0].trial for s in paired]
                else:
                    names = [row.trial for row in rows if k.defined(row)]
                found.setdefault((key.system, k.metric), []).extend(names)
        return found

    def score(self, trials: Sequence[Trial], root: Path) -> Iterator[Score]:
        """All scores of these rows, which have to be all rows of their systems.

        A metric of rows has one score a row it is defined for; one of sources one for all outputs of a source, if there
        are several; one of sets one a set. An output that cannot be read is an error of its row, and the others of its
        set or source are judged without it.

        Raises:
            MissingWeights, BenchmarkError: a network is not to be had.
        """
        found_sets = self._found_sets(trials)
        looking = Looking({k.network for k in self._pairs})
        seen: dict[Path, Seen | BenchmarkError] = {}
        todo = {path for row in chain(*found_sets.values()) for path in self._asked(row, root, True)}
        with tqdm(total=len(todo), desc=f"pictures of {trials[0].system}", disable=None, leave=False) as bar:
            for group in _together(chain(*map(_sources, found_sets.values()))):
                asked: dict[Path, set[str]] = {}
                for source in group:
                    for row in source.rows:
                        for path, names in self._asked(row, root, source.paired).items():
                            asked.setdefault(path, set()).update(names)
                outputs = {root / row.output for source in group if source.paired for row in source.rows}
                before = len(seen)
                seen |= looking(asked, outputs & asked.keys())
                bar.update(len(seen) - before)
                for source in group:
                    yield from self._of_rows(source, root, seen)
                    yield from self._of_source(source, root, seen, looking)
        for key, rows in found_sets.items():
            yield from self._of_set(key, rows, root, seen)

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        """What the embedded judge does not know, sets that are small, sources with one output alone."""
        found = self._found_sets(trials)
        said = []
        said += strangers([k.metric for k in self._keys if k.network == _EMBEDDED], chain(*found.values()))
        counts = [n for real in self._real.values() for n in real.count.values()]
        sizes = [len(rows) for rows in found.values()]
        distances = [k.metric for k in self._sets if k.family == "fid"]
        if distances and counts and sizes and min(*counts, *sizes) < ENOUGH:
            said.append(
                f"{', '.join(distances)}: sets of {_span(sizes)} outputs against {_span(counts)} real pictures. FID is "
                f"biased upwards below {ENOUGH} of either: compare it at equal numbers alone."
            )
        everyone = [s for rows in found.values() for s in _sources(rows)]
        alone = sum(not s.paired for s in everyone)
        if self._pairs and alone:
            names = ", ".join(k.metric for k in self._pairs)
            said.append(
                f"{names}: {alone} of {len(everyone)} sources have one output; diversity needs two of a source."
            )
        return said

    def fits(self, trials: Sequence[Trial]) -> bool:
        """Whether the judges know such pictures: the embedded one knows embedded corpora."""
        mine = any(k.network == _EMBEDDED for k in self._keys)
        return not mine or is_embedded(chain(*self._found_sets(trials).values()))

    def _found_sets(self, trials: Sequence[Trial]) -> dict[SetKey, list[Trial]]:
        return sets([t for t in trials if not is_sound(t.output)], tuple(self._real))

    def _asked(self, row: Trial, root: Path, paired: bool) -> dict[Path, set[str]]:
        """Path -> networks that are to look at it for the sake of one row."""
        keys = self._judging(row, paired)
        if not row.output or not keys:
            return {}
        found = {root / other: {k.network} for k in keys if (other := k.other(row))}
        found.setdefault(root / row.output, set()).update(k.network for k in keys)
        return found

    def _judging(self, row: Trial, paired: bool) -> list[_Key]:
        """The keys that a row is judged by, alone or with others."""
        return [k for k in self._keys if k.defined(row) and (paired or k not in self._pairs)]

    def _of_rows(self, source: _Source, root: Path, seen: Found) -> Iterator[Score]:
        for row in source.rows:
            keys = self._judging(row, source.paired)
            output = seen[root / row.output] if row.output and keys else BenchmarkError(NO_OUTPUT)
            if isinstance(output, BenchmarkError):
                for k in keys:
                    yield Score(row.system, row.trial, k.metric, error=str(output))
                continue
            for k in (k for k in self._rows if k.defined(row)):
                other = seen[root / k.other(row)] if k.other(row) else output
                if isinstance(other, BenchmarkError):
                    yield Score(row.system, row.trial, k.metric, error=f"{k.other(row)}: {other}")
                else:
                    assert output.face is not None
                    assert other.face is not None
                    yield Score(row.system, row.trial, k.metric, value=_shown(k.family, row, output.face, other.face))

    def _of_source(self, source: _Source, root: Path, seen: Found, looking: Looking) -> Iterator[Score]:
        if not source.paired or not self._pairs:
            return
        good = [row for row in source.rows if row.output and isinstance(seen[root / row.output], Seen)]
        values: dict[str, float | BenchmarkError] = {}
        for k in self._pairs if good else ():
            if k.network not in values:
                try:
                    maps = [looking.maps(root / row.output, k.network) for row in good]
                    values[k.network] = _diversity(maps, len(source.rows), k.network)
                except BenchmarkError as error:
                    values[k.network] = error
            value, weight = values[k.network], source.weight if k.metric == "lpips@alex" else None
            if isinstance(value, BenchmarkError):
                yield Score(good[0].system, good[0].trial, k.metric, error=str(value))
            else:
                yield Score(good[0].system, good[0].trial, k.metric, value=value, weight=weight)

    def _of_set(self, key: SetKey, rows: Sequence[Trial], root: Path, seen: Found) -> Iterator[Score]:
        named = [(row, seen[root / row.output]) for row in rows if row.output and self._sets]
        good = [(row, found) for row, found in named if isinstance(found, Seen)]
        if not good:
            return
        first, outputs = good[0][0], [found for _, found in good]
        for k in self._sets:
            try:
                value = self._distance(k, key, outputs)
            except BenchmarkError as error:
                yield Score(key.system, first.trial, k.metric, error=str(error))
            else:
                yield Score(key.system, first.trial, k.metric, value=value, rows=len(good))

    def _distance(self, k: _Key, key: SetKey, outputs: Sequence[Seen]) -> float:
        """Raises BenchmarkError: too few outputs, or no real pictures to compare them with."""
        if len(outputs) < 2:
            raise BenchmarkError(f"{key.direction}: 1 output can be read; the distance of sets needs two.")
        if key.target_gender is None:
            raise BenchmarkError("The list does not say the target's gender (column target_gender): no real set fits.")
        real = self._real.get(key.corpus)
        if real is None or real.count.get(key.target_gender, 0) < 2:
            raise BenchmarkError(
                f"{key.direction}: no real pictures of that gender to compare with. `score` takes them with --real "
                "FOLDER, which holds female/ and male/; a run takes the training pictures of its corpus."
            )
        place = (key.corpus, key.target_gender, k.network, _pixels(outputs) if k.network == "starganv2" else 0)
        rows = np.stack([seen.features[k.network] for seen in outputs])
        if k.family == "kid":
            return kernel_distance(rows, self._real_features(*place))
        if place not in self._moments:
            self._moments[place] = Moments.of(self._real_features(*place))
        return frechet_distance(rows, self._moments[place])

    def _real_features(self, corpus: str, gender: int, network: str, pixels: int) -> np.ndarray:
        """(n, d) of the real pictures; where `pixels` is not 0 scaled to so many a side first."""
        place, vision = (corpus, gender, network, pixels), NETWORKS[network]
        if place not in self._kept:

            def look(pictures: Sequence[np.ndarray]) -> np.ndarray:
                return features(network, pictures, pixels)

            made_by = (network, *vision.made_by(), f"from {pixels} pixels" if pixels else "from its own size")
            said = f"real pictures of {corpus}"
            self._kept[place] = kept_features(self._real[corpus], gender, made_by, look, said)
        return self._kept[place]


def _sources(rows: Sequence[Trial]) -> list[_Source]:
    """Of the rows of one set, in the order of the list; weights as the official evaluation's batches give them."""
    paired = {name: own for name, own in sources(rows).items() if len(own) > 1}
    weights = dict(zip(paired, official_weights(len(paired)), strict=True))
    alone = [_Source([row]) for row in rows if row.source not in paired]
    return [*(_Source(own, weights[name]) for name, own in paired.items()), *alone]


def _together(everyone: Iterator[_Source]) -> Iterator[list[_Source]]:
    group: list[_Source] = []
    for source in everyone:
        group.append(source)
        if sum(len(s.rows) for s in group) >= _TOGETHER:
            yield group
            group = []
    if group:
        yield group


def _shown(family: str, row: Trial, output: Face, other: Face) -> float:
    """The value of a metric of rows."""
    if family == "gender_flip":
        return float((output.gender > 0) == (row.target_gender == 1))
    if family == "pose_error":
        return float(np.abs(output.pose.astype(np.float64) - other.pose).mean())
    return float(np.dot(output.identity.astype(np.float64), other.identity.astype(np.float64)))


def _diversity(maps: Sequence[Sequence[torch.Tensor]], of: int, network: str) -> float:
    """Layers of each output -> mean LPIPS over pairs.

    Raises:
        BenchmarkError: one output alone, or outputs of several sizes.
    """
    if len(maps) < 2:
        raise BenchmarkError(f"1 of {of} outputs of this source can be read; diversity needs two.")
    sizes = {tuple(layer.shape for layer in layers) for layers in maps}
    if len(sizes) > 1:
        raise BenchmarkError("The outputs of this source are of several sizes, and LPIPS is of pictures of one size.")
    return mean_pairwise([[torch.stack(layers) for layers in zip(*maps, strict=True)]], NETWORKS[network].heads())


def _pixels(outputs: Sequence[Seen]) -> int:
    """Pixels of a side of all outputs of a set.

    Raises:
        BenchmarkError: they have several sizes, or are no squares.
    """
    found = sorted({seen.pixels for seen in outputs})
    if len(found) > 1 or found[0][0] != found[0][1]:
        told = ", ".join(f"{width}x{height}" for height, width in found[:3])
        raise BenchmarkError(f"Outputs of {told} pixels: this FID is of square pictures of one size.")
    return found[0][0]


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"
