"""A small frozen voice network in the place of the shipped and the published one."""

from __future__ import annotations

import pytest
import torch

from benchmark.upstream.voice_embedding.network import VoiceEmbedding, VoiceEmbeddingSettings


@pytest.fixture
def small_voice_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights, the same in every call, and running statistics that no batch has."""

    def frozen(which: str) -> VoiceEmbedding:
        network = VoiceEmbedding(VoiceEmbeddingSettings(widths=(8, 8, 8, 8)))
        generator = torch.Generator().manual_seed(1)
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.2, generator=generator)
        for parameter in network.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, 0, (2 / parameter[0].numel()) ** 0.5, generator)
            else:
                torch.nn.init.normal_(parameter, 1, 0.1, generator)
        return network.eval().requires_grad_(False)

    monkeypatch.setattr("baselines.voice2face.system.voice_embedding", frozen)
