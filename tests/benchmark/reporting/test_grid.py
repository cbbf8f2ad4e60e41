"""Panels of pictures: where each picture stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.reporting.grid import Panel, mosaic


def picture(path: Path, grey: int) -> Path:
    Image.fromarray(np.full((64, 64, 3), grey, np.uint8)).save(path)
    return path


def test_references_stand_above_and_what_is_missing_is_grey(tmp_path: Path) -> None:
    source, reference, output = (picture(tmp_path / f"{grey}.png", grey) for grey in (10, 20, 30))
    image = mosaic(Panel("", [("s", source)], [("r", reference), ("q", reference)], [[output, tmp_path / "no.png"]]))
    assert image.shape == (128 + 6 + 128, 128 + 6 + 2 * 128, 3)
    assert image[64, [64, 200, 330], 0].tolist() == [255, 20, 20]
    assert image[200, [64, 200, 330], 0].tolist() == [10, 30, 215]


def test_without_pictures_above_there_is_no_empty_line(tmp_path: Path) -> None:
    source, output = picture(tmp_path / "s.png", 10), picture(tmp_path / "o.png", 30)
    image = mosaic(Panel("", [("s", source)], [("draw 0", None)], [[output]]))
    assert image.shape == (128, 128 + 6 + 128, 3)
    assert image[64, [64, 200], 0].tolist() == [10, 30]
