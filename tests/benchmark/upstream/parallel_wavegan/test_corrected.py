"""Griffin-Lim's wave of learnt magnitudes, and what corrects it."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.media.griffin_lim import griffin_lim
from benchmark.media.mel import log_mel, to_magnitude
from benchmark.upstream.parallel_wavegan.corrected import Corrected, level, projected
from benchmark.upstream.parallel_wavegan.magnitudes import BINS, Magnitudes, MagnitudeSettings, refined
from benchmark.upstream.parallel_wavegan.network import GeneratorSettings


def test_flat_magnitudes_are_those_of_the_plain_inverse(voice: Tensor) -> None:
    mel = log_mel(voice)
    found = refined(torch.zeros(2, mel.shape[-1], BINS), mel[:, 0], 32).sqrt()
    assert torch.allclose(found, to_magnitude(mel), rtol=1e-3, atol=1e-5)


def test_magnitudes_have_the_mel_whatever_their_shape(voice: Tensor) -> None:
    """Of 16 updates from any start; what a band holds is the mel's, what lies within it is the network's."""
    mel = log_mel(voice)[:, 0]
    shape = torch.randn(2, mel.shape[-1], BINS, generator=torch.Generator().manual_seed(0))
    error = [_mel_error(refined(shape, mel, updates), mel) for updates in (1, 16, 64)]
    assert error[0] > error[1] > error[2]
    assert error[2] < 0.02


def _mel_error(power: Tensor, mel: Tensor) -> float:
    from benchmark.media.mel import N_FFT, SCALE, SHIFT, WINDOW, bank

    found = power @ (bank(WINDOW, mel.device) * (N_FFT / WINDOW))
    again = ((1e-5 + found).log() + SHIFT) / SCALE
    return float((again.transpose(1, 2) - mel).abs().mean())


def test_gradients_reach_the_network_of_magnitudes_and_are_finite(voice: Tensor) -> None:
    torch.manual_seed(0)
    network = Magnitudes(MagnitudeSettings(16, 1))
    mel = log_mel(voice * (torch.arange(9000) > 4000))[:, 0]
    network(mel, 4).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
    assert network.exit.weight.grad.abs().max() > 0


def test_a_correction_begins_as_none(voice: Tensor) -> None:
    torch.manual_seed(0)
    network = Corrected(GeneratorSettings(4, 2, 8, 8, 8, upsample=(5, 5, 3), subbands=4), MagnitudeSettings(16, 1))
    mel = log_mel(voice)
    start = network.start(mel).detach()
    error = network.error(start, mel)
    told = [torch.nn.functional.pad(x[:, 0], (2, 2), mode="replicate")[:, None] for x in (mel, error)]
    assert torch.equal(network(start, *told), network.pqmf.analysis(start[:, None]))


def test_the_error_is_what_the_mel_of_the_wave_lacks(network: Corrected, voice: Tensor) -> None:
    wave, mel = voice[:, :-300], log_mel(voice[:, :-300])[..., :-1]
    assert network.error(wave, mel).abs().max() == 0.0
    twice = network.error(wave, log_mel(2.0 * wave)[..., :-1])
    assert torch.allclose(twice[:, :, 5:20].median(), torch.tensor(4.0).log(), atol=0.05)


def test_projection_keeps_what_is_consistent(voice: Tensor) -> None:
    """Magnitudes of a wave itself with its phases are the wave."""
    wave = voice[0]
    window = torch.hann_window(1200)
    magnitude = torch.stft(wave, 1200, 300, 1200, window, return_complex=True)[:, :-1].abs().T
    again = projected(magnitude, wave)
    assert torch.allclose(again[900:-1200], wave[900:-1200], atol=1e-5)
    assert again.shape == wave.shape


def test_a_start_is_near_griffin_lim_and_moves_with_its_magnitudes(network: Corrected, voice: Tensor) -> None:
    mel = log_mel(voice)
    network.requires_grad_(True)
    start = network.start(mel)
    assert start.shape == (2, 300 * mel.shape[-1])
    plain = griffin_lim(to_magnitude(mel[:1])[0], 16)
    difference = [(log_mel(wave)[0, 0, :, :-1] - mel[0, 0]).abs().mean() for wave in (start[0].detach(), plain)]
    assert difference[0] < 1.5 * difference[1]
    start.square().sum().backward()
    assert network.magnitudes.exit.bias.grad.abs().max() > 0


def test_a_level_is_of_the_surroundings() -> None:
    bands = torch.zeros(1, 2, 1000)
    bands[0, 0, 500:] = 3.0
    found = level(bands)
    assert torch.allclose(found[0, 0, 580:], torch.tensor(3.0))
    assert found[0, 0, :420].max() < 1e-4
    assert found[0, 1].min() > 0
