"""Small frozen networks in the place of the shipped and the published ones."""

from __future__ import annotations

import pytest
import torch

from benchmark.upstream.asr_features.network import AsrFeatures, Sizes
from benchmark.upstream.jdc.network import JDC, JDCSettings

JDC_SIZES = JDCSettings(widths=(2, 3, 4, 6), hidden=5)
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
