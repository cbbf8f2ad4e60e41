"""Panels of pictures: sources down the left side, references along the top, what came of every pair where they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from benchmark.atomic import atomic
from benchmark.media.image import read_image, shrink_square

_SIDE, _GAP = 128, 6
_WHITE = 255
_MISSING = 215
"""Grey of a picture that is not there."""


@dataclass(frozen=True)
class Panel:
    """left: (label, picture) of every line. top: the same of every column, without a picture where there is none.
    cells: a picture for each line and column; one that is not on disk is left grey."""

    title: str
    left: Sequence[tuple[str, Path]]
    top: Sequence[tuple[str, Path | None]]
    cells: Sequence[Sequence[Path]]

    @property
    def pictured(self) -> bool:
        """Whether a line of references stands above the others."""
        return any(picture for _, picture in self.top)


def write_panels(path: Path, panels: Sequence[Panel]) -> None:
    """Draw panels side by side into a PNG, atomically; every picture is shown at about 128 px."""
    from matplotlib.figure import Figure  # here, because it is slow to import

    mosaics = [mosaic(panel) for panel in panels]
    height, width = (max(m.shape[axis] for m in mosaics) / 100 for axis in (0, 1))
    figure = Figure(figsize=((width + 1.0) * len(panels), height + 0.8), dpi=100, layout="constrained")
    for axis, panel, image in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, mosaics, strict=True):
        axis.imshow(image)
        axis.set_title(panel.title, fontsize=10)
        centres = _SIDE + _GAP + _SIDE * (np.arange(max(len(panel.left), len(panel.top))) + 0.5)
        above = 0 if panel.pictured else _SIDE + _GAP
        axis.set_xticks(centres[: len(panel.top)], [label for label, _ in panel.top], fontsize=6)
        axis.set_yticks(
            centres[: len(panel.left)] - above,
            [label for label, _ in panel.left],
            fontsize=6,
            rotation=90,
            va="center",
        )
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    page = BytesIO()
    figure.savefig(page, format="png", bbox_inches="tight")  # labels of wide panels would leave the page
    with atomic(path) as file:
        file.write(page.getvalue())


def mosaic(panel: Panel) -> np.ndarray:
    """(H, W, 3) uint8: the panel's pictures, a white gap between those of left and top and the others."""
    corner = np.full((_SIDE, _SIDE, 3), _WHITE, np.uint8)
    across = np.full((_SIDE, _GAP, 3), _WHITE, np.uint8)
    lines = []
    if panel.pictured:
        lines.append(np.hstack([corner, across, *(_picture(p) if p else corner for _, p in panel.top)]))
        lines.append(np.full((_GAP, lines[0].shape[1], 3), _WHITE, np.uint8))
    for (_, source), cells in zip(panel.left, panel.cells, strict=True):
        lines.append(np.hstack([_picture(source), across, *map(_picture, cells)]))
    return np.vstack(lines)


def _picture(path: Path) -> np.ndarray:
    if not path.is_file():
        return np.full((_SIDE, _SIDE, 3), _MISSING, np.uint8)
    return shrink_square(read_image(path), _SIDE)
