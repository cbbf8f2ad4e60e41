"""`wer`: our batched beam search against ESPnet's Speech2Text, utterance by utterance, with the same model."""

from __future__ import annotations

import warnings
from pathlib import Path

from benchmark.media.audio import read_wave
from benchmark.runner.speed.measure import Comparison, Side
from benchmark.upstream.recogniser.transcribe import recogniser


def wer(model: str) -> Comparison:
    """Both hear the same waveforms and must write the same texts.

    Raises:
        BenchmarkError: that recogniser is not to be had.
    """
    network = recogniser(model)

    def ours(folder: Path) -> Side:
        def run() -> list[str]:
            return network.transcribe([read_wave(path, network.rate) for path in sorted(folder.iterdir())])

        return Side("ours", run)

    def one_by_one(folder: Path) -> Side:
        def run() -> list[str]:
            waves = (read_wave(path, network.rate) for path in sorted(folder.iterdir()))
            with warnings.catch_warnings():  # of torch, once an utterance, that ESPnet switches autocast off an old way
                warnings.simplefilter("ignore", FutureWarning)
                return [str(network.speech2text(wave)[0][0]) for wave in waves]

        return Side("espnet Speech2Text, one by one", run)

    return Comparison(ours, one_by_one, "s a clip")
