"""wav2vec 2.0: torchaudio's own network, its file and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchaudio

from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.upstream.wav2vec2 import WEIGHTS, Wav2vec2, wav2vec2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_absent_weights_say_which_file_and_where_it_is_published(folder: Path) -> None:
    with pytest.raises(MissingWeights, match=rf"{WEIGHTS}.*torchaudio\.pipelines"):
        wav2vec2()


def test_on_the_meta_device_it_is_counted_without_weights(folder: Path) -> None:
    with torch.device("meta"):
        network = wav2vec2()
    assert sum(p.numel() for p in network.parameters()) == 94_370_944


def test_a_file_of_something_else_is_refused(folder: Path) -> None:
    for content in ({"weight": torch.zeros(3)}, [1, 2]):
        torch.save(content, folder / WEIGHTS)
        with pytest.raises(BenchmarkError, match="not torchaudio's"):
            wav2vec2()


@pytest.mark.slow
def test_features_are_those_of_torchaudios_network_of_the_same_file(folder: Path) -> None:
    """The state dict of torchaudio's own model, with the names that old files have, goes in whole."""
    torch.manual_seed(0)
    theirs = torchaudio.models.wav2vec2_base().eval()
    state = theirs.state_dict()
    convolution = "encoder.transformer.pos_conv_embed.conv"
    state[f"{convolution}.weight_g"] = state.pop(f"{convolution}.parametrizations.weight.original0")
    state[f"{convolution}.weight_v"] = state.pop(f"{convolution}.parametrizations.weight.original1")
    torch.save(state, folder / WEIGHTS)
    ours = wav2vec2().train()
    assert not ours.network.training, "always in eval mode"
    assert not any(p.requires_grad for p in ours.parameters())
    wave = 0.3 * torch.randn(3, 4000)
    with torch.no_grad():
        got = ours(wave)
        expected, _ = theirs(wave / wave.abs().amax(1, keepdim=True))
    assert got.shape == (3, 768, (4000 - 400) // 320 + 1)
    torch.testing.assert_close(got.mT, expected, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(ours(wave[1:2]), got[1:2], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(ours(5 * wave), got, rtol=1e-4, atol=1e-4)
        assert ours(wave[:, :400]).shape == (3, 768, 1)


def test_too_short_a_wave_says_how_long_it_must_be() -> None:
    with torch.device("meta"):
        network = Wav2vec2()
    with pytest.raises(BenchmarkError, match="399 samples at 16 kHz is too short; at least 400"):
        network(torch.zeros(1, 399))
