"""The pocket form: Parallel WaveGAN's generator corrects a wave of Griffin-Lim instead of shaping noise.

Harmonics out of noise take days of training on a GPU. A wave whose phases nearly agree is there in milliseconds, and
what is wrong with it can be learnt on a CPU. The generator is told where the wave's own mel misses the mel asked for,
and answers in the level that the wave has there, so that soft and loud, low and high count alike.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.media.griffin_lim import griffin_lim
from benchmark.media.mel import HOP, SCALE, WINDOW, hann, log_mel
from benchmark.upstream.parallel_wavegan.magnitudes import Magnitudes, MagnitudeSettings
from benchmark.upstream.parallel_wavegan.network import Generator, GeneratorSettings
from benchmark.upstream.parallel_wavegan.pqmf import PQMF

_AROUND = 151
"""Steps that a level is taken over: 25 ms of four sub-bands."""
_SILENCE = 3e-5
ITERATIONS = 16
"""Of Griffin-Lim."""


class Corrected(nn.Module):
    """`start` makes the wave, `error` says where it is wrong, calling gives the sub-bands of the corrected one."""

    def __init__(self, generator: GeneratorSettings, magnitudes: MagnitudeSettings) -> None:
        super().__init__()
        self.magnitudes = Magnitudes(magnitudes)
        self.correction = Correction(generator)
        self.pqmf = PQMF(generator.subbands)
        self.context = generator.context

    def start(self, mel: Tensor) -> Tensor:
        """(B, 1, 80, T) -> (B, 300 T), row i of row i alone, bit for bit.

        Gradients reach the magnitudes as if the phases were given.
        """
        with torch.autocast(mel.device.type, enabled=False):
            rows = [self.magnitudes(row, self.magnitudes.settings.updates)[0] for row in mel.float()]
            return torch.stack([projected(row, griffin_lim(row.detach(), ITERATIONS)) for row in rows])

    @torch.no_grad()
    def error(self, start: Tensor, mel: Tensor) -> Tensor:
        """(B, 300 T) and its (B, 1, 80, T) -> (B, 1, 80, T): what its mel lacks, in nats."""
        return torch.stack([SCALE * (row - log_mel(wave)[0, ..., :-1]) for wave, row in zip(start, mel, strict=True)])

    def forward(self, start: Tensor, mel: Tensor, error: Tensor) -> Tensor:
        """(B, 300 T), (B, 1, 80, T + 2 * context) twice -> (B, subbands, 300 T / subbands)."""
        with torch.autocast(start.device.type, enabled=False):
            bands = self.pqmf.analysis(start[:, None])
            loudness = level(bands)
            relative = bands / loudness
        correction: Tensor = self.correction(relative, torch.cat([mel, error], dim=2)[:, 0])
        return bands + loudness * correction


class Correction(nn.Module):
    """The generator, which hears a wave for noise and is told of an error besides the mel; it begins as 0."""

    def __init__(self, settings: GeneratorSettings) -> None:
        super().__init__()
        self.told = nn.Conv1d(2 * settings.bands, settings.bands, 1)
        self.generator = Generator(settings)
        last: Any = self.generator.exit[-1]
        nn.init.zeros_(last.parametrizations.weight.original0 if settings.weight_norm else last.weight)

    def forward(self, bands: Tensor, told: Tensor) -> Tensor:
        """(B, subbands, N) and (B, 2 * 80, T + 2 * context), N = T * hop -> (B, subbands, N)."""
        correction: Tensor = self.generator(bands, self.told(told))
        return correction


def projected(magnitude: Tensor, wave: Tensor) -> Tensor:
    """(T, 601) and (300 T,) -> (300 T,): those magnitudes with the phases that the wave has."""
    window = hann(wave.device)
    with torch.no_grad():
        spectrum = torch.stft(wave, WINDOW, HOP, WINDOW, window, pad_mode="constant", return_complex=True)
        phase = torch.sgn(spectrum)
    target = torch.cat([magnitude, magnitude[-1:]]).T * phase
    return torch.istft(target, WINDOW, HOP, WINDOW, window, length=len(wave))


def level(bands: Tensor) -> Tensor:
    """(B, C, N) -> the same shape, above 0: root mean square of each band around each step."""
    power = functional.avg_pool1d(bands.square(), _AROUND, 1, _AROUND // 2, count_include_pad=False)
    return (power + _SILENCE**2).sqrt()
