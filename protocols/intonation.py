"""F0 contours of two voices, compared: do they rise and fall together, are they equally high. Arrays alone.

F0 is WORLD's (Morise et al. 2016, package pyworld): DIO, refined by StoneMask. WORLD's other estimator, Harvest, finds
more voiced frames and takes twenty times as long; what it would change here stands in docs/protocols.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyworld
from scipy import signal

from benchmark.errors import BenchmarkError
from benchmark.media.silence import FLOOR_DB, HIGH_PASS

RATE = 8_000
"""Hz of waves that are analysed: WORLD finds an F0 in its first six harmonics, and more samples only take longer."""
HOP = 40
"""Samples between frames: 5 ms."""
FLOOR, CEILING = 71.0, 500.0
"""Hz between which a voice's F0 is looked for; a floor of 60 takes the rumble of real recordings for a voice."""
HUM = 100.0
"""Hz below which sound is turned down, gently: DIO loses a voice under mains hum, and a steep filter rings."""
FEWEST = 50
"""Voiced frames (0.25 s, a syllable or two) that a statement about F0 rests on at least."""
FLATTEST = 0.3
"""Standard deviation in semitones below which a contour is one tone: WORLD's errors at the ends of a tone reach it."""
LONGEST = 2.0
"""Ratio of durations beyond which two recordings are no two versions of one utterance."""
_WINDOW = 8 * HOP
_QUIETEST = 1e-6  # of the loudest window: 60 dB
_TURN_DOWN = signal.butter(1, HUM, "high", fs=RATE, output="sos")
_AUDIBLE = signal.butter(4, HIGH_PASS, "high", fs=RATE, output="sos")


class Contour(NamedTuple):
    """A recording every 5 ms. f0: (T,) float64 in Hz, 0 where unvoiced. energy: (T,) float64, dB above 80 Hz."""

    f0: np.ndarray
    energy: np.ndarray


def contour(wave: np.ndarray) -> Contour:
    """Finite waveform (N,) at 8 kHz -> F0 and energy of its T = N // 40 + 1 frames.

    What lies 30 dB below the loudest frame is silence, as in `benchmark.media.silence`, and has no F0.

    Raises:
        BenchmarkError: fewer than `FEWEST` frames are voiced: silence, noise, a whisper, a click.
    """
    voiced = 0
    if len(wave) >= FEWEST * HOP and wave.any():  # WORLD is not made for a few samples
        samples = wave.astype(np.float64)
        energy = _energy(signal.sosfiltfilt(_AUDIBLE, samples))
        clear = np.ascontiguousarray(signal.sosfiltfilt(_TURN_DOWN, samples))
        period = 1000.0 * HOP / RATE
        found, times = pyworld.dio(clear, RATE, f0_floor=FLOOR, f0_ceil=CEILING, frame_period=period)
        refined = pyworld.stonemask(clear, found, times, RATE)
        heard = np.isfinite(refined) & (energy >= energy.max() - FLOOR_DB)  # StoneMask divides by powers that may be 0
        f0 = np.where(heard, refined, 0.0)
        voiced = int((f0 > 0).sum())
        if voiced >= FEWEST:
            return Contour(f0, energy)
    raise BenchmarkError(
        f"{voiced * HOP / RATE:.2f} of {len(wave) / RATE:.2f} s are voiced between {FLOOR:g} and {CEILING:g} Hz; "
        f"a statement about F0 needs {FEWEST * HOP / RATE:g} s."
    )


def _energy(wave: np.ndarray) -> np.ndarray:
    """(N,) -> (N // HOP + 1,) dB of 40 ms round every frame, at least 60 dB below the loudest."""
    padded = np.pad(np.square(wave), (_WINDOW // 2, _WINDOW // 2 + HOP))
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    starts = np.arange(len(wave) // HOP + 1) * HOP
    power = sums[starts + _WINDOW] - sums[starts]
    decibels: np.ndarray = 10.0 * np.log10(np.maximum(power, _QUIETEST * power.max()))
    return decibels


def lag(output: np.ndarray, source: np.ndarray) -> int:
    """Energies (T,) and (S,) in dB -> the frame of `output` that frame 0 of `source` is; below 0 where the output
    begins later.

    The shorter of the two lies whole within the longer, where their energies correlate best: a system may have cut or
    padded either end. Equal lengths are in step.
    """
    if len(output) < len(source):
        return -lag(source, output)
    n = len(source)
    movement = signal.correlate(output - output.mean(), source - source.mean(), mode="valid", method="fft")
    sums, squares = (np.concatenate([[0.0], np.cumsum(v)]) for v in (output, np.square(output)))
    spread = (squares[n:] - squares[:-n]) - np.square(sums[n:] - sums[:-n]) / n
    audible = spread > 1e-3 * n  # in a stretch of silence all is rounding
    fit = np.where(audible, movement / np.sqrt(np.where(audible, spread, 1.0)), -np.inf)
    return int(np.argmax(fit))


def correlation(output: Contour, source: Contour) -> float:
    """Pearson correlation of log F0 over the frames that are voiced in both, -1..1; symmetric.

    It knows no key: a contour moved up or down by any interval correlates as before.

    Raises:
        BenchmarkError: durations more than a factor of two apart, fewer than `FEWEST` frames voiced in both, or one of
            them flat there: the correlation is not defined.
    """
    lengths = [len(c.f0) * HOP / RATE for c in (output, source)]
    if max(lengths) > LONGEST * min(lengths):
        raise BenchmarkError(
            f"The output lasts {lengths[0]:.2f} s and the source {lengths[1]:.2f} s; beyond a factor of {LONGEST:g} "
            "they are no two versions of one utterance, and F0 is not correlated."
        )
    first = lag(output.energy, source.energy)
    ours, theirs = output.f0[max(first, 0) :], source.f0[max(-first, 0) :]
    n = min(len(ours), len(theirs))
    both = (ours[:n] > 0) & (theirs[:n] > 0)
    if both.sum() < FEWEST:
        raise BenchmarkError(
            f"Output and source are voiced together for {both.sum() * HOP / RATE:.2f} s; a correlation of F0 needs "
            f"{FEWEST * HOP / RATE:g} s."
        )
    x, y = (_semitones(f0[:n][both]) for f0 in (ours, theirs))
    x, y = x - x.mean(), y - y.mean()
    for whose, moved in (("output", x), ("source", y)):
        if moved.std() < FLATTEST:
            raise BenchmarkError(
                f"The {whose} stays on one tone (standard deviation {moved.std():.4f} semitones): the correlation of "
                "F0 is not defined."
            )
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def semitones_apart(output: Contour, targets: Sequence[Contour]) -> float:
    """Distance of the mean log F0 of the output from that of the target's voice, in semitones, 0 or more.

    A mean is over voiced frames; those of several recordings of the target are one voice's.
    """
    voice = np.concatenate([target.f0 for target in targets])
    return abs(_mean_height(output.f0) - _mean_height(voice))


def _mean_height(f0: np.ndarray) -> float:
    return float(np.mean(_semitones(f0[f0 > 0])))


def _semitones(f0: np.ndarray) -> np.ndarray:
    """F0 in Hz, above 0 -> semitones above 1 Hz."""
    above: np.ndarray = 12.0 * np.log2(f0)
    return above
