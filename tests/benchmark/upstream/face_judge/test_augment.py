"""What is done to pictures before the judge learns from them."""

from __future__ import annotations

import pytest
import torch

from benchmark.upstream.face_judge.augment import box_blur, shifted, softened, tinted
from benchmark.upstream.noise import noisy


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_box_blur_averages_nine_pixels() -> None:
    x = torch.zeros(1, 2, 9, 9)
    x[:, :, 4, 4] = 9.0
    blurred = box_blur(x)
    assert torch.equal(blurred[0, 0, 3:6, 3:6], torch.ones(3, 3))
    assert blurred.sum() == x.sum()
    assert torch.equal(box_blur(torch.ones(1, 3, 8, 8)), torch.ones(1, 3, 8, 8)), "the border stays as bright"


def test_rows_move_by_whole_pixels_and_differ() -> None:
    x = torch.rand(1, 3, 20, 20, generator=source()).repeat(64, 1, 1, 1)
    moved = shifted(x, 3, source(1))
    places = set()
    for row in moved:
        inner = row[:, 6:14, 6:14]
        fits = [
            (a, b)
            for a in range(-3, 4)
            for b in range(-3, 4)
            if torch.equal(inner, x[0, :, 6 + a : 14 + a, 6 + b : 14 + b])
        ]
        assert len(fits) == 1
        places.add(fits[0])
    assert len(places) > 20
    assert {a for a, _ in places} == {b for _, b in places} == set(range(-3, 4))
    assert torch.equal(shifted(x, 0, source()), x)


def test_softening() -> None:
    x = torch.randn(200, 3, 16, 16, generator=source())
    assert torch.equal(softened(x, 0.0, source()), x)
    some = softened(x, 0.5, source())
    changed = (some != x).flatten(1).any(1)
    assert 70 < changed.sum() < 130
    ratio = some.flatten(1).std(1) / x.flatten(1).std(1)
    assert ratio.max() <= 1.0 + 1e-5
    assert ratio.min() < 0.35, "up to the blurred picture itself"


def test_noise_has_the_level_asked_for_and_leaves_the_rest_alone() -> None:
    x = torch.zeros(400, 3, 16, 16)
    level = noisy(x, 0.25, 0.1, source()).flatten(1).std(1)
    assert 70 < (level > 0).sum() < 130
    assert 0.09 < level.max() < 0.11


def test_tints_are_even_over_a_picture() -> None:
    x = torch.full((300, 3, 4, 4), 0.5)
    colour = tinted(x, 0.2, 0.1, source())
    assert torch.equal(colour, colour[:, :, :1, :1].expand_as(colour))
    change = colour[:, :, 0, 0] - 0.5
    assert change.abs().max() <= 0.2 * 0.5 + 0.1 + 1e-6
    assert change.abs().max() > 0.15
    assert (change[:, 0] - change[:, 2]).std() > 0.02, "channels differ"


@pytest.mark.parametrize("seed", [0, 1])
def test_the_generator_decides(seed: int) -> None:
    x = torch.rand(8, 3, 32, 32, generator=source(9))
    for change in (
        lambda g: shifted(x, 4, g),
        lambda g: softened(x, 0.5, g),
        lambda g: tinted(x, 0.1, 0.1, g),
        lambda g: noisy(x, 0.9, 0.1, g),
    ):
        assert torch.equal(change(source(seed)), change(source(seed)))
        assert not torch.equal(change(source(seed)), change(source(seed + 1)))
