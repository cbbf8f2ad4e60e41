"""The voice embedding network: its size, what a row depends on, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.upstream.voice_embedding.network import VoiceEmbedding, VoiceEmbeddingSettings

NARROW = VoiceEmbeddingSettings(widths=(8, 8, 8, 8), embedding=6)


def test_it_has_the_published_size() -> None:
    with torch.device("meta"):
        network = VoiceEmbedding()
    assert sum(p.numel() for p in network.parameters()) == 2_670_720
    assert sum(b.numel() for b in network.buffers()) == 4_164


@pytest.mark.parametrize("last_activation", [False, True])
@pytest.mark.parametrize("frames", [1, 2, 31, 300])
def test_embeddings_have_length_one_and_are_of_their_row_alone(frames: int, last_activation: bool) -> None:
    torch.manual_seed(0)
    network = VoiceEmbedding(VoiceEmbeddingSettings((8, 8, 8, 8), 6, last_activation)).eval()
    mel = torch.randn(3, 1, 64, frames)
    found = network(mel)
    assert found.shape == (3, 6)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(network(mel[1:2]), found[1:2])
    if last_activation:
        assert (found >= 0).all()


def test_a_recording_without_voice_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="No voice is heard"):
        VoiceEmbedding(NARROW)(torch.zeros(2, 1, 64, 0))
