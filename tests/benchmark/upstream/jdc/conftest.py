"""Weights by formula under the official names, and made mels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.media.mel import log_mel
from benchmark.upstream.jdc.load import published_tensors
from benchmark.upstream.jdc.network import JDC


def official_state(network: JDC) -> dict[str, Tensor]:
    """float32, by the names of the official code, drawn in their sorted order."""
    draw = np.random.default_rng(0)
    state = {}
    for name, own in sorted(published_tensors(network).items()):
        if name.endswith("num_batches_tracked"):
            state[name] = own.clone()
            continue
        x = draw.standard_normal(own.shape)
        if own.ndim > 1:
            x *= np.sqrt(2 / np.prod(own.shape[1:]))
        elif name.endswith("running_var"):
            x = 1 + np.abs(x)
        else:
            x = 0.1 * x + (name.endswith("weight") and "lstm" not in name)
        state[name] = torch.from_numpy(x.astype(np.float32))
    return state


@pytest.fixture(scope="session")
def state() -> dict[str, Tensor]:
    """Of the published sizes."""
    return official_state(JDC())


@pytest.fixture(scope="session")
def full(state: dict[str, Tensor]) -> JDC:
    """The published sizes with that state, in float64 and eval mode."""
    network = JDC()
    for name, tensor in published_tensors(network).items():
        tensor.copy_(state[name])
    return network.double().eval().requires_grad_(False)


@pytest.fixture(scope="session")
def make_mels() -> Callable[[int, int], Tensor]:
    return made_mels


def made_mels(rows: int, frames: int) -> Tensor:
    """(rows, 1, 80, frames) of gliding harmonic tones in noise."""
    draw = np.random.default_rng(0)
    time = np.arange(300 * frames - 1) / 24000
    waves = []
    for row in range(rows):
        phase = 2 * np.pi * (100 + 60 * row) * (time + 0.2 * time**2)
        tone = sum(np.sin(k * phase) / k for k in range(1, 30))
        waves.append(0.1 * tone + 0.01 * draw.standard_normal(len(time)))
    return log_mel(torch.from_numpy(np.stack(waves).astype(np.float32)))
