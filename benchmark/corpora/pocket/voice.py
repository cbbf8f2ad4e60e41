"""The voices of the embedded corpus: an identity, a sentence and a seed become a waveform (docs/pocket.md).

One espeak voice per gender; everything else is continuous and, in the logarithm, linear in the identity: formant scale
(synthesise at another pitch and pace, then resample), pitch, pitch range, pace, breath, and a smooth gain over
frequency. Every driver but `hidden` is visible in the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter, oaconvolve, resample_poly

from benchmark.corpora.pocket import espeak
from benchmark.corpora.pocket.identity import DRIVERS, Identity, rng
from benchmark.corpora.pocket.sentences import spoken
from benchmark.media.audio import RATE, normalise_loudness
from benchmark.media.f0 import world_f0

SECONDS = 2.6
"""No utterance is shorter: a crop of training and Resemblyzer's 1.6 s windows must fit."""
LEVEL, PEAK = 0.05, 0.98
"""Root mean square of every utterance (-26 dBFS), unless its peak would pass PEAK."""

BASE = ("en-us+f5", "en-us+m1")
"""espeak voices of gender 0 and 1."""
BASE_PITCH = (208.0, 94.5)
"""Hz, their median F0 at espeak's pitch 50 (measured with pyworld.dio on GRID sentences)."""
REGISTER = (200.0, 108.0)
"""Hz, F0 of the average woman and the average man of the corpus."""
PACE = 92.0
"""Words per minute of the average speaker: the shortest sentence still lasts SECONDS."""
_PITCH_CURVE = np.log(np.array([62, 67, 73, 80, 88, 97, 108, 120, 134, 150, 166]) / 97.0)
"""ln of F0 over its value at 50, at espeak's pitch 0, 10, ..., 100 (measured the same way)."""
_TAPS = 512
_FREQUENCIES = np.fft.rfftfreq(_TAPS, 1.0 / RATE)


@dataclass(frozen=True)
class Effect:
    """What one unit of a driver does to a voice.

    formants, pitch, pace, breath: change of the natural logarithm. pitch_range: points of espeak's scale.
    bands: (centre in Hz, gain in dB), each a Gaussian bump over log frequency with a standard deviation of half an
    octave. tilt: dB an octave, from 250 Hz to 4 kHz.
    """

    formants: float = 0.0
    pitch: float = 0.0
    pitch_range: float = 0.0
    pace: float = 0.0
    breath: float = 0.0
    bands: tuple[tuple[float, float], ...] = ()
    tilt: float = 0.0


EFFECTS: dict[str, Effect] = {
    "age": Effect(pitch=-0.10, pitch_range=-4, pace=-0.04, breath=0.5, bands=((650.0, 10.0), (2600.0, -10.0))),
    "size": Effect(formants=-0.07, pitch=-0.05, tilt=-1.5),
    "jaw": Effect(formants=-0.035, bands=((500.0, 5.0), (1600.0, -5.0))),
    "nose": Effect(bands=((280.0, 6.0), (950.0, -6.0))),
    "lips": Effect(pitch_range=8, bands=((1900.0, -5.0), (3600.0, 5.0))),
    "brow": Effect(pitch=-0.08, bands=((420.0, 3.0), (1250.0, -3.0))),
    "eyes": Effect(pitch=0.06, pace=0.04, bands=((420.0, -4.0), (1250.0, 4.0))),
    "hidden": Effect(formants=-0.02, bands=((800.0, 4.0), (2100.0, -4.0))),
}
BREATH = 0.15
"""Breath of the average speaker: noise relative to the envelope of the voice."""
FORMANT_LIMIT = 0.24
"""Largest |ln| of the formant scale: 0.79 to 1.27, the span of grown speakers of one gender, generously."""
PITCH_JITTER, PACE_JITTER = 0.02, 0.02
"""Standard deviation over the utterances of a person, in the logarithm."""
OCTAVE = (0.6, 1.8)
"""Where the F0 of an utterance lies, in units of its pitch: intonation spans it, and no octave error fits in."""


@dataclass(frozen=True)
class Voice:
    """What a person sounds like.

    formants: factor of all formant frequencies. pitch: Hz, median. gain: (257,) dB over 0 to 12 kHz.
    """

    base: str
    base_pitch: float
    formants: float
    pitch: float
    pitch_range: float
    pace: float
    breath: float
    gain: np.ndarray


def _curve(effect: Effect) -> np.ndarray:
    octaves = np.log2(np.maximum(_FREQUENCIES, 50.0))
    gain = effect.tilt * (np.clip(octaves - np.log2(250.0), 0.0, 4.0) - 2.0)
    for hz, db in effect.bands:
        gain = gain + db * np.exp(-2.0 * (octaves - np.log2(hz)) ** 2)
    return np.asarray(gain)


_CURVES = {driver: _curve(effect) for driver, effect in EFFECTS.items()}


def voice_of(identity: Identity) -> Voice:
    """The map from identity to voice: linear in the identity, but for the limit on the formant scale."""
    units = dict(zip(DRIVERS, identity.vector, strict=True))

    def total(name: str) -> float:
        return float(sum(getattr(effect, name) * units[driver] for driver, effect in EFFECTS.items()))

    return Voice(
        base=BASE[identity.gender],
        base_pitch=BASE_PITCH[identity.gender],
        formants=float(np.exp(np.clip(total("formants"), -FORMANT_LIMIT, FORMANT_LIMIT))),
        pitch=float(REGISTER[identity.gender] * np.exp(total("pitch"))),
        pitch_range=50.0 + total("pitch_range"),
        pace=float(PACE * np.exp(total("pace"))),
        breath=float(BREATH * np.exp(total("breath"))),
        gain=np.sum([units[driver] * curve for driver, curve in _CURVES.items()], axis=0),
    )


def _setting(value: float, low: int, high: int) -> int:
    return int(np.clip(round(value), low, high))


def _scaled_speech(text: str, voice: Voice, pitch: float, pace: float) -> np.ndarray:
    """Speech whose formants are scaled and whose pitch and duration are as asked.

    Resampling scales formants, pitch and pace alike, so pitch and pace are divided by the scale beforehand.
    """
    down = round(294 * voice.formants)  # 24000 / 22050 = 320 / 294
    scale = down / 294
    steps = np.interp(np.log(pitch / scale / voice.base_pitch), _PITCH_CURVE, np.arange(0, 101, 10))
    speech = espeak.speak(
        text,
        voice.base,
        words_per_minute=_setting(pace / scale, 80, 300),
        pitch=_setting(steps, 0, 100),
        pitch_range=_setting(voice.pitch_range, 0, 100),
    )
    return np.asarray(resample_poly(speech.astype(np.float64), 320, down))


def _breathe(wave: np.ndarray, amount: float, generator: np.random.Generator) -> np.ndarray:
    """Adds bright noise that follows the envelope of the voice (8 ms one-pole)."""
    envelope = lfilter([0.005], [1.0, -0.995], np.abs(wave))
    noise = np.diff(generator.standard_normal(len(wave)), prepend=0.0)
    return np.asarray(wave + amount * envelope * noise)


def _shape(wave: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Applies a gain in dB over frequency with a linear-phase filter of 21 ms."""
    response = np.roll(np.fft.irfft(10.0 ** (gain / 20.0)), _TAPS // 2) * np.hanning(_TAPS)
    return np.asarray(oaconvolve(wave, response, mode="same"))


def _excitation(identity: Identity, sentence: str, seed: int) -> tuple[np.ndarray, Voice, float, np.random.Generator]:
    """Speech before breath and shaping, whose voice it is, its pitch in Hz, and the generator that draws the rest."""
    voice, generator = voice_of(identity), rng("voice", identity.name, sentence, seed)
    pitch = float(voice.pitch * np.exp(PITCH_JITTER * generator.standard_normal()))
    pace = voice.pace * np.exp(PACE_JITTER * generator.standard_normal())
    return _scaled_speech(spoken(sentence), voice, pitch, pace), voice, pitch, generator


def _long_enough(wave: np.ndarray) -> np.ndarray:
    """(N,) between equal silences that make up what it lacks of SECONDS."""
    missing = max(0, round(SECONDS * RATE) - len(wave))
    return np.pad(wave, (missing // 2, missing - missing // 2))


def synthesise(identity: Identity, sentence: str, seed: int) -> np.ndarray:
    """(N,) float32 mono at 24 kHz in [-1, 1], N >= 2.6 s, of root mean square LEVEL over the speech.

    The same arguments give the same samples. `seed` moves pitch and pace by about 2 % and draws the breath.

    Raises:
        BenchmarkError: libespeak-ng cannot be loaded.
    """
    wave, voice, _, generator = _excitation(identity, sentence, seed)
    wave = _shape(_breathe(wave, voice.breath, generator), voice.gain)
    return _long_enough(normalise_loudness(wave, 20.0 * np.log10(LEVEL), PEAK))


def known_f0(identity: Identity, sentence: str, seed: int) -> np.ndarray:
    """(T,) float32: F0 in Hz of what `synthesise` makes of the same arguments at the mel's frames, 0 where unvoiced.

    espeak does not tell its pitch contour, so it is measured (Harvest and StoneMask), but where it is plain and by who
    knows more than a listener: on the periodic excitation, before breath and shaping, and between OCTAVE times the
    pitch that this utterance was asked to have. Without these bounds Harvest takes espeak's creak, every second pulse
    a little weaker, for a voice an octave lower.

    Raises:
        BenchmarkError: as `synthesise`.
    """
    wave, _, pitch, _ = _excitation(identity, sentence, seed)
    return world_f0(_long_enough(wave), floor=OCTAVE[0] * pitch, ceiling=OCTAVE[1] * pitch)
