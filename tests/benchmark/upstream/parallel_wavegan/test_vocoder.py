"""What every vocoder promises."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.media.mel import log_mel
from benchmark.upstream.parallel_wavegan.corrected import Corrected
from benchmark.upstream.parallel_wavegan.network import Generator
from benchmark.upstream.parallel_wavegan.vocoder import NeuralVocoder, shaped


class Ours(NeuralVocoder):
    name = "ours"


@pytest.fixture(params=["generator", "network"])
def vocoder(request: pytest.FixtureRequest) -> Ours:
    made: Generator | Corrected = request.getfixturevalue(request.param)
    return Ours(made)


def test_shape_and_type(vocoder: Ours, voice: Tensor) -> None:
    wave = vocoder(log_mel(voice).half())
    assert (wave.shape, wave.dtype) == ((2, 300 * 31), torch.float32)
    assert torch.isfinite(wave).all()
    assert not wave.requires_grad


def test_a_row_is_of_its_own_mel_alone_bit_for_bit(vocoder: Ours, voice: Tensor) -> None:
    mel = log_mel(torch.cat([voice, 0.3 * voice.flip(1)]))
    whole = vocoder(mel)
    for i in range(4):
        assert torch.equal(vocoder(mel[i : i + 1])[0], whole[i])
    assert torch.equal(vocoder(mel), whole), "and again the same"


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_mels(vocoder: Ours, voice: Tensor, frames: int) -> None:
    wave = vocoder(log_mel(voice)[..., :frames])
    assert wave.shape == (2, 300 * frames)
    assert torch.isfinite(wave).all()


def test_autocast_is_not_heard(vocoder: Ours, voice: Tensor) -> None:
    mel = log_mel(voice)
    with torch.autocast("cpu", torch.bfloat16):
        inside = vocoder(mel)
    assert torch.equal(inside, vocoder(mel))


def test_noise_goes_by_the_step(generator: Generator, voice: Tensor) -> None:
    """A longer mel hears the same noise at its beginning, so the wave is the same up to what the end reaches."""
    mel = log_mel(voice)[:1]
    short, long = shaped(generator, mel[..., :20]), shaped(generator, mel)
    same = 300 * (20 - 5) - 4 * generator.receptive_field - 100
    assert torch.allclose(short[0, :same], long[0, :same], atol=1e-5)
    assert not torch.allclose(short[0, -300:], long[0, 5700:6000], atol=1e-3)


def test_weights_that_are_absent_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from benchmark.errors import MissingWeights
    from benchmark.upstream.parallel_wavegan.vocoder import PublishedVocoder

    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"parallel_wavegan_starganv2vc\.pkl"):
        PublishedVocoder()
