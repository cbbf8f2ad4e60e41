"""`spksim`: our batched embeddings against a loop over Resemblyzer's embed_utterance(preprocess_wav(file))."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.runner.speed.measure import Comparison, Side
from benchmark.upstream.speaker_embedding import speaker_encoder
from protocols.spksim import SpkSim
from protocols.trial import Trial


def spksim() -> Comparison:
    """Every clip against the one before it, so that each is embedded once."""
    return Comparison(ours, embed_utterance, "s a clip", 1e-4)


def ours(folder: Path) -> Side:
    speaker_encoder()
    names = [path.name for path in sorted(folder.iterdir())]
    trials = [Trial(output=name, reference=names[i - 1], system="speed", task="speed") for i, name in enumerate(names)]

    def run() -> list[float]:
        found = SpkSim().score(trials, folder)
        return [float("nan") if score.value is None else score.value for score in found]

    return Side("ours", run)


def embed_utterance(folder: Path) -> Side:
    import resemblyzer

    encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)

    def run() -> list[float]:
        files = sorted(folder.iterdir())
        vectors = [encoder.embed_utterance(resemblyzer.preprocess_wav(path)) for path in files]
        return [float(np.dot(vector, vectors[i - 1])) for i, vector in enumerate(vectors)]

    return Side("resemblyzer embed_utterance, one by one", run)
