"""Small networks that take no time, and voices of tones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmark.upstream.parallel_wavegan.corrected import Corrected
from benchmark.upstream.parallel_wavegan.magnitudes import MagnitudeSettings
from benchmark.upstream.parallel_wavegan.network import Generator, GeneratorSettings

SMALL = GeneratorSettings(4, 2, 8, 8, 8, upsample=(5, 5, 3), subbands=4)


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(SMALL).eval().requires_grad_(False)


@pytest.fixture
def network() -> Corrected:
    """Its correction is not nothing, as that of a trained one."""
    torch.manual_seed(0)
    network = Corrected(SMALL, MagnitudeSettings(16, 1))
    with torch.no_grad():
        network.correction.generator.exit[-1].parametrizations.weight.original0.fill_(0.1)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def voice() -> Tensor:
    """(2, 9000): harmonics of 150 and 210 Hz, swelling."""
    time = torch.arange(9000) / 24000.0
    rows = [sum(torch.sin(2 * torch.pi * k * f * time) / k for k in range(1, 20)) for f in (150.0, 210.0)]
    return 0.05 * torch.stack(rows) * (1.0 + torch.sin(12.0 * time))
