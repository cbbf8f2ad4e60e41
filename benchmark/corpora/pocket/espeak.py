"""Text to speech through libespeak-ng as a library call: no process, no file, no network.

libespeak-ng 1.52 and its data ship in the package `espeakng-loader`. Calls are synchronous: a callback collects the
samples while `espeak_Synth` runs (interface: espeak-ng/espeak-ng@1.52.0:src/include/espeak-ng/speak_lib.h).
"""

from __future__ import annotations

import _ctypes
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import espeakng_loader
import numpy as np

from benchmark.errors import BenchmarkError

RATE = 22050
"""Hz of everything `speak` returns."""
_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1
_WORDS_PER_MINUTE, _PITCH, _RANGE = 1, 3, 4
_RANDOM_SEED = 1
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """A freshly loaded and initialised library, unloaded afterwards.

    espeak keeps the phases of flutter, roughness and breath noise in static variables, so that an utterance depends on
    all that the process said before; only a fresh load starts them at zero, and it costs 3 ms. Nothing is shared
    between calls, hence nothing can be shared with a forked child either.
    """
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
    except OSError as error:
        raise BenchmarkError(
            f"libespeak-ng cannot be loaded ({error}). The embedded corpus `pocket` needs it for its voices; "
            "reinstall the package `espeakng-loader`, or choose another corpus with --corpus."
        ) from error
    try:
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _DONT_EXIT)
        if rate != RATE:
            raise BenchmarkError(
                f"libespeak-ng did not start: espeak_Initialize returned {rate}, expected {RATE} Hz. Its data folder "
                "may be missing or of another version; reinstall the package `espeakng-loader`."
            )
        # Initialisation seeds the breath noise from the clock.
        library.espeak_ng_SetRandSeed(ctypes.c_long(_RANDOM_SEED))
        yield library
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)


def speak(text: str, voice: str, words_per_minute: int, pitch: int, pitch_range: int) -> np.ndarray:
    """(N,) float32 in [-1, 1] at 22050 Hz; the same samples for the same arguments, whatever was said before.

    Args:
        text: what is said, UTF-8.
        voice: an espeak voice name, for example "en-us+f3".
        words_per_minute: 80 to 450.
        pitch: 0 to 100, espeak's own scale; 50 is the voice's own.
        pitch_range: likewise; 0 is a monotone.

    Raises:
        BenchmarkError: the library cannot be loaded, or knows no such voice.
    """
    chunks: list[np.ndarray] = []

    def collect(samples: ctypes._Pointer[ctypes.c_short], count: int, _: object) -> int:
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = _CALLBACK(collect)
    with _library() as library:
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise BenchmarkError(f"libespeak-ng has no voice {voice!r}.")
        for parameter, value in ((_WORDS_PER_MINUTE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8, None, None)
        library.espeak_Synchronize()
    return np.concatenate(chunks).astype(np.float32) / 32768.0
