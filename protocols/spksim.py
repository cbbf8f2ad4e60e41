"""Speaker similarity: cosine of Resemblyzer embeddings of an output voice and of the target's (`spksim@resemblyzer`).

Image-guided: the mean over recordings of the target, ten in the paper (the starred column of its table 3).
Audio-guided: the very reference. Unrelated voices reach 0.5 to 0.7, so a value means nothing without the controls
beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.upstream import speaker_embedding, speaker_frontend
from protocols.media_scores import NO_OUTPUT, PerContent, chunks, compared, is_picture, read_native
from protocols.trial import Score, Trial


def similarity(output: np.ndarray, targets: Sequence[np.ndarray]) -> float:
    """(256,) and n times (256,), all of norm 1 -> mean cosine, 0..1 (the embeddings are not negative)."""
    return float(np.mean([np.dot(output.astype(np.float64), target.astype(np.float64)) for target in targets]))


class SpkSim:
    """The package's network and preprocessing, batched."""

    metrics: tuple[str, ...] = ("spksim@resemblyzer",)
    weights: tuple[str, ...] = (speaker_embedding.WEIGHTS,)

    def score(self, trials: Sequence[Trial], root: Path) -> Iterator[Score]:
        """One score for every row with a voice to compare with; a file without embedding is named in the row's error.

        Raises:
            MissingWeights: the weight file is not to be had.
        """
        encoder = speaker_embedding.speaker_encoder()

        def prepare(path: Path) -> np.ndarray:
            wave = speaker_frontend.resample(*read_native(path))
            return speaker_frontend.partial_mels(speaker_frontend.preprocess(wave))

        def embeddings(mels: Sequence[np.ndarray]) -> list[np.ndarray]:
            return list(speaker_embedding.embed_partials(mels, encoder))

        outcomes = PerContent(prepare, embeddings)
        for chunk in chunks(t for t in trials if compared(t) and not is_picture(t.output)):
            found = outcomes(root / name for t in chunk for name in (t.output, *compared(t)) if name)
            for trial in chunk:
                yield self._score(trial, root, found)

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        """How many rows have a voice as their output and none to compare it with."""
        mute = [t for t in trials if not compared(t) and not is_picture(t.output)]
        if not mute:
            return []
        some = ", ".join(f"{t.system} {t.trial}" for t in mute[:3])
        return [
            f"{self.metrics[0]}: {len(mute)} of {len(trials)} rows name no recording to compare with (reference or "
            f"natural_target_voice) and have no score: {some}{', ...' if len(mute) > 3 else ''}."
        ]

    def _score(self, trial: Trial, root: Path, found: Mapping[Path, np.ndarray | BenchmarkError]) -> Score:
        (metric,) = self.metrics
        if not trial.output:
            return Score(trial.system, trial.trial, metric, error=NO_OUTPUT)
        vectors: list[np.ndarray] = []
        for name in (trial.output, *compared(trial)):
            vector = found[root / name]
            if isinstance(vector, BenchmarkError):
                return Score(trial.system, trial.trial, metric, error=f"{name}: {vector}")
            vectors.append(vector)
        return Score(trial.system, trial.trial, metric, value=similarity(vectors[0], vectors[1:]))
