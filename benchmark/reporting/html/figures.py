"""Distributions of scores and curves of losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from benchmark.reporting.html.collect import Training
from benchmark.reporting.html.svg import INK, drawing, inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"network": "#3b86c8", "control": "#d9822b", "fixed": "#8a8f98"}
"""Of systems with a network, of their own controls (another reference, or the gender alone), and of all others."""
_BINS, _COLUMNS, _POINTS = 40, 3, 300
_TAILS = (0.5, 99.5)


@dataclass(frozen=True)
class Spread:
    """The scores of one system. values: (n,). mean, low, high: as its table says; None where it says nothing."""

    system: str
    kind: str
    values: np.ndarray
    mean: float | None
    low: float | None
    high: float | None


def distribution(metric: str, spreads: Sequence[Spread]) -> Markup:
    """A histogram a system, one below the other on one axis, each with its mean and the interval of the mean.

    Percentiles 0.5 to 99.5 of all scores are drawn to scale; what lies beyond stands in the outermost bars.
    """
    from matplotlib.figure import Figure  # here, because it is slow to import

    every = np.concatenate([spread.values for spread in spreads])
    low, high = np.percentile(every, _TAILS)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    bars = [np.histogram(np.clip(s.values, edges[0], edges[-1]), edges)[0] / len(s.values) for s in spreads]
    tallest = max(float(b.max()) for b in bars)
    with drawing(f"distribution {metric}"):
        figure = Figure(figsize=(7.6, 0.7 + 0.42 * len(spreads)), layout="constrained")
        axis = figure.subplots()
        for place, (spread, bar) in enumerate(zip(spreads, bars, strict=True)):
            colour = COLOURS[spread.kind]
            axis.stairs(-place + 0.75 * bar / tallest, edges, baseline=-place, fill=True, color=colour, alpha=0.75)
            _mark(axis, spread, place)
        axis.set_yticks([-i for i in range(len(spreads))], [s.system for s in spreads], va="bottom")
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        axis.set_ylim(-len(spreads) + 0.7, 0.85)
        axis.grid(axis="x")
        axis.set_axisbelow(True)
        axis.set_xlabel(metric)
        said = "; ".join(f"{s.system} {_quartiles(s.values)}" for s in spreads)
        return inline(figure, f"Distribution of {metric}, quartiles: {said}")


def _mark(axis: Axes, spread: Spread, place: int) -> None:
    """The mean just below the histogram, and its interval."""
    if spread.mean is None:
        return
    if spread.low is not None and spread.high is not None:
        axis.plot([spread.low, spread.high], [-place - 0.1] * 2, color=INK, linewidth=1.6, solid_capstyle="butt")
    axis.plot([spread.mean], [-place - 0.1], marker="o", markersize=3.6, color=INK)


def _quartiles(values: np.ndarray) -> str:
    return " ".join(f"{q:.3g}" for q in np.percentile(values, (25, 50, 75)))


def curves(training: Training) -> Markup:
    """A small panel a term, over the step; of long logs the mean of neighbouring lines."""
    from matplotlib.figure import Figure  # here, because it is slow to import
    from matplotlib.ticker import MaxNLocator

    names = list(training.terms)
    lines = math.ceil(len(names) / _COLUMNS)
    with drawing(f"curves {training.name} {training.source}"):
        figure = Figure(figsize=(7.6, 1.55 * lines + 0.2), layout="constrained")
        panels = list(figure.subplots(lines, _COLUMNS, squeeze=False).flat)
        for axis, name in zip(panels, names, strict=False):
            steps, values = _thinned(training.terms[name])
            axis.plot(steps, values, color=COLOURS["network"], linewidth=1.2, marker="o" if len(steps) == 1 else "")
            axis.set_title(name, loc="left")
            axis.grid()
            axis.tick_params(labelsize=8)
            axis.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        for axis in panels[len(names) :]:
            axis.set_visible(False)
        said = "; ".join(f"{name} from {v[0][1]:.3g} to {v[-1][1]:.3g}" for name, v in training.terms.items())
        return inline(figure, f"Losses of {training.name} over {training.terms[names[0]][-1][0]:.0f} steps: {said}")


def _thinned(points: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    parts = np.array_split(np.array(points, dtype=float), min(_POINTS, len(points)))
    means = np.array([part.mean(axis=0) for part in parts])
    return means[:, 0], means[:, 1]
