"""A few trials of a run side by side: faces as pictures, recordings as mel spectrograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmark.atomic import atomic
from benchmark.media.audio import RATE, read_wave
from benchmark.media.image import read_image
from benchmark.media.mel import log_mel
from protocols.trial import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS, SECONDS = 8, 3.0
_PICTURES = frozenset({".png", ".jpg"})


def write_sheet(path: Path, folder: Path, systems: Mapping[str, str], rows: Sequence[Trial]) -> None:
    """Draw a PNG with one line a trial, spread over the strata: source, reference if there is one, then every system.

    Args:
        path: of the PNG.
        folder: root of the rows' paths.
        systems: key of `Trial.system` -> name to print, in the order of the columns.
        rows: trials with `system` and `output`; an output that is not there is left blank.
    """
    from matplotlib.figure import Figure  # here, because it is slow to import

    by: dict[str, dict[str, Trial]] = {}
    for row in rows:
        by.setdefault(row.trial, {})[row.system] = row
    chosen = spread(list(by))
    given = ("source", "reference") if any(row.reference for row in rows) else ("source",)
    figure = Figure(figsize=(1.5 * (len(systems) + len(given)), 1.6 * len(chosen)), layout="constrained")
    axes = figure.subplots(len(chosen), len(systems) + len(given), squeeze=False)
    for line, name in zip(axes, chosen, strict=True):
        first = next(iter(by[name].values()))
        _draw(line[0], folder / first.source, f"{first.split} {first.pairing}\n{first.source_id}")
        if len(given) > 1:
            _draw(line[1], folder / first.reference, f"{first.target_id}")
        for axis, system in zip(line[len(given) :], systems, strict=True):
            _draw(axis, folder / by[name][system].output if system in by[name] else None, "")
    for axis, title in zip(axes[0], (*given, *systems.values()), strict=True):
        axis.set_title(title.replace(":", "\n"), fontsize=7)
    page = BytesIO()
    figure.savefig(page, format="png", dpi=90)
    with atomic(path) as file:
        file.write(page.getvalue())


def spread(names: Sequence[str]) -> list[str]:
    """Up to ROWS names, evenly over the list (which goes through the splits, and in turns through the pairings)."""
    places = np.unique(np.linspace(0, len(names) - 1, min(ROWS, len(names))).round().astype(int))
    return [names[i] for i in places]


def _draw(axis: Axes, path: Path | None, label: str) -> None:
    """A picture, a spectrogram of the first SECONDS, or nothing where there is no file."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_ylabel(label, fontsize=6)
    if path is None or not path.is_file():
        return
    if path.suffix in _PICTURES:
        axis.imshow(read_image(path))
    else:
        wave = torch.from_numpy(read_wave(path)[: round(SECONDS * RATE)])
        axis.imshow(log_mel(wave)[0, 0].numpy(), origin="lower", aspect="auto", vmin=-1.9, vmax=2.0)
