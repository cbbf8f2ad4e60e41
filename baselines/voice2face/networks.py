"""The generator of Wen et al. 2019 (cmu-mlsp/reconstructing_faces_from_voices@469e249:network.py, config.py).

Its face network is `benchmark.upstream.face_embedding.network.FaceTrunk`, its voice network
`benchmark.upstream.voice_embedding.network.VoiceEmbedding`.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from benchmark.errors import BenchmarkError


class Generator(nn.Module):
    """Embeddings (B, embedding) -> pictures (B, 3, 64, 64), not bounded: no tanh and no normalisation anywhere.

    widths: channels at 4, 8, 16, 32 and 64 px. 12,191,875 parameters with the official ones.
    """

    def __init__(self, embedding: int = 64, widths: tuple[int, ...] = (1024, 512, 256, 128, 64)) -> None:
        super().__init__()
        if len(widths) != 5:
            raise BenchmarkError(f"The generator of voice2face has five widths (4 to 64 px), got {widths}.")
        layers: list[nn.Module] = [nn.ConvTranspose2d(embedding, widths[0], 4), nn.ReLU(inplace=True)]
        for a, b in pairwise(widths):
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], 3, 1))

    def forward(self, embedding: Tensor) -> Tensor:
        pictures: Tensor = self.layers(embedding[:, :, None, None])
        return pictures
