"""Sub-bands: equal to the published filters, and nearly back to the waveform."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from benchmark.upstream.parallel_wavegan.pqmf import PQMF


def stuffed(bands: torch.Tensor, pqmf: PQMF) -> torch.Tensor:
    """Synthesis as it is defined: zeros between the steps, then the filters."""
    subbands = pqmf.subbands
    spread = torch.zeros(*bands.shape[:2], bands.shape[2] * subbands)
    spread[..., ::subbands] = subbands * bands
    return functional.conv1d(functional.pad(spread, (31, 31)), pqmf.synthesising[None])


def test_a_wave_comes_back() -> None:
    pqmf, wave = PQMF(), torch.randn(2, 1, 6000, generator=torch.Generator().manual_seed(0))
    bands = pqmf.analysis(wave)
    assert bands.shape == (2, 4, 1500)
    again = pqmf.synthesis(bands)
    assert again.shape == wave.shape
    error = (again - wave)[..., 100:-100].square().mean() / wave.square().mean()
    assert error < 1e-5, "50 dB below"


def test_synthesis_is_the_filtered_stuffed_signal_to_its_last_sample() -> None:
    pqmf, bands = PQMF(), torch.randn(1, 4, 50, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(pqmf.synthesis(bands), stuffed(bands, pqmf), atol=1e-6)


@pytest.mark.parametrize("band", range(4))
def test_a_tone_appears_in_its_band(band: int) -> None:
    frequency = (band + 0.5) * 3000.0
    wave = torch.sin(2 * torch.pi * frequency / 24000.0 * torch.arange(4000.0))[None, None]
    power = PQMF().analysis(wave)[0, :, 50:-50].square().mean(1)
    assert power.argmax() == band
    assert power.sum() - power[band] < 1e-6 * power[band]


def test_samples_beyond_the_last_step_are_left_out() -> None:
    assert PQMF().analysis(torch.zeros(1, 1, 4801)).shape == (1, 4, 1200)


def test_filters_are_in_no_state_dict() -> None:
    assert not PQMF().state_dict()
    assert np.isclose(float(PQMF().analysing.sum(1)[0]), float(PQMF().synthesising.sum(1)[0]))


def test_numbers_of_the_official_filters() -> None:
    """Made by kan-bayashi/ParallelWaveGAN@86740373, float32."""
    wave = torch.sin(torch.arange(1000, dtype=torch.float64) ** 1.5 * 0.01).float().reshape(1, 1, 1000)
    bands = PQMF().analysis(wave)
    again = PQMF().synthesis(bands)
    found = (bands[0, 0, 100], bands.square().sum(), again[0, 0, 500], again.square().sum())
    assert [float(x) for x in found] == pytest.approx((-0.6267931, 123.7969589, -0.9618933, 495.2022095), rel=2e-6)
