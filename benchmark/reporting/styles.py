"""Styles of faces and voices as a picture (XFaVoT, Figure 10): a t-SNE map, a colour for each person."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from benchmark.atomic import atomic

_PERPLEXITY = 30.0
_MARKS = ("o", "^")


def neighbour_map(styles: np.ndarray, seed: int = 0) -> np.ndarray:
    """(N, S) -> (N, 2) by t-SNE (van der Maaten & Hinton 2008) of cosine distances, from the first two principal
    components; deterministic by seed. Perplexity 30, or a third of N where there are few."""
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(styles) - 1) / 3)
    units = styles / np.linalg.norm(styles, axis=1, keepdims=True)
    found = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(units)
    return np.asarray(found)


def write_map(path: Path, title: str, places: np.ndarray, people: Sequence[str], voices: np.ndarray) -> None:
    """Draw a PNG, atomically.

    Args:
        path: of the PNG.
        title: above the map.
        places: (N, 2).
        people: whose each is, (N,): one colour a name.
        voices: (N,) bool: a triangle for the style of a voice, a disc for that of a face.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    names = sorted(set(people))
    colours = colormaps["hsv"](np.array([names.index(p) for p in people]) / len(names))
    figure = Figure(figsize=(7, 6.4), dpi=110, layout="constrained")
    axis = figure.subplots()
    for voice, mark in enumerate(_MARKS):
        chosen = voices == bool(voice)
        x, y = places[chosen].T
        axis.scatter(x, y, c=colours[chosen], marker=mark, s=26, linewidths=0.3, edgecolors="black", alpha=0.85)
        axis.scatter([], [], c="grey", marker=mark, label=("style of a face", "style of a voice")[voice])
    axis.set_title(title, fontsize=9)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.legend(fontsize=8, loc="best")
    page = BytesIO()
    figure.savefig(page, format="png")
    with atomic(path) as file:
        file.write(page.getvalue())
