"""Parallel WaveGAN as a vocoder of the suite's mel."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.media.mel import MEL80
from benchmark.upstream.parallel_wavegan.corrected import Corrected
from benchmark.upstream.parallel_wavegan.load import pocket_generator, published_generator
from benchmark.upstream.parallel_wavegan.network import Generator
from benchmark.upstream.parallel_wavegan.pqmf import PQMF

SEED = 0
"""Of the noise, which is the same for every row: step n of one hears what step n of another does."""


class NeuralVocoder:
    """A network that keeps the promises of `benchmark.media.vocoder.Vocoder`; works where the mel lies.

    The first and the last frame are repeated where the network looks beyond them.
    """

    name: str
    feature = MEL80.name

    def __init__(self, network: Generator | Corrected) -> None:
        self.network = network.eval()

    @torch.no_grad()
    def __call__(self, mel80: Tensor, /) -> Tensor:
        """(B, 1, 80, T), T >= 1 -> (B, 300 T)."""
        self.network.to(mel80.device)
        with torch.autocast(mel80.device.type, enabled=False):
            # Row by row: a convolution rounds by the number of its rows.
            return torch.cat([self._wave(row[None]) for row in mel80.float()])

    def _wave(self, mel: Tensor) -> Tensor:
        if isinstance(self.network, Corrected):
            return corrected(self.network, mel)
        return shaped(self.network, mel)


def shaped(generator: Generator, mel: Tensor) -> Tensor:
    """(1, 1, 80, T) -> (1, 300 T): out of noise, of which a longer mel hears the same at its beginning."""
    own = generator.settings
    noise = np.random.default_rng(SEED).standard_normal((mel.shape[-1] * generator.hop, own.subbands), np.float32)
    bands = generator(torch.from_numpy(noise).T[None].to(mel.device), _lengthened(mel[:, 0], own.context))
    wave: Tensor = bands if own.subbands == 1 else PQMF(own.subbands).to(mel.device).synthesis(bands)
    return wave[:, 0]


def corrected(network: Corrected, mel: Tensor) -> Tensor:
    """(1, 1, 80, T) -> (1, 300 T): Griffin-Lim's wave, corrected."""
    start = network.start(mel)
    told = [_lengthened(x[:, 0], network.context)[:, None] for x in (mel, network.error(start, mel))]
    return network.pqmf.synthesis(network(start, *told))[:, 0]


def _lengthened(mel: Tensor, context: int) -> Tensor:
    return functional.pad(mel, (context, context), mode="replicate")


class PocketVocoder(NeuralVocoder):
    """The shipped one, trained on pocket_upstream: its record lies beside its weights.

    Raises:
        MissingWeights, BenchmarkError: as `load.pocket_generator`.
    """

    name = "parallel_wavegan:pocket"

    def __init__(self) -> None:
        super().__init__(pocket_generator())


class PublishedVocoder(NeuralVocoder):
    """StarGANv2-VC's own, 400,000 steps on VCTK, from the authors' storage.

    Raises:
        MissingWeights, BenchmarkError: as `load.published_generator`.
    """

    name = "parallel_wavegan:starganv2_vc"

    def __init__(self) -> None:
        super().__init__(published_generator())
