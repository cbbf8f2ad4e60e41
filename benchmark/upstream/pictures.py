"""Pictures through a frozen network: batches that change no result, one thread a core."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.errors import BenchmarkError
from benchmark.threads import in_parallel


def stacked(pictures: Sequence[np.ndarray]) -> Tensor:
    """Pictures (H, W, 3) uint8 of one size -> (N, 3, H, W) uint8, channels last in memory.

    Raises:
        BenchmarkError: another layout or type, or sizes that differ.
    """
    shapes = {picture.shape for picture in pictures}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 3 or shape[2] != 3:
        found = ", ".join(sorted({str(picture.shape) for picture in pictures})) or "no picture"
        raise BenchmarkError(f"Pictures of one size (H, W, 3) share a batch; these are {found}.")
    if any(picture.dtype != np.uint8 for picture in pictures):
        raise BenchmarkError(f"Pictures are uint8; these are {', '.join(sorted({str(p.dtype) for p in pictures}))}.")
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def through(
    network: nn.Module, prepare: Callable[[Sequence[np.ndarray]], Tensor], pictures: Sequence[np.ndarray], batch: int
) -> np.ndarray:
    """`network(prepare(some of the pictures))` for all of them, on the CPU -> (n, d), row i of picture i alone.

    Raises:
        BenchmarkError: no pictures, and as `prepare`.
    """

    @torch.inference_mode()
    def rows(some: Sequence[np.ndarray]) -> np.ndarray:
        found: np.ndarray = network(prepare(some)).numpy()
        return found

    batches = [pictures[start : start + batch] for start in range(0, len(pictures), batch)]
    if not batches:
        raise BenchmarkError("There are no pictures to take features of.")
    return np.concatenate(in_parallel(rows, batches))
