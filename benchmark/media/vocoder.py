"""Vocoders: a mel of a known front end in, a 24 kHz waveform out."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from benchmark.errors import unknown
from benchmark.media import mel, mel512
from benchmark.media.griffin_lim import griffin_lim


class Vocoder(Protocol):
    """Turns mels of one feature into waveforms.

    Called with (B, 1, bands, T), gives (B, 300 T) float32 at 24 kHz: at least as long as the wave the mel was made of
    (N samples make T = 1 + N // 300 frames), so cut to N where N is known. Deterministic; row i depends on row i alone,
    bit for bit. Peaks may pass 1 (`benchmark.media.audio.write_flac` scales them down).
    """

    name: str
    feature: str

    def __call__(self, mel: Tensor, /) -> Tensor: ...


class GriffinLim:
    """The suite's mel through 32 updates of its inverse and 16 fast Griffin-Lim iterations on an n_fft of 1200."""

    name = "griffin_lim"
    feature = "mel80"

    def __call__(self, mel80: Tensor, /) -> Tensor:
        # Row by row: a matrix product rounds by the number of its rows, and the iterations would magnify that.
        return torch.stack([griffin_lim(mel.to_magnitude(row[None])[0], iterations=16) for row in mel80])


class GriffinLim512:
    """AdaIN-VC's own inversion: transposed bank, 100 plain iterations, de-emphasis.

    The official code ends by trimming silence, which is left out here: rows keep one length.
    """

    name = "griffin_lim_512"
    feature = "mel512"

    def __call__(self, mel: Tensor, /) -> Tensor:
        waves = [griffin_lim(mel512.to_magnitude(row[None])[0], iterations=100, momentum=0.0) for row in mel]
        return mel512.deemphasise(torch.stack(waves))


VOCODERS: dict[str, type[Vocoder]] = {v.name: v for v in (GriffinLim, GriffinLim512)}


def vocoder(name: str) -> Vocoder:
    """The vocoder of that name.

    Raises:
        BenchmarkError: no such vocoder; the message suggests the nearest names.
    """
    if name not in VOCODERS:
        raise unknown("vocoder", name, VOCODERS)
    return VOCODERS[name]()


def default_vocoder(feature: str) -> str:
    """Name of the vocoder for a feature that a system returns.

    Raises:
        BenchmarkError: no vocoder takes that feature.
    """
    by_feature = {v.feature: v.name for v in VOCODERS.values()}
    if feature not in by_feature:
        raise unknown("feature with a vocoder", feature, by_feature)
    return by_feature[feature]
