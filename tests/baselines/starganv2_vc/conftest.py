"""A small system, with small frozen networks in the place of the shipped and the published ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from baselines.starganv2_vc.system import StarGANv2VC, StarGANv2VCSettings
from benchmark.upstream.asr_features.network import AsrFeatures, Sizes
from benchmark.upstream.jdc.network import JDC, JDCSettings

JDC_SIZES = JDCSettings(widths=(2, 3, 4, 6), hidden=5)
SMALL = StarGANv2VCSettings(
    width=4, max_width=8, hidden=8, style=6, latent=5, batch=4, crop=80, classifier_start=10, consistency_start=5
)
SPEAKERS = 5
ASR_SIZES = Sizes(hidden=8, blocks=2, channels=4, tokens=5, embedding=None)


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both with random weights, the same in every call, and running statistics that no batch has."""

    def frozen(network: torch.nn.Module) -> torch.nn.Module:
        generator = torch.Generator().manual_seed(1)
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.5, generator=generator)
        for parameter in network.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, 0, (2 / parameter[0].numel()) ** 0.5, generator)
        return network.eval().requires_grad_(False)

    monkeypatch.setattr("baselines.starganv2_vc.system.f0_network", lambda which: frozen(JDC(JDC_SIZES)))
    monkeypatch.setattr("baselines.starganv2_vc.system.asr_features", lambda which: frozen(AsrFeatures(ASR_SIZES)))


@pytest.fixture
def make(small_networks: None) -> Callable[..., StarGANv2VC]:
    """A small system of `SPEAKERS` speakers, always with the same initial weights; arguments change its settings."""

    def made(speakers: int = SPEAKERS, **changes: Any) -> StarGANv2VC:
        torch.manual_seed(0)
        return StarGANv2VC(replace(SMALL, **changes), speakers)

    return made
