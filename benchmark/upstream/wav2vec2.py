"""wav2vec 2.0 Base: 768 numbers of speech every 20 ms, learnt without labels (Baevski et al. 2020, arXiv 2006.11477).

The architecture is torchaudio's, the weights are the file of its pipeline `WAV2VEC2_BASE` (LibriSpeech, 960 hours).
That is the network of fairseq's `wav2vec_small.pt` under other names; who has that file alone turns it into this one
with `torchaudio.models.wav2vec2.utils.import_fairseq_model`, which needs fairseq.
"""

from __future__ import annotations

import torchaudio
from torch import Tensor, nn

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.weights.reading import read_weights

WEIGHTS = "wav2vec2_fairseq_base_ls960.pth"
CHANNELS = 768
HOP, WINDOW = 320, 400


class Wav2vec2(nn.Module):
    """Waveforms (B, N) at 16 kHz, N >= 400 -> features of the last layer (B, 768, (N - 400) // 320 + 1).

    Feature j is of the 400 samples from 320 j on, and of all others through attention; rows are independent. Always in
    eval mode. 94,370,944 parameters, random until `load`; `wav2vec2` loads the published ones.
    """

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.network = torchaudio.models.wav2vec2_base().requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Wav2vec2:
        return super().train(False)

    def forward(self, wave: Tensor) -> Tensor:
        """Waves are first scaled to a peak of 1, as Fragment-VC feeds them.

        Raises:
            BenchmarkError: fewer than 400 samples.
        """
        if wave.shape[-1] < WINDOW:
            raise BenchmarkError(f"A recording of {wave.shape[-1]} samples at 16 kHz is too short; at least {WINDOW}.")
        wave = wave / (wave.abs().amax(dim=1, keepdim=True) + 1e-6)
        features: Tensor = self.network(wave)[0]
        return features.mT


def wav2vec2() -> Wav2vec2:
    """The published network, on the CPU. On the meta device, where networks are only counted, without weights.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`, or a file of something else.
    """
    network = Wav2vec2()
    if not next(network.parameters()).is_meta:
        path = weights.get(WEIGHTS)
        try:
            network.network.load_state_dict(read_weights(path))
        except (RuntimeError, TypeError, AttributeError) as error:
            raise BenchmarkError(f"{path} is not torchaudio's {WEIGHTS}: {error}.") from error
    return network
