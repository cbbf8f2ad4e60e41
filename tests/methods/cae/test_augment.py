"""Pictures moved and with a square gone: against a pixel by pixel transcription, and its gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.system import Step
from methods.cae.augment import glimpse
from methods.cae.system import CAE


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def slowly(pictures: Tensor, shift: int, cutout: int, generator: torch.Generator) -> Tensor:
    """Pixel (y, x) comes from (y + dy, x + dx), where there is one, unless it is in the row's square."""
    rows, full = len(pictures), pictures.shape[2]
    moved = torch.randint(-shift, shift + 1, (2, rows, 1, 1), generator=generator)[..., 0, 0]
    first = torch.randint(0, full, (2, rows, 1), generator=generator)[..., 0] - cutout // 2
    shown = torch.zeros_like(pictures)
    for b in range(rows):
        (dy, dx), (top, left) = moved[:, b].tolist(), first[:, b].tolist()
        for y in range(full):
            for x in range(full):
                gone = top <= y < top + cutout and left <= x < left + cutout
                if not gone and 0 <= y + dy < full and 0 <= x + dx < full:
                    shown[b, :, y, x] = pictures[b, :, y + dy, x + dx]
    return shown


@pytest.mark.parametrize(("shift", "cutout"), [(0, 0), (3, 0), (0, 6), (3, 7), (16, 5)])
def test_pixels_are_those_of_the_transcription(shift: int, cutout: int) -> None:
    pictures = torch.rand(6, 3, 16, 16)
    assert torch.equal(glimpse(pictures, shift, cutout, seeded()), slowly(pictures, shift, cutout, seeded()))


def test_rows_differ_and_another_draw_is_another_glimpse() -> None:
    pictures = torch.rand(1, 3, 32, 32).expand(8, -1, -1, -1)
    generator = seeded()
    first, second = (glimpse(pictures, 4, 16, generator) for _ in range(2))
    assert len({tuple(row.flatten().tolist()) for row in (*first, *second)}) == 16


def test_a_gradient_reaches_every_pixel_that_is_shown_and_no_other() -> None:
    pictures = torch.ones(4, 3, 16, 16, requires_grad=True)
    shown = glimpse(pictures, 3, 6, seeded())
    shown.sum().backward()
    assert pictures.grad is not None
    assert set(pictures.grad.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(pictures.grad.sum((1, 2, 3)), shown.sum((1, 2, 3)))


@pytest.mark.parametrize(
    ("phase", "pictures", "glimpses"), [("discriminate", 2, 2), ("classify", 1, 1), ("generate", 2, 1)]
)
def test_discriminator_and_classifier_see_no_picture_whole_if_asked(
    make: Callable[..., CAE], phase: str, pictures: int, glimpses: int
) -> None:
    """Mid-grey is in none of the pictures. In `generate` both are shown the same glimpse of an output."""
    people = torch.arange(4)
    face = {"face128": torch.full((4, 3, 128, 128), 0.5), "speaker": people, "gender": people % 2}
    voice = {"mel64": torch.randn(4, 1, 64, 40), "speaker": people, "gender": people % 2}
    batch = {"face": face, "own_voice": voice, "target": face, "voice": voice}

    def grey(**asked: int) -> list[Tensor]:
        system, seen = make(**asked), []
        system.trunk.register_forward_pre_hook(lambda _, inputs: seen.append((inputs[0] == 0).all(1)))
        system(phase, batch, Step(0, seeded(), np.random.default_rng(0), lambda x: x))
        return seen

    assert not any(whole.any() for whole in grey())
    shown = grey(shift=4, cutout=20)
    assert len(shown) == pictures
    assert all(gone.flatten(1).sum(1).min() > 50 for gone in shown)
    assert len({tuple(gone.flatten().tolist()) for gone in shown}) == glimpses
