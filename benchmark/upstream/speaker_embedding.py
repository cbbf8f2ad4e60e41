"""Resemblyzer's speaker encoder: 256 numbers of norm 1 for a recording; the cosine of two is SpkSim.

An LSTM of three layers, a linear layer and a ReLU, trained by others with the GE2E loss
(resemble-ai/Resemblyzer@15d828e:resemblyzer/voice_encoder.py). The ReLU keeps every number positive, so that unrelated
voices still have cosines of 0.5 to 0.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark import weights
from benchmark.threads import in_parallel
from benchmark.upstream.speaker_frontend import BANDS, partial_mels, preprocess
from benchmark.weights.reading import read_weights

WEIGHTS = "resemblyzer/pretrained.pt"
SIZE = 256
_BATCH = 32  # partial windows in one pass; bounds memory, and does not change the result


class SpeakerEncoder(nn.Module):
    """1,423,616 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, SIZE, num_layers=3, batch_first=True)
        self.linear = nn.Linear(SIZE, SIZE)

    def forward(self, mels: Tensor) -> Tensor:
        """(P, 160, 40) power mels -> (P, 256), not negative, of norm 1."""
        _, (hidden, _) = self.lstm(mels)
        return functional.normalize(self.linear(hidden[-1]).relu(), dim=1)


@lru_cache(maxsize=1)
def speaker_encoder() -> SpeakerEncoder:
    """The published network, on the CPU, in eval mode, without gradients; one object for all callers.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`.
    """
    state = read_weights(weights.get(WEIGHTS))["model_state"]
    encoder = SpeakerEncoder()
    # The two other tensors of the file are the scale and offset of the training loss.
    encoder.load_state_dict({key: value for key, value in state.items() if key in encoder.state_dict()})
    return encoder.eval().requires_grad_(False)


def embed(waves: Sequence[np.ndarray], encoder: SpeakerEncoder | None = None) -> np.ndarray:
    """Waveforms (N_i,) float32 at 16 kHz, of any lengths -> (n, 256) float32 of norm 1, row i of wave i alone.

    Raises:
        BenchmarkError: as `speaker_frontend.preprocess`.
    """
    mels = in_parallel(lambda wave: partial_mels(preprocess(wave)), waves)
    return embed_partials(mels, speaker_encoder() if encoder is None else encoder)


def embed_partials(mels: Sequence[np.ndarray], encoder: SpeakerEncoder) -> np.ndarray:
    """Partial windows (P_i, 160, 40) of n recordings -> (n, 256) float32 of norm 1.

    The mean over the partial windows of a recording, normalised again. Windows of all recordings share batches.
    """
    if not mels:
        return np.zeros((0, SIZE), np.float32)
    device = encoder.linear.weight.device
    windows = torch.from_numpy(np.concatenate(mels))

    @torch.no_grad()
    def encoded(batch: Tensor) -> Tensor:
        rows: Tensor = encoder(batch.to(device)).cpu()
        return rows

    partials = torch.cat(in_parallel(encoded, torch.split(windows, _BATCH)))
    means = torch.stack([rows.mean(dim=0) for rows in torch.split(partials, [len(m) for m in mels])])
    embeddings: np.ndarray = functional.normalize(means, dim=1).numpy()
    return embeddings
