"""Pseudo-QMF banks: a waveform as a few bands of a fraction of its rate, and back nearly as it was.

Nguyen 1994 (IEEE Trans. Signal Process. 42:65) with the Kaiser prototype of Lin and Vaidyanathan 1998, as
kan-bayashi/ParallelWaveGAN@86740373:parallel_wavegan/layers/pqmf.py.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class PQMF(nn.Module):
    """The filters are constants: they are in no state dict. Defaults are optimised for four bands.

    cutoff: of the prototype, as a share of the Nyquist frequency. beta: of its Kaiser window of `taps` + 1 samples.
    """

    analysing: Tensor
    synthesising: Tensor

    def __init__(self, subbands: int = 4, taps: int = 62, cutoff: float = 0.142, beta: float = 9.0) -> None:
        super().__init__()
        self.subbands, self.taps = subbands, taps
        time = np.arange(taps + 1) - taps / 2
        prototype = cutoff * np.sinc(cutoff * time) * np.kaiser(taps + 1, beta)
        band = np.arange(subbands)[:, None]
        angle, shift = (2 * band + 1) * np.pi / (2 * subbands) * time, (-1.0) ** band * np.pi / 4
        for name, filters in (("analysing", angle + shift), ("synthesising", angle - shift)):
            self.register_buffer(name, torch.from_numpy(2 * prototype * np.cos(filters)).float(), persistent=False)

    def analysis(self, wave: Tensor) -> Tensor:
        """(B, 1, N) -> (B, subbands, N // subbands)."""
        bands = functional.conv1d(wave, self.analysing[:, None], stride=self.subbands, padding=self.taps // 2)
        return bands[..., : wave.shape[-1] // self.subbands]

    def synthesis(self, bands: Tensor) -> Tensor:
        """(B, subbands, M) -> (B, 1, M * subbands)."""
        # A transposed convolution runs its filter backwards; the last step reaches over the samples that follow it.
        filters = self.subbands * self.synthesising.flip(1)[:, None]
        beyond = self.subbands - 1
        return functional.conv_transpose1d(
            bands, filters, stride=self.subbands, padding=self.taps // 2, output_padding=beyond
        )
