"""Small frozen networks in the place of the shipped and the published ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from benchmark.upstream.face_embedding.network import FaceTrunk, FaceTrunkSettings
from benchmark.upstream.stylegan2.generator import Generator, GeneratorSettings


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Random weights, the same in every call; biases away from 0, weights large enough for inputs to count."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make()
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.data += 0.2 * torch.randn(parameter.shape)
            elif isinstance(network, FaceTrunk):
                parameter.data *= 4
    return network.eval().requires_grad_(False)


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator of 16 px and a face network that knows nothing."""
    generator = GeneratorSettings(widths=(8, 6, 4), style=12, mapping=2, rate=0.1)
    trunk = FaceTrunkSettings(widths=(4, 4, 4, 4, 4))
    monkeypatch.setattr("baselines.sgsim.system.stylegan2", lambda which: seeded(lambda: Generator(generator), 1))
    monkeypatch.setattr("baselines.sgsim.spaces.face_embedding", lambda: seeded(lambda: FaceTrunk(trunk), 2))
