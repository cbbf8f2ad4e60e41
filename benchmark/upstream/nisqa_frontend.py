"""The mel segments that NISQA reads: 48 bands in dB, cut into overlapping windows of 15 frames.

Facts from gabrielmittag/NISQA@fe84f0f:nisqa/NISQA_lib.py (`get_librosa_melspec`, `segment_specs`). The analysis is at
the file's own rate: hop and window are times, the transform always has 4096 points, so a clip at another rate is
another input, and resampling moves the score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.upstream import slaney_mel

_QUIETEST = 1e-8  # power under the logarithm
_RANGE = 80.0  # dB below the loudest point of the clip


@dataclass(frozen=True)
class FrontEnd:
    """Hop and window in seconds, `highest` in Hz, `segment` and `segment_hop` in frames."""

    n_fft: int
    window: float
    hop: float
    bands: int
    highest: float
    segment: int
    segment_hop: int
    most_segments: int

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> FrontEnd:
        """From the arguments in a published weight file."""
        return cls(
            n_fft=args["ms_n_fft"],
            window=args["ms_win_length"],
            hop=args["ms_hop_length"],
            bands=args["ms_n_mels"],
            highest=args["ms_fmax"],
            segment=args["ms_seg_length"],
            segment_hop=args["ms_seg_hop_length"],
            most_segments=args["ms_max_segments"],
        )


def spectrogram(wave: np.ndarray, rate: int, front: FrontEnd) -> np.ndarray:
    """(N,) float32 at `rate` Hz -> (bands, T) float32 in dB, T = 1 + N // int(rate * hop), spanning at most 80 dB."""
    hop, window = int(rate * front.hop), int(rate * front.window)
    bank = slaney_mel.bank(rate, front.n_fft, front.bands, front.highest)
    magnitude = slaney_mel.spectrogram(wave, bank, front.n_fft, window, hop, "reflect", 1)
    decibel = 10.0 * np.log10(np.maximum(np.square(magnitude), _QUIETEST)).T
    clipped: np.ndarray = np.maximum(decibel, decibel.max() - _RANGE)
    return clipped


def segments(wave: np.ndarray, rate: int, front: FrontEnd) -> Tensor:
    """(N,) float32 at `rate` Hz -> (S, 1, bands, 15) float32, S >= 1.

    Raises:
        BenchmarkError: too short for one segment (0.14 s), too long for the published network, NaN or infinity.
    """
    hop = int(rate * front.hop)
    frames = 1 + len(wave) // hop if hop else 0
    seconds = len(wave) / rate
    if frames < front.segment:
        raise BenchmarkError(
            f"{seconds:.3f} s of sound at {rate} Hz: NISQA needs at least {(front.segment - 1) * front.hop:.2f} s."
        )
    count = -(-(frames - front.segment + 1) // front.segment_hop)
    if count > front.most_segments:
        longest = (front.most_segments * front.segment_hop + front.segment - 2) * front.hop
        raise BenchmarkError(f"{seconds:.1f} s of sound: NISQA judges at most {longest:.1f} s. Cut the recording.")
    if not np.isfinite(wave).all():
        raise BenchmarkError("A sample is NaN or infinite: NISQA cannot judge it.")
    spectra = torch.from_numpy(spectrogram(wave, rate, front))
    return spectra.unfold(1, front.segment, front.segment_hop).transpose(0, 1).unsqueeze(1)
