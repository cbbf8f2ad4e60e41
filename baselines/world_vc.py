"""`world_vc`: voice conversion by signal processing alone, with nothing learnt.

WORLD (Morise et al. 2016, package pyworld) takes a recording apart into F0, spectral envelope and aperiodicity. The
source's log-F0 is given the mean and variance of the reference's, its envelope is stretched along frequency by the
one factor under which the two long-term mean envelopes agree best, and the parts are put together again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyworld
import torch
from scipy import signal
from torch import Tensor

from baselines.controls import Control
from benchmark.system import Column

RATE = 24_000
TINY = 1e-12
"""Added to power before logarithms."""


@dataclass(frozen=True)
class WorldVCSettings:
    """What is looked for and compared."""

    frame_ms: float = 5.0
    f0_floor: float = 71.0  # Hz, CheapTrick's too; a lower one takes the rumble of rooms for a voice
    f0_ceiling: float = 500.0
    hum: float = 100.0  # Hz below which sound is turned down, gently, where F0 is looked for
    widest: float = 1.25  # the envelope is stretched by at most this factor, either way
    factors: int = 51  # tried, evenly in log, 1 among them
    low: float = 300.0  # Hz between which envelopes are compared: below is pitch, above is breath
    high: float = 6_000.0
    points: int = 120  # of that comparison, evenly in log frequency


class Speech(NamedTuple):
    """F0 (T,) in Hz, 0 where unvoiced; envelope and aperiodicity (T, bins)."""

    f0: np.ndarray
    envelope: np.ndarray
    aperiodicity: np.ndarray


def analyse(wave: np.ndarray, settings: WorldVCSettings) -> Speech:
    """Waveform (N,) float64 at 24 kHz -> its parts. DIO loses a voice under mains hum, so it hears a filtered wave."""
    s = settings
    clear = np.ascontiguousarray(signal.sosfiltfilt(signal.butter(1, s.hum, "high", fs=RATE, output="sos"), wave))
    f0, times = pyworld.dio(clear, RATE, f0_floor=s.f0_floor, f0_ceil=s.f0_ceiling, frame_period=s.frame_ms)
    f0 = pyworld.stonemask(clear, f0, times, RATE)
    f0[f0 < s.f0_floor] = 0.0  # StoneMask moves some below, and CheapTrick takes those for 500 Hz
    size = pyworld.get_cheaptrick_fft_size(RATE, s.f0_floor)
    envelope = pyworld.cheaptrick(wave, f0, times, RATE, fft_size=size)
    return Speech(f0, envelope, pyworld.d4c(wave, f0, times, RATE, fft_size=size))


def transfer_f0(source: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Source F0 (T,) with the mean and standard deviation of the reference's log-F0; unvoiced frames stay 0.

    Where either has no two voiced frames there is nothing to transfer, and the source's F0 comes back.
    """
    own, other = np.log(source[source > 0]), np.log(reference[reference > 0])
    if len(own) < 2 or len(other) < 2 or own.std() == 0:
        return source
    out = np.zeros_like(source)
    out[source > 0] = np.exp((own - own.mean()) / own.std() * other.std() + other.mean())
    return out


def stretch(rows: np.ndarray, factor: float) -> np.ndarray:
    """(T, bins) with what lay at frequency f now at `factor` * f; past the end the last value is repeated."""
    bins = rows.shape[-1]
    position = np.minimum(np.arange(bins) / factor, bins - 1)
    lower = np.minimum(position.astype(int), bins - 2)
    share = position - lower
    out: np.ndarray = rows[..., lower] * (1 - share) + rows[..., lower + 1] * share
    return out


def envelope_factor(source: Speech, reference: Speech, settings: WorldVCSettings) -> float:
    """The factor that brings the source's mean voiced log envelope nearest the reference's; 1 where one is unvoiced.

    Least squares at `points` frequencies after a straight line in log frequency is taken off, because loudness and
    channel are lines too and say nothing of the vocal tract's length. Stretching one and shrinking the other count
    alike, so that the way back is the inverse.
    """
    if not (source.f0 > 0).any() or not (reference.f0 > 0).any():
        return 1.0
    s = settings
    own, other = (np.log(part.envelope[part.f0 > 0] + TINY).mean(axis=0) for part in (source, reference))
    frequency = np.linspace(0, RATE / 2, len(own))
    points = np.geomspace(s.low, s.high, s.points)
    lines = np.vander(np.linspace(0, 1, s.points), 2)
    flatten = np.eye(s.points) - lines @ np.linalg.pinv(lines)

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.square(flatten @ np.interp(points, frequency, a - b)).sum())

    factors = np.exp(np.linspace(-np.log(s.widest), np.log(s.widest), s.factors))
    both = [distance(stretch(own, f), other) + distance(own, stretch(other, 1 / f)) for f in factors]
    return float(factors[int(np.argmin(both))])


def convert(source: np.ndarray, reference: np.ndarray, settings: WorldVCSettings) -> np.ndarray:
    """Waveforms (N,) and (M,) float64 at 24 kHz -> (N,) float64: the source's words, the reference's statistics."""
    own, other = analyse(source, settings), analyse(reference, settings)
    factor = envelope_factor(own, other, settings)
    wave = pyworld.synthesize(
        transfer_f0(own.f0, other.f0),
        np.ascontiguousarray(np.exp(stretch(np.log(own.envelope + TINY), factor))),
        np.ascontiguousarray(stretch(own.aperiodicity, factor)),
        RATE,
        settings.frame_ms,
    )
    out = np.zeros(len(source))
    out[: len(wave)] = wave[: len(source)]
    return out


class WorldVC(Control):
    """Rows go one by one; `seeds` decide nothing."""

    Settings: ClassVar[type] = WorldVCSettings
    emits: ClassVar[Mapping[str, str]] = {"audio_guided_vc": "wave24k"}

    settings: WorldVCSettings

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Waves (B, N) and (B, M) -> (B, N) float32."""
        waves = source["wave24k"]
        rows = zip(waves.double().cpu().numpy(), reference["wave24k"].double().cpu().numpy(), strict=True)
        return torch.from_numpy(np.stack([convert(a, b, self.settings) for a, b in rows])).to(waves)
