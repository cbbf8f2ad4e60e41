"""`frechet`: our Fréchet distance against pytorch-fid's, which takes the root of a matrix by SciPy's sqrtm."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path

import numpy as np

from benchmark.runner.speed.measure import Comparison, Side
from protocols.frechet import frechet_distance

ROWS, WIDTH = 1000, 2048
_WARM = (50, 64)


def make_features(folder: Path, warm: Path) -> None:
    """Two sets of features of falling spread, 1,000 x 2,048 float32 each, in one file; a small one for warming up."""
    for place, (rows, width) in ((folder, (ROWS, WIDTH)), (warm, _WARM)):
        draw = np.random.default_rng(0)
        spread = 1 / np.sqrt(1 + np.arange(width))
        x, y = (np.abs(spread * draw.standard_normal((rows, width))).astype(np.float32) for _ in range(2))
        np.savez(place / "sets.npz", x=x, y=1.1 * y)


def frechet() -> Comparison:
    """From feature vectors to the distance, means and covariances included."""
    return Comparison(ours, pytorch_fid, f"s a distance of {ROWS:,} x {WIDTH:,}", 1e-5)


def ours(folder: Path) -> Side:
    return Side("ours", lambda: [frechet_distance(x, y) for x, y in map(_sets, sorted(folder.iterdir()))])


def pytorch_fid(folder: Path) -> Side:
    from pytorch_fid.fid_score import calculate_frechet_distance  # type: ignore[import-untyped]

    def distance(path: Path) -> float:
        (mean, covariance), (other_mean, other_covariance) = (
            (rows.mean(axis=0), np.cov(rows, rowvar=False)) for rows in _sets(path)
        )
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # that the product of the covariances is singular, and of sqrtm's argument
            return float(calculate_frechet_distance(mean, covariance, other_mean, other_covariance))

    return Side("pytorch-fid, scipy sqrtm", lambda: [distance(path) for path in sorted(folder.iterdir())])


def _sets(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path) as file:
        return file["x"].astype(np.float64), file["y"].astype(np.float64)
