"""Training means and standard deviations of features, for systems that normalise by them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from benchmark.errors import BenchmarkError
from benchmark.media.features import Feature
from benchmark.system import Trainable
from benchmark.training.records import Records, wanted

_CHUNK_ROWS = 65536


def fill_statistics(system: Trainable, records: Records, features: Mapping[str, Feature]) -> None:
    """Write `<feature>_mean` and `<feature>_std` of every feature in `system.statistics`, in place.

    Over all rows of all training records, per element of a row as systems see it, population formula, in float64. A bin
    that never changes gets std 1 (a mel band without an FFT bin in it is constant), so that dividing by it is safe.

    Raises:
        BenchmarkError: no training record has the feature, or the buffers do not have a row's number of elements.
    """
    for key, feature in wanted(features, sorted(system.statistics)).items():
        mean, std = row_statistics(records, feature)
        for name, values in ((f"{key}_mean", mean), (f"{key}_std", std)):
            buffer = system.get_buffer(name)
            if buffer.numel() != len(values):
                raise BenchmarkError(f"Buffer {name} has {buffer.numel()} elements, a row of {key} has {len(values)}.")
            buffer.copy_(torch.from_numpy(values).reshape(buffer.shape))


def row_statistics(records: Records, feature: Feature) -> tuple[np.ndarray, np.ndarray]:
    """(mean, std), float64, of the rows of training records as `Feature.batch` shows them, flattened."""
    count, first = 0, 0
    total: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0
    for store in records.stores:
        flat, offsets = store.flat(feature)
        training = records.training[first : first + len(store.records)]
        first += len(store.records)
        numbers = np.flatnonzero(np.repeat(training, np.diff(offsets)))
        for low in range(0, len(numbers), _CHUNK_ROWS):
            rows = torch.from_numpy(flat[numbers[low : low + _CHUNK_ROWS]])[:, None]
            seen = feature.batch(rows).double().reshape(len(rows), -1).numpy()
            count, total, squares = count + len(seen), total + seen.sum(0), squares + (seen**2).sum(0)
    if count == 0:
        raise BenchmarkError(
            f"No training record of {records.corpora} has {feature.name}, whose statistics are wanted."
        )
    mean = np.asarray(total / count)
    variance = np.asarray(squares / count) - mean**2
    constant = variance <= 1e-10 * np.maximum(mean**2, 1.0)
    return mean, np.sqrt(np.where(constant, 1.0, variance))
