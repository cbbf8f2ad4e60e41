"""Batched crops, flips and resizing against one picture at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from benchmark.stargan.augment import augment, random_boxes, resampling


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [16, 31, 128, 150])
def test_resampling_is_torch_s_antialiased_bilinear_filter_of_the_crop(size: int) -> None:
    x = torch.randn(3, 2, 128, 128, generator=generator())
    start, length = torch.tensor([0.0, 5.0, 17.0]), torch.tensor([128.0, 110.0, 111.0])
    weights = resampling(start, length, 128, size)
    assert weights.shape == (3, size, 128)
    out = weights[:, None] @ x @ weights[:, None].mT
    for i in range(3):
        low, high = int(start[i]), int(start[i] + length[i])
        crop = x[i : i + 1, :, low:high, low:high]
        expected = F.interpolate(crop, size=(size, size), mode="bilinear", antialias=True)
        torch.testing.assert_close(out[i : i + 1], expected, atol=1e-4, rtol=1e-4)


def test_resampling_is_pillow_s_filter_up_to_its_rounding() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (128, 128), np.uint8)
    weights = resampling(torch.tensor([3.0]), torch.tensor([117.0]), 128, 64)[0]
    out = weights @ torch.from_numpy(picture).float() @ weights.T
    box = Image.fromarray(picture).crop((3, 3, 120, 120)).resize((64, 64), Image.Resampling.BILINEAR)
    assert float((out - torch.from_numpy(np.asarray(box).copy())).abs().max()) <= 1.0


def test_no_crop_at_the_own_size_changes_nothing_but_the_side() -> None:
    x = torch.randn(64, 3, 32, 32, generator=generator())
    out = augment(x, 32, 0.0, generator(1))
    same = (out == x).flatten(1).all(1)
    mirrored = (out == x.flip(3)).flatten(1).all(1)
    assert bool((same ^ mirrored).all())
    assert 16 < int(mirrored.sum()) < 48


def test_boxes_have_the_official_ranges() -> None:
    top, left, height, width = random_boxes(4000, 128, generator())
    area, ratio = height * width / 128**2, width / height
    assert float(area.min()) == pytest.approx(0.8, abs=0.02)
    assert float(area.max()) > 0.98
    assert 0.9 - 0.02 <= float(ratio.min()) < 0.92
    assert 1.08 < float(ratio.max()) <= 1.1 + 0.02
    assert float(ratio.log().mean()) == pytest.approx(0.0, abs=0.01)
    for first, extent in ((top, height), (left, width)):
        assert bool((first >= 0).all())
        assert bool((first + extent <= 128).all())
        assert bool((extent == extent.round()).all())
        room = (128 - extent)[extent < 128]
        assert float((first[extent < 128] / room).mean()) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_crops_happen_as_often_as_asked(chance: float) -> None:
    """A picture that rises from left to right and from top to bottom shows its corners if, and only if, it is whole."""
    ramp = torch.arange(32.0)
    x = (ramp + 100 * ramp[:, None]).expand(400, 1, 32, 32)
    out = augment(x, 32, chance, generator())
    whole = (out == x).flatten(1).all(1) | (out == x.flip(3)).flatten(1).all(1)
    assert float((~whole).float().mean()) == pytest.approx(chance, abs=0.07)


def test_draws_are_the_generator_s_alone_and_as_many_whatever_the_pictures_are() -> None:
    x = torch.randn(4, 3, 32, 32, generator=generator())
    one, two, other = generator(1), generator(1), generator(2)
    assert torch.equal(augment(x, 16, 0.5, one), augment(x, 16, 0.5, two))
    assert not torch.equal(augment(x, 16, 0.5, other), augment(x, 16, 0.5, generator(1)))
    augment(torch.zeros(4, 1, 64, 64), 32, 0.0, one)
    augment(x, 16, 1.0, two)
    assert torch.equal(torch.rand(3, generator=one), torch.rand(3, generator=two))


def test_autocast_does_not_round_pictures() -> None:
    x = torch.randn(4, 3, 32, 32, generator=generator())
    with torch.autocast("cpu", torch.bfloat16):
        out = augment(x, 16, 0.5, generator(1))
    assert torch.equal(out, augment(x, 16, 0.5, generator(1)))
