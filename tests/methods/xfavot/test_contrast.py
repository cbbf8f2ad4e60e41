"""The contrast of styles inside a step: of whom it is, and whom it teaches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.media.image import resized
from benchmark.system import Step
from methods.xfavot import losses
from methods.xfavot.system import XFaVoT

Make = Callable[..., XFaVoT]
Batch = dict[str, dict[str, Tensor]]
Steps = Callable[..., Step]


def test_it_reaches_both_encoders_and_nothing_else(make: Make, batch: Batch, step: Steps) -> None:
    system = make()
    system.generate_latent(batch, step())["csc"].backward()
    reached = {name.split(".")[0] for name, p in system.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert reached == {"image_style_encoder", "audio_style_encoder"}
    assert "csc" not in make(lambda_csc=0.0).generate_latent(batch, step())
    for guide in ("image", "audio"):
        assert "csc" not in system(f"generate_{guide}", batch, step())


@pytest.mark.parametrize("form", ["one_way", "symmetric", "mmv"])
@pytest.mark.usefixtures("unaltered")
def test_it_is_of_all_paired_people_of_all_ranks(make: Make, batch: Batch, form: str) -> None:
    """Of more people than are translated; every rank here has the same four."""
    system = make(batch=2, people=4, lambda_csc=2.3, temperature=0.4, contrast=form)

    def gather(rows: Tensor) -> Tensor:
        return torch.cat([rows, rows.flip(0)])

    terms = system.generate_latent(batch, Step(20, torch.Generator(), np.random.default_rng(0), gather))
    face, voice = batch["paired_face"], batch["paired_voice"]
    seen = system.image_style_encoder(resized(face["face128"], 32), face["gender"])
    heard = system.audio_style_encoder(voice["mel80"], voice["gender"])
    expected = losses.style_consistency(gather(seen), gather(heard), 0.4, form)  # type: ignore[arg-type]
    torch.testing.assert_close(terms["csc"], 2.3 * expected)


def test_nobody_is_told_apart_from_himself(make: Make) -> None:
    """Of one person the contrast is 0 whatever the styles."""
    with pytest.raises(BenchmarkError, match=r"people = 1 .*two or more"):
        make(batch=1, people=1)
    make(batch=1, people=1, lambda_csc=0.0)
