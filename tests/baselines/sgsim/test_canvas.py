"""What the audio encoder looks at, against transcriptions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.sgsim.canvas import heard, masked, picture, resize, window


def mel(lengths: list[int], frames: int = 20) -> Tensor:
    found = torch.zeros(len(lengths), 1, 128, frames)
    for row, length in zip(found, lengths, strict=True):
        row[..., :length] = torch.rand(1, 128, length) + 0.1
    return found


def test_frames_are_heard_up_to_the_last_that_is_not_zero() -> None:
    x = mel([5, 0, 20])
    x[0, :, :, 2] = 0
    assert heard(x).tolist() == [5, 0, 20]


def test_a_long_recording_is_cut_and_a_short_one_is_laid_in_at_its_place() -> None:
    x = mel([20, 5, 20, 5, 8])
    found = window(x, 8, torch.tensor([0.0, 0.0, 0.999, 0.999, 0.5]))
    assert found.shape == (5, 128, 8)
    assert torch.equal(found[0], x[0, 0, :, :8])
    assert torch.equal(found[2], x[2, 0, :, 12:])
    assert torch.equal(found[1], torch.cat([x[1, 0, :, :5], torch.zeros(128, 3)], 1))
    assert torch.equal(found[3], torch.cat([torch.zeros(128, 3), x[3, 0, :, :5]], 1))
    assert torch.equal(found[4], x[4, 0, :, :8])


def test_every_start_comes_equally_often() -> None:
    x = torch.arange(1.0, 11.0).expand(1, 1, 128, 10)
    starts = [float(window(x, 8, torch.tensor([u]))[0, 0, 0]) for u in np.linspace(0, 0.999, 300)]
    assert np.bincount(starts)[1:].tolist() == pytest.approx([100, 100, 100], abs=2)


def bilinear(x: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """cv2.resize(x, (columns, rows)): the four nearest pixels of the place that a pixel's middle comes from."""

    def weights(out: int, size: int) -> np.ndarray:
        found = np.zeros((out, size))
        for i in range(out):
            place = min(max((i + 0.5) * size / out - 0.5, 0), size - 1)
            low = min(int(place), size - 1)
            found[i, low] += 1 - (place - low)
            found[i, min(low + 1, size - 1)] += place - low
        return found

    return weights(rows, x.shape[0]) @ x @ weights(columns, x.shape[1]).T


def test_resize_is_opencvs() -> None:
    x = torch.rand(2, 128, 90, dtype=torch.float64)
    expected = np.stack([bilinear(row.numpy(), 512, 12) for row in x])
    np.testing.assert_allclose(resize(x, 512, 12).numpy(), expected, atol=1e-12)


def test_scrambled_numbers_are_read_row_by_row_into_the_other_shape() -> None:
    """Quirk Q43: a row of what the encoder sees holds pieces of several mels."""
    x = torch.rand(2, 512, 128)
    found = picture(x, scrambled=True)
    assert found.shape == (2, 1, 128, 512)
    assert torch.equal(found[1, 0, 3], torch.cat([x[1, 12], x[1, 13], x[1, 14], x[1, 15]]))
    clean = picture(x, scrambled=False)
    assert clean.shape == (2, 1, 128, 512)
    assert torch.equal(clean[1, 0, 3], x[1, :, 3])


def slow_mask(canvas: np.ndarray, draws: np.ndarray, column_share: float, row_share: float) -> np.ndarray:
    """spec_augment of soundclip/datasets.py, its random numbers given: (masks, axis, share and place)."""
    spec = canvas.copy()
    for columns, rows in draws:
        frames, bands = spec.shape
        hidden = int(columns[0] * column_share * bands)
        first = int(columns[1] * (bands - hidden))
        spec[:, first : first + hidden] = 0
        hidden = int(rows[0] * row_share * frames)
        first = int(rows[1] * (frames - hidden))
        spec[first : first + hidden, :] = 0
    return spec


def test_masks_are_the_official_ones_row_by_row() -> None:
    canvas = torch.rand(3, 40, 30) + 0.1
    found = masked(canvas, 0.5, 0.3, 2, torch.Generator().manual_seed(4))
    source = torch.Generator().manual_seed(4)
    draws = np.stack([[torch.rand(2, 3, 1, generator=source).numpy()[..., 0] for _ in range(2)] for _ in range(2)])
    for i in range(3):
        np.testing.assert_array_equal(found[i].numpy(), slow_mask(canvas[i].numpy(), draws[..., i], 0.5, 0.3))
    assert (found == 0).any()
    assert not torch.equal(found[0] == 0, found[1] == 0)
    assert torch.equal(masked(canvas, 0.5, 0.3, 0, source), canvas)
