"""The transforms of balanced consistency."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F

from baselines.starganv2_vc.transforms import draw_transform, roll, stretch


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


MEL = torch.randn(3, 1, 80, 192, generator=generator())


def official_phase_shuffle(x: torch.Tensor, move: int) -> torch.Tensor:
    left, right = x[:, :, :, :move], x[:, :, :, move:]
    return x if move == 0 else torch.cat([right, left], dim=3)


@pytest.mark.parametrize("move", [-192, -124, -1, 0, 1, 99, 191, 192])
def test_rolling_is_the_official_shuffle(move: int) -> None:
    assert torch.equal(roll(MEL, lambda: move), official_phase_shuffle(MEL, move))


@pytest.mark.parametrize("factor", [1.0, 1.07, 1.1])
def test_a_stretch_is_cut(factor: float) -> None:
    longer = F.interpolate(MEL, scale_factor=(1, factor), mode="bilinear", recompute_scale_factor=True)
    torch.testing.assert_close(stretch(MEL, factor, generator()), longer[..., :192])


def test_what_a_compression_lacks_is_repeated_from_within() -> None:
    starts = set()
    for seed in range(40):
        out = stretch(MEL, 0.9, generator(seed))
        assert out.shape == MEL.shape
        shorter = F.interpolate(MEL, scale_factor=(1, 0.9), mode="bilinear", recompute_scale_factor=True)
        assert shorter.shape[3] == 172
        torch.testing.assert_close(out[..., :172], shorter)
        found = [s for s in range(172 - 20 + 1) if torch.equal(out[..., 172:], shorter[..., s : s + 20])]
        starts.update(found)
        assert len(found) == 1
    assert len(starts) > 20


def test_fixed_shifts_begin_anew_with_every_transform() -> None:
    """Quirk Q26: Random(1) gives -124, then 99, then -160 for 192 frames; a transform of rolls alone shows them."""
    drawn = random.Random(1)
    moves = [drawn.randint(-192, 192) for _ in range(3)]
    assert moves == [-124, 99, -160]
    seen = 0
    for seed in range(200):
        kinds = generator(seed)
        torch.rand((), generator=kinds)
        if torch.randint(3, (3,), generator=kinds).tolist() == [2, 2, 2]:
            transform = draw_transform(192, True, generator(seed))
            for move in moves:
                torch.testing.assert_close(transform(MEL), MEL.roll(-3 * move, 3))
            seen += 1
    assert seen >= 3


def test_free_shifts_differ_from_mel_to_mel() -> None:
    for seed in range(200):
        kinds = generator(seed)
        torch.rand((), generator=kinds)
        if torch.randint(3, (3,), generator=kinds).tolist() == [2, 2, 2]:
            transform = draw_transform(192, False, generator(seed))
            first, second = transform(MEL), transform(MEL)
            assert torch.equal(first.sort(3).values, MEL.sort(3).values)
            assert not torch.equal(first, second)


def test_transforms_keep_the_shape_are_mild_and_follow_the_generator_alone() -> None:
    quiet = torch.ones(2, 1, 80, 96)
    levels = []
    for seed in range(60):
        out = draw_transform(96, True, generator(seed))(quiet)
        assert out.shape == quiet.shape
        levels.append(out.mean().item())
        torch.testing.assert_close(out, torch.full_like(out, levels[-1]))  # a level stays a level
        x = MEL[..., :96]
        assert torch.equal(*(draw_transform(96, True, generator(seed))(x) for _ in range(2)))
    assert 0.9**3 <= min(levels) < 0.9  # scaled down alone, by a tenth at most each time
    assert max(levels) == pytest.approx(1.0, abs=1e-6)
