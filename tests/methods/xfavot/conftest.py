"""A small system, with small frozen networks in the place of the shipped and the published ones, and a batch for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.media.image import resized
from benchmark.system import Step
from benchmark.upstream.asr_features.network import AsrFeatures, Sizes
from benchmark.upstream.jdc.network import JDC, JDCSettings
from methods.xfavot.networks import judged
from methods.xfavot.objective import StyleSource
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
PEOPLE = {
    "face": [1, 5, 2, 6],
    "voice": [0, 1, 4, 3],
    "domain": [3, 2, 4, 1],
    "paired_voice": [1, 2, 0, 3],
    "paired_face": [1, 2, 0, 3],
    "paired_other_voice": [3, 0, 2, 1],
    "paired_other_face": [3, 0, 2, 1],
    "faces_face": [5, 6, 8, 7],
    "faces_other_face": [7, 8, 6, 5],
    "voices_voice": [4, 4, 4, 4],
    "voices_other_voice": [4, 4, 4, 4],
}
"""0 to 3 are seen and heard, 4 is only heard, 5 to 8, beyond the heads, are only seen; odd ones are male. In every
reference some rows are of the source's gender; and, but for those only seen, one is of the source's speaker."""


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


@pytest.fixture
def batch() -> dict[str, dict[str, Tensor]]:
    """A row of each of four of `PEOPLE`."""
    made: dict[str, dict[str, Tensor]] = {}
    for i, (name, codes) in enumerate(PEOPLE.items()):
        generator = torch.Generator().manual_seed(i)
        if name.endswith("face"):
            media = {"face128": torch.rand(4, 3, 128, 128, generator=generator) * 2 - 1}
        else:
            media = {"mel80": torch.randn(4, 1, 80, 80, generator=generator) - 0.5}
        speaker = torch.tensor(codes)
        made[name] = {**media, "speaker": speaker, "gender": speaker % 2}
    return made


@pytest.fixture
def step() -> Callable[..., Step]:
    """`step(index, seed)`, of a process that is alone."""

    def made(index: int = 20, seed: int = 0) -> Step:
        return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)

    return made


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> Callable[[StyleSource], None]:
    """From then on every pass has this row of Table 1, whatever it would have drawn."""
    return lambda row: monkeypatch.setattr("methods.xfavot.system.draw_source", lambda *_: row)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The heads that calls of the audio discriminator ask, call by call."""
    calls: list[list[int]] = []

    def noted(critic: torch.nn.Module, mels: Tensor, heads: Tensor) -> Tensor:
        calls.append(heads.tolist())
        return judged(critic, mels, heads)  # type: ignore[arg-type]

    monkeypatch.setattr("methods.xfavot.system.judged", noted)
    return calls


@pytest.fixture
def unaltered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures and mels enter as they are in the batch: none is cropped, mirrored or turned down."""
    monkeypatch.setattr(XFaVoT, "pictures", lambda self, b, column, _: resized(b[column]["face128"], 32))
    monkeypatch.setattr(XFaVoT, "mels", lambda self, b, column, _: b[column]["mel80"])
