"""Where the rows of a feature lie while training: on the device, in host memory, or on disk.

Whichever it is, `take` returns the same bytes for the same indices.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from benchmark.corpora.prepared import Store
from benchmark.media.features import Feature

Placement = Literal["device", "host", "mapped"]

SHARE = 0.4
"""Of the memory that is free, what prepared corpora may take; the rest is for networks and activations."""

_CHUNK_BYTES = 64 * 2**20


class Source(Protocol):
    """All rows of one feature over several stores, laid end to end."""

    def take(self, index: Tensor) -> Tensor:
        """Of index (K, T) int64 the rows (K, T, *tail) in the stored dtype, on the device of the source."""
        ...


class Resident:
    """Rows in the memory of a device (the CPU is one)."""

    def __init__(self, stores: Sequence[Store], feature: Feature, device: torch.device) -> None:
        parts = [store.flat(feature)[0] for store in stores]
        dtype = torch.from_numpy(np.empty(0, feature.dtype)).dtype
        self.rows = torch.empty((sum(map(len, parts)), *feature.tail), dtype=dtype, device=device)
        chunk = max(1, _CHUNK_BYTES // max(1, self.rows.element_size() * self.rows[:1].numel()))
        at = 0
        for part in parts:
            for low in range(0, len(part), chunk):
                piece = torch.from_numpy(np.array(part[low : low + chunk]))
                self.rows[at : at + len(piece)] = piece
                at += len(piece)

    def take(self, index: Tensor) -> Tensor:
        return self.rows[index]


class Mapped:
    """Rows read from the stores' files as they are wanted."""

    def __init__(self, stores: Sequence[Store], feature: Feature) -> None:
        self.parts = [store.flat(feature)[0] for store in stores]
        self.first = np.cumsum([0, *map(len, self.parts)])

    def take(self, index: Tensor) -> Tensor:
        wanted = index.numpy()
        rows = np.empty((*wanted.shape, *self.parts[0].shape[1:]), self.parts[0].dtype)
        for part, low, high in zip(self.parts, self.first[:-1], self.first[1:], strict=True):
            here = (wanted[:, 0] >= low) & (wanted[:, 0] < high)  # a record lies in one store, so the first row tells
            rows[here] = part[wanted[here] - low]
        return torch.from_numpy(rows)


def stored_bytes(stores: Sequence[Store], features: Sequence[Feature]) -> int:
    return sum(int(store.flat(feature)[0].nbytes) for store in stores for feature in features)


def choose(needed: int, device: torch.device, processes: int = 1) -> Placement:
    """On the device when `needed` bytes fit in `SHARE` of what is free there, else in host memory by the same rule,
    else on disk. `processes` train on this machine and share its host memory."""
    on_host = free_bytes(torch.device("cpu")) // processes
    on_device = on_host if device.type == "cpu" else free_bytes(device)
    if needed <= SHARE * on_device:
        return "device"
    return "host" if needed <= SHARE * on_host else "mapped"


def free_bytes(device: torch.device) -> int:
    """Memory not in use on the device; for the CPU within the limit of the container. 0 where nobody knows."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    contained = limit.is_file() and used.is_file() and limit.read_text().strip() != "max"
    allowed = [int(limit.read_text()) - int(used.read_text())] if contained else []
    about = Path("/proc/meminfo")
    if about.is_file():
        available = next(line for line in about.read_text().splitlines() if line.startswith("MemAvailable"))
        allowed.append(int(available.split()[1]) * 1024)
    elif "SC_PHYS_PAGES" in os.sysconf_names:
        allowed.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    return max(0, min(allowed, default=0))
