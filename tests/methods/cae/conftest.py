"""A small frozen voice embedding in the place of the shipped and the published one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.upstream.voice_embedding.network import VoiceEmbedding, VoiceEmbeddingSettings


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
