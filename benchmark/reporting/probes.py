"""Searches as pictures: what went in, what came out, who was looked for, and whom the output is most like (CAE,
Figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from benchmark.atomic import atomic
from benchmark.media.image import read_image, shrink_square

_SIDE, _FRAME = 128, "#1a9641"


@dataclass(frozen=True)
class Found:
    """One of the faces that are found, the best first. is_target: whether it is the one that was looked for."""

    name: str
    picture: Path
    is_target: bool


@dataclass(frozen=True)
class Probe:
    """One line. given, output, target: pictures. label: stands at its left, `rank` below the target."""

    label: str
    given: Path
    output: Path
    target: Path
    rank: str
    found: Sequence[Found]


def write_probes(path: Path, title: str, probes: Sequence[Probe]) -> None:
    """Draw one line a probe into a PNG, atomically: proposal, output, target, what was found; the target is framed."""
    from matplotlib.figure import Figure  # here, because it is slow to import

    columns = 3 + max(len(probe.found) for probe in probes)
    figure = Figure(figsize=(1.35 * columns, 1.6 * len(probes) + 0.5), layout="constrained")
    figure.suptitle(title, fontsize=9)
    axes = figure.subplots(len(probes), columns, squeeze=False)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    heads = ("proposal", "output", "target", *(f"{i + 1}." for i in range(columns - 3)))
    for axis, head in zip(axes[0], heads, strict=True):
        axis.set_title(head, fontsize=8)
    for line, probe in zip(axes, probes, strict=True):
        line[0].set_ylabel(probe.label, fontsize=6)
        line[2].set_xlabel(probe.rank, fontsize=6)
        pictures = (probe.given, probe.output, probe.target, *(found.picture for found in probe.found))
        for axis, picture in zip(line, pictures, strict=False):
            axis.imshow(shrink_square(read_image(picture), _SIDE))
        for axis, found in zip(line[3:], probe.found, strict=False):
            axis.set_xlabel(found.name, fontsize=6)
            if found.is_target:
                axis.spines[:].set(visible=True, color=_FRAME, linewidth=4)
    page = BytesIO()
    figure.savefig(page, format="png", dpi=100)
    with atomic(path) as file:
        file.write(page.getvalue())
