"""XFaVoT's translations: what they depend on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from methods.xfavot.system import XFaVoT

pytestmark = pytest.mark.usefixtures("small_networks")

Make = Callable[..., XFaVoT]


def column(task: str, side: str, frames: int = 90, rows: int = 3) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(frames + rows + len(side))
    made = {"gender": torch.tensor([0, 1, 1])[:rows], "speaker": torch.full((rows,), -1)}
    made["face128"] = torch.rand(rows, 3, 128, 128, generator=generator) * 2 - 1
    made["mel80"] = torch.randn(rows, 1, 80, frames, generator=generator)
    return made


@pytest.mark.parametrize("task", sorted(XFaVoT.tasks))
def test_rows_do_not_know_each_other(make: Make, task: str) -> None:
    system = make().eval()
    seeds = torch.tensor([3, 1, 2])
    with torch.no_grad():
        together = system.translate(task, column(task, "s"), column(task, "reference"), seeds)
        alone = torch.cat(
            [
                system.translate(
                    task,
                    {k: v[i : i + 1] for k, v in column(task, "s").items()},
                    {k: v[i : i + 1] for k, v in column(task, "reference").items()},
                    seeds[i : i + 1],
                )
                for i in range(3)
            ]
        )
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert together.shape == ((3, 3, 32, 32) if task.endswith("translation") else (3, 1, 80, 90))
    assert together.abs().max() <= 1 or task.endswith("vc")


@pytest.mark.parametrize(("frames", "heard"), [(81, 20), (200, 400)])
def test_voices_of_any_length(make: Make, frames: int, heard: int) -> None:
    with torch.no_grad():
        out = make().translate(
            "audio_guided_vc", column("", "s", frames), column("", "reference", heard), torch.zeros(3)
        )
    assert out.shape == (3, 1, 80, frames)


@pytest.mark.parametrize("task", sorted(XFaVoT.tasks))
def test_the_reference_decides_the_style(make: Make, task: str) -> None:
    system, source = make().eval(), column(task, "s")
    a, b = column(task, "reference"), column(task, "reference", 91)
    with torch.no_grad():
        first = system.translate(task, source, a, torch.tensor([0, 1, 2]))
        second = system.translate(task, source, {**b, "gender": a["gender"]}, torch.tensor([3, 4, 5]))
    assert not torch.allclose(first, second)


def test_a_gender_only_control_hears_the_gender_alone(make: Make) -> None:
    system = make(**(XFaVoT.gender_only or {})).eval()
    a, b = column("", "reference"), column("", "reference", 91)
    with torch.no_grad():
        for task in ("audio_guided_vc", "image_guided_vc"):
            out = [system.translate(task, column(task, "s"), r, torch.zeros(3)) for r in (a, b)]
            torch.testing.assert_close(*out)
            other = system.translate(task, column(task, "s"), {**a, "gender": 1 - a["gender"]}, torch.zeros(3))
            assert not torch.allclose(other, out[0])


def test_unknown_gender_is_told(make: Make) -> None:
    reference: dict[str, Any] = {**column("", "reference"), "gender": torch.tensor([0, -1, 1])}
    with pytest.raises(BenchmarkError, match="unknown gender"):
        make().translate("audio_guided_vc", column("", "s"), reference, torch.zeros(3))
