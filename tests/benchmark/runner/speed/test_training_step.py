"""`speed train:starganv2_vc`: our side of it, without the official checkout that the other side needs."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.starganv2_vc import system
from baselines.starganv2_vc.official import official_tensors
from benchmark.runner.speed import starganv2_vc
from benchmark.upstream.asr_features import load as asr_features
from benchmark.upstream.asr_features.network import AsrFeatures, Sizes
from benchmark.upstream.jdc import load as jdc
from benchmark.upstream.jdc.network import JDC, JDCSettings


class _Network(NamedTuple):
    """A network of the official code, as far as our side asks it."""

    tensors: dict[str, Tensor]

    def state_dict(self) -> dict[str, Tensor]:
        return self.tensors


@pytest.mark.slow
def test_a_step_has_every_term_and_is_the_same_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """From weights under official names, at a rate of 0, with consistency and classifier started."""
    settings = replace(starganv2_vc.SETTINGS, width=4, max_width=16, hidden=16)
    monkeypatch.setattr(starganv2_vc, "SETTINGS", settings)
    torch.manual_seed(0)
    monkeypatch.setattr(system, "f0_network", lambda which: JDC(JDCSettings()).requires_grad_(False))
    monkeypatch.setattr(system, "asr_features", lambda which: AsrFeatures(Sizes()).requires_grad_(False))
    source = system.StarGANv2VC(settings, starganv2_vc._SPEAKERS)
    official = {name: _Network(dict(official_tensors(source.get_submodule(name)))) for name in source.optimizers()}
    official["f0_model"] = _Network(jdc.published_tensors(JDC(JDCSettings())))
    official["asr_model"] = _Network(dict(asr_features.published_tensors(AsrFeatures(Sizes()))))
    x, rows = torch.randn(2, 1, 80, settings.crop), torch.arange(2)
    latents = torch.randn(2, settings.latent), torch.randn(2, settings.latent)
    given = system.Inputs(x, rows, (x.roll(1, 0), x.roll(1, 0)), rows + 1, latents)

    step = starganv2_vc.OurStep(given, official)  # type: ignore[arg-type]
    before = {name: value.clone() for name, value in step.system.named_parameters()}
    for name in source.optimizers():
        torch.testing.assert_close(
            step.system.get_submodule(name).state_dict(), source.get_submodule(name).state_dict(), rtol=0, atol=0
        )
    first, second = step(), step()

    assert np.isfinite(first).all()
    assert all(first), "no term is off"
    np.testing.assert_allclose(second, first, rtol=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in step.system.named_parameters())
