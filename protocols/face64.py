"""Pictures as the networks of CAE's family take them: (3, 64, 64) in [-1, 1]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.media.image import read_image, resized
from benchmark.threads import in_parallel
from benchmark.upstream.face_embedding.network import SIZE
from protocols.vision import centred_squares

_BATCH = 16  # pictures in one pass; bounds memory, and changes no result


def face64(path: Path) -> Tensor:
    """The largest centred square of a picture at 64 pixels.

    Raises:
        BenchmarkError: as `read_image`.
    """
    picture = torch.from_numpy(read_image(path)).permute(2, 0, 1)[None]
    square: Tensor = resized(centred_squares(picture).float() / 127.5 - 1.0, SIZE)[0]
    return square


def embedded(network: Callable[[Tensor], Tensor], pictures: Sequence[Tensor]) -> list[np.ndarray]:
    """Pictures of `face64`, n of them -> n times (d,) float32, row i of picture i alone."""
    if not pictures:
        return []

    @torch.no_grad()
    def rows(batch: Tensor) -> np.ndarray:
        found: np.ndarray = network(batch).float().numpy()
        return found

    return list(np.concatenate(in_parallel(rows, torch.split(torch.stack(list(pictures)), _BATCH))))
