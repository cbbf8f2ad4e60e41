"""Small networks with every parameter away from where it starts, and a small store of pocket_faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.prepare import prepare
from benchmark.corpora.prepared import Store
from benchmark.upstream.stylegan2.generator import Generator, GeneratorSettings

SMALL = GeneratorSettings(widths=(8, 6, 4), style=12, mapping=3, rate=0.1)


@pytest.fixture
def shaken() -> Callable[[nn.Module], nn.Module]:
    """Biases and strengths of noise start at 0, where they would hide a mistake."""

    def shake(network: nn.Module) -> nn.Module:
        source = torch.Generator().manual_seed(5)
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.data += 0.3 * torch.randn(parameter.shape, generator=source)
        return network

    return shake


@pytest.fixture
def small(shaken: Callable[[nn.Module], nn.Module]) -> Generator:
    """16 px."""
    torch.manual_seed(0)
    return shaken(Generator(SMALL)).eval().requires_grad_(False)  # type: ignore[return-value]


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """8 training people and 8 unseen ones, seed 5."""
    cache: Path = tmp_path_factory.mktemp("cache")
    return prepare(PocketCorpus(seed=5, pool="pocket_faces", scale=0.001), jobs=1, cache=cache, progress=False)
