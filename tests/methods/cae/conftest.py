"""A small system, and a small frozen voice embedding in the place of the shipped and the published one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from benchmark.upstream.voice_embedding.network import VoiceEmbedding, VoiceEmbeddingSettings
from methods.cae.system import CAE, CAESettings

SMALL = CAESettings(
    widths=(4, 4, 6, 8), trunk_widths=(4, 4, 4, 6, 8), voice_network="pocket", crop=40, least_crop=40, batch=4
)
SPEAKERS = 5


@pytest.fixture
def small_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights, the same in every call, and running statistics that no batch has."""

    def frozen(which: str) -> nn.Module:
        generator = torch.Generator().manual_seed(1)
        network = VoiceEmbedding(VoiceEmbeddingSettings(widths=(6, 7, 8, 9)))
        for name, value in network.state_dict().items():
            if value.dim() > 1:
                nn.init.normal_(value, 0, (2 / value[0].numel()) ** 0.5, generator)
            elif name.endswith("running_mean"):
                value.normal_(0, 0.5, generator=generator)
        return network.eval().requires_grad_(False)

    monkeypatch.setattr("methods.cae.system.voice_embedding", frozen)


@pytest.fixture
def make(small_voice: None) -> Callable[..., CAE]:
    """A small system of `SPEAKERS` speakers in training, always with the same weights; arguments change settings."""

    def made(speakers: int = SPEAKERS, **changes: Any) -> CAE:
        torch.manual_seed(0)
        system = CAE(replace(SMALL, **changes), speakers).train()
        for name in system.upstream:
            system.get_submodule(name).eval()
        return system

    return made
