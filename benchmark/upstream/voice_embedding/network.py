"""The voice embedding network of CAE (section 2.1 of its paper) and of Wen et al. 2019, which is one and the same.

cmu-mlsp/reconstructing_faces_from_voices@469e249:network.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from benchmark.errors import BenchmarkError
from benchmark.media.mel64 import BANDS


@dataclass(frozen=True)
class VoiceEmbeddingSettings:
    """The defaults are Wen's code. CAE's Table 1 has normalisation and ReLU after the last convolution too
    (`last_activation`), which the published weights do not."""

    widths: tuple[int, ...] = (256, 384, 576, 864)
    embedding: int = 64
    last_activation: bool = False


class VoiceEmbedding(nn.Module):
    """mel64 (B, 1, 64, T), T >= 1 -> embeddings (B, embedding) of length 1; 2,670,720 parameters.

    Row i is of row i alone (in eval mode).

    Raises:
        BenchmarkError: T is 0: a recording in which no voice is heard.
    """

    def __init__(self, settings: VoiceEmbeddingSettings = VoiceEmbeddingSettings()) -> None:
        super().__init__()
        self.settings = settings
        layers: list[nn.Module] = []
        for a, b in pairwise((BANDS, *settings.widths)):
            layers += [nn.Conv1d(a, b, 3, 2, 1, bias=False), nn.BatchNorm1d(b), nn.ReLU(inplace=True)]
        last, own = settings.widths[-1], settings.last_activation
        layers.append(nn.Conv1d(last, settings.embedding, 3, 2, 1, bias=not own))
        if own:
            layers += [nn.BatchNorm1d(settings.embedding), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, mel: Tensor) -> Tensor:
        if mel.shape[-1] == 0:
            raise BenchmarkError(
                "No voice is heard in the recording, so there is no embedding of it. Give another one."
            )
        found: Tensor = self.layers(mel[:, 0]).mean(2)
        return functional.normalize(found)
