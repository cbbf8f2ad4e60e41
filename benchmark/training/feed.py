"""From the index plan to batches of tensors: gather, pad, convert, label.

A record shorter than its window is padded at its end with digital silence as the feature shows it: the row that
`Feature.compute` makes of a silent source. (StarGANv2-VC pads the normalised mel with zeros, which is a loud
constant spectrum; AdaIN-VC leaves short recordings out.) A feature whose `short` says so repeats the record instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.media.features import TRANSCRIPT, Feature
from benchmark.system import Batch
from benchmark.training.column import Column, Window
from benchmark.training.placement import Mapped, Placement, Resident, Source, choose, stored_bytes
from benchmark.training.plan import Plan

Raw = dict[str, dict[str, Tensor]]


class Feed:
    """Batches of one process out of `world`, from wherever the planner puts the rows.

    `placement` overrides the planner. Rows on the device are gathered there; otherwise one thread gathers the next
    step's batch of the same draw while this one is being worked on. The bytes are the same in every case.
    """

    def __init__(
        self,
        plan: Plan,
        device: torch.device,
        placement: Placement | None = None,
        rank: int = 0,
        world: int = 1,
        processes: int = 1,
    ) -> None:
        self.plan, self.device, self.rank, self.world = plan, device, rank, world
        self.features: dict[str, Feature] = {
            window.feature.name: window.feature
            for columns in plan.columns.values()
            for column in columns.values()
            for window in column.windows
        }
        stores = plan.records.stores
        self.placement = placement or choose(stored_bytes(stores, list(self.features.values())), device, processes)
        self._at = device if self.placement == "device" else torch.device("cpu")
        self._sources: dict[str, Source] = {
            name: Mapped(stores, f) if self.placement == "mapped" else Resident(stores, f, self._at)
            for name, f in self.features.items()
        }
        self._silence: dict[str, Tensor] = {}
        self._thread = None if self.placement == "device" else ThreadPoolExecutor(1, "feed")
        self._ahead: dict[tuple[str, int], tuple[int, Future[Raw]]] = {}

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def batches(self, name: str, step: int, pieces: int = 1) -> list[Batch]:
        """The share that this rank has of a draw, as `pieces` micro-batches.

        The global batch is cut into pieces first and each piece by rank, so that a piece gathered over all ranks is
        the same rows in the same order on any number of devices.
        """
        if self._thread is None:
            raw = self._gather(name, step, pieces)
        else:
            ready, future = self._ahead.pop((name, pieces), (-1, None))
            raw = future.result() if future is not None and ready == step else self._gather(name, step, pieces)
            self._ahead[name, pieces] = (step + 1, self._thread.submit(self._gather, name, step + 1, pieces))
        whole = {key: self._convert(self.plan.columns[name][key], tensors) for key, tensors in raw.items()}
        rows = self.plan.draws[name].size // (pieces * self.world)
        return [
            {key: {k: t[i * rows : (i + 1) * rows] for k, t in column.items()} for key, column in whole.items()}
            for i in range(pieces)
        ]

    def _gather(self, name: str, step: int, pieces: int) -> Raw:
        """Columns of features (B * count, T, *tail) as stored and of labels, where the rows lie."""
        records = self.plan.records
        size = self.plan.draws[name].size
        share = np.arange(size).reshape(pieces, self.world, -1)[:, self.rank].reshape(-1)
        raw: Raw = {}
        for key, rows in self.plan.draw(name, step).items():
            column = self.plan.columns[name][key]
            tensors: dict[str, Tensor] = {}
            for window in column.windows:
                lengths = window.offsets[rows.record + 1] - window.offsets[rows.record]
                width = int(lengths.max()) if window.rows is None else window.rows
                tensors[window.feature.name] = self._rows(window, width, rows.record[share], rows.start[share])
                if window.rows is None:
                    tensors[f"{window.feature.name}_rows"] = torch.from_numpy(lengths[share])
            record = rows.record[share]
            for label, values in (
                ("gender", records.gender[record]),
                ("speaker", records.speaker[record]),
                ("record", record),
            ):
                tensors[label] = torch.from_numpy(values)
            raw[key] = {k: t.pin_memory() if self._pins(t) else t for k, t in tensors.items()}
        return raw

    def _pins(self, tensor: Tensor) -> bool:
        return self.device.type == "cuda" and tensor.device.type == "cpu"

    def _rows(self, window: Window, width: int, record: np.ndarray, start: np.ndarray) -> Tensor:
        begin = (window.offsets[record] + start * window.scale.numerator // window.scale.denominator).reshape(-1)
        end = window.offsets[record + 1].reshape(-1)
        index = torch.from_numpy(begin).to(self._at)[:, None] + torch.arange(width, device=self._at)
        if not (begin + width > end).any():
            return self._sources[window.feature.name].take(index)
        if window.feature.short == "repeat":
            first, stop = (torch.from_numpy(window.offsets[at].reshape(-1)).to(self._at) for at in (record, record + 1))
            return self._sources[window.feature.name].take(
                first[:, None] + (index - first[:, None]) % (stop - first)[:, None]
            )
        last = torch.from_numpy(end - 1).to(self._at)[:, None]
        rows = self._sources[window.feature.name].take(torch.minimum(index, last))
        rows[index > last] = self._silent(window.feature)
        return rows

    def _silent(self, feature: Feature) -> Tensor:
        if feature.name not in self._silence:
            self._silence[feature.name] = torch.from_numpy(silence(feature, self.plan.features)).to(self._at)
        return self._silence[feature.name]

    def _convert(self, column: Column, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """As systems see it: on the device, through `Feature.batch`, with an axis for count > 1."""
        count = column.pick.count
        out = {}
        for key, tensor in tensors.items():
            moved = tensor.to(self.device, non_blocking=True)
            if key in column.pick.features:
                moved = self.features[key].batch(moved)
                out[key] = moved if count == 1 else moved.reshape(-1, count, *moved.shape[1:])
            else:
                out[key] = moved[:, 0] if count == 1 else moved
        return out


def silence(feature: Feature, features: Mapping[str, Feature]) -> np.ndarray:
    """(*tail) in the stored dtype: a row of the feature of a second of digital silence.

    Raises:
        BenchmarkError: the feature of silence is not finite (it divides by the loudness of the record, say).
    """
    if feature.source in (None, TRANSCRIPT) or feature.compute is None:
        return np.zeros(feature.tail, feature.dtype)
    source = features[feature.source]
    quiet = silence(source, features)
    rows: np.ndarray[Any, Any] = feature.compute(np.repeat(quiet[None], int(source.rate or 1), axis=0))
    row = np.asarray(rows[len(rows) // 2]).astype(feature.dtype)
    if not np.isfinite(row).all():
        raise BenchmarkError(
            f"Feature {feature.name} has no finite value for silence, so short records cannot be padded with it. "
            "Choose a crop that no record is shorter than."
        )
    return row
