"""The silence around speech, found by energy."""

from __future__ import annotations

import numpy as np
from scipy import signal

HIGH_PASS = 80.0
"""Hz. Microphones record rumble below every voice; in VCTK's recordings it hides the pauses."""
FRAME, HOP = 0.04, 0.01
FLOOR_DB = 30.0
MARGIN = 0.1
RULE = f"energy above {HIGH_PASS:g} Hz, {FRAME:g} s frames, {FLOOR_DB:g} dB below the loudest, {MARGIN:g} s kept"
"""The rule in words, for fingerprints."""


def trim_silence(wave: np.ndarray, rate: int) -> np.ndarray:
    """(N,) float32 at `rate` without what lies more than 0.1 s before the first and after the last loud frame.

    Loud: the energy above 80 Hz (fourth-order Butterworth, both ways) of a frame of 40 ms, one every 10 ms, is within
    30 dB of the loudest frame. Pauses inside stay. A wave that is silent, or shorter than 0.2 s, is returned as it is.

    The margin and about this level (25 dB, unfiltered) are those of yistLin/FragmentVC@79cc2ce:convert_batch.py.
    """
    frame, hop = round(FRAME * rate), round(HOP * rate)
    if len(wave) < 0.2 * rate or not wave.any():
        return wave
    filtered = signal.sosfiltfilt(signal.butter(4, HIGH_PASS, "high", fs=rate, output="sos"), wave)
    energy = np.lib.stride_tricks.sliding_window_view(np.square(filtered), frame)[::hop].sum(axis=1)
    loud = np.flatnonzero(energy >= energy.max() * 10.0 ** (-FLOOR_DB / 10.0))
    start = int(loud[0]) * hop - round(MARGIN * rate)
    stop = int(loud[-1]) * hop + frame + round(MARGIN * rate)
    return wave[max(start, 0) : stop]
