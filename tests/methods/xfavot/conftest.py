"""A small system, with small frozen networks in the place of the shipped and the published ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from benchmark.upstream.asr_features.network import AsrFeatures, Sizes
from benchmark.upstream.jdc.network import JDC, JDCSettings
from methods.xfavot.settings import XFaVoTSettings
from methods.xfavot.system import XFaVoT

SPEAKERS = 5
SMALL = XFaVoTSettings(
    size=32,
    depth=1,
    width=4,
    voice_width=4,
    max_width=8,
    hidden=8,
    style=6,
    latent=5,
    batch=4,
    people=4,
    crop=80,
    classifier_start=10,
)
JDC_SIZES = JDCSettings(widths=(2, 3, 4, 6), hidden=5)
ASR_SIZES = Sizes(hidden=8, blocks=2, channels=4, tokens=5, embedding=None)


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both with random weights, the same in every call."""

    def frozen(network: torch.nn.Module) -> torch.nn.Module:
        generator = torch.Generator().manual_seed(1)
        for parameter in network.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, 0, (2 / parameter[0].numel()) ** 0.5, generator)
        return network.eval().requires_grad_(False)

    monkeypatch.setattr("methods.xfavot.system.f0_network", lambda which: frozen(JDC(JDC_SIZES)))
    monkeypatch.setattr("methods.xfavot.system.asr_features", lambda which: frozen(AsrFeatures(ASR_SIZES)))


@pytest.fixture
def make(small_networks: None) -> Callable[..., XFaVoT]:
    """A small system of `SPEAKERS` speakers, always with the same initial weights; arguments change its settings."""

    def made(speakers: int = SPEAKERS, **changes: Any) -> XFaVoT:
        torch.manual_seed(0)
        return XFaVoT(replace(SMALL, **changes), speakers)

    return made
