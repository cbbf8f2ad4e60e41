"""A sheet of trials: one line a trial, and a blank place where an output is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.media.audio import write_flac
from benchmark.media.image import read_image
from benchmark.reporting.picture import ROWS, spread, write_sheet
from protocols.trial import Trial


def test_rows_are_spread_over_the_list() -> None:
    assert spread([str(i) for i in range(3)]) == ["0", "1", "2"]
    many = spread([str(i) for i in range(100)])
    assert len(many) == ROWS
    assert (many[0], many[-1]) == ("0", "99")


def test_a_missing_output_is_a_blank_place(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 24000).astype(np.float32)
    write_flac(tmp_path / "a.flac", noise)
    pictures = []
    for output in ("a.flac", "gone.flac"):
        rows = [Trial(output, "s", "t", "a.flac", "a.flac", source_id="x", target_id="y", trial="c-seen-0")]
        write_sheet(tmp_path / "sheet.png", tmp_path, {"s": "s:tiny"}, rows)
        pictures.append(read_image(tmp_path / "sheet.png").astype(int))
    there, blank = pictures
    assert there.shape == blank.shape
    thirds = [np.abs(there - blank)[:, i * there.shape[1] // 3 : (i + 1) * there.shape[1] // 3].max() for i in range(3)]
    assert thirds[:2] == [0, 0]
    assert thirds[2] > 50
