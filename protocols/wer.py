"""Word error rate: what an ESPnet recogniser hears in an output, against the row's transcript (`wer@espnet:...`).

Key: `wer@espnet:<recogniser>:<normaliser>`. Both texts are normalised first (`benchmark.media.text`): that alone moves
a WER by points. The recogniser of the papers is not named, so a value means something only beside the ground truth of
the same recogniser.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import jiwer
import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.media.audio import read_wave
from benchmark.media.text import NORMALISER, normalise
from benchmark.upstream.recogniser.files import find_model, hashes, model_name, weight_names
from benchmark.upstream.recogniser.transcribe import LONGEST, recogniser
from protocols.media_scores import NO_OUTPUT, PerContent, chunks, is_picture, judged
from protocols.trial import Score, Trial

STRANGE = 0.05
"""Share of words that a recogniser cannot know from which on its WER is not asked for by default."""


def word_errors(transcript: str, hypothesis: str) -> tuple[int, int]:
    """Substitutions, deletions and insertions of the best alignment, and the words of the transcript.

    Both normalised; the transcript holds a word.
    """
    found = jiwer.process_words(transcript, hypothesis)
    return found.substitutions + found.deletions + found.insertions, len(transcript.split())


class Wer:
    """`model`: see `recogniser.files.find_model`; `:<normaliser>` may follow.

    Raises:
        BenchmarkError: unknown recogniser or normaliser; at a path, no ESPnet model.
    """

    def __init__(self, model: str = "pocket") -> None:
        self.model = model.removesuffix(f":{NORMALISER}")
        self.weights = weight_names(self.model)
        self.metrics = (f"wer@espnet:{model_name(self.model)}:{NORMALISER}",)
        self.own_sha256 = {} if self.weights else hashes(find_model(self.model))

    def score(self, trials: Sequence[Trial], root: Path) -> Iterator[Score]:
        """One score for every row with words in its transcript and a sound to judge.

        value: word errors / words of the row, may pass 1; weight: words of the row, so that the weighted mean is the
        word error rate of all rows together. A file of silence alone says nothing: all its words are missing.

        Raises:
            MissingWeights, BenchmarkError: the recogniser is not to be had.
        """
        network, (metric,) = recogniser(self.model), self.metrics

        def prepare(path: Path) -> np.ndarray:
            wave = read_wave(path, network.rate)
            if len(wave) > LONGEST * network.rate:
                raise BenchmarkError(
                    f"{path}: {len(wave) / network.rate:.0f} s of sound; at most {LONGEST:.0f} s are recognised. "
                    "Cut it into utterances."
                )
            return wave

        def words(waves: Sequence[np.ndarray]) -> list[str]:
            audible = [i for i, wave in enumerate(waves) if wave.any()]
            heard = dict(zip(audible, network.transcribe([waves[i] for i in audible]), strict=True))
            return [normalise(heard.get(i, "")) for i in range(len(waves))]

        outcomes = PerContent(prepare, words)
        for chunk in chunks(t for t in trials if normalise(t.transcript) and not is_picture(judged(t))):
            found = outcomes(root / judged(t) for t in chunk if judged(t))
            for trial in chunk:
                heard = found[root / judged(trial)] if judged(trial) else BenchmarkError(NO_OUTPUT)
                if isinstance(heard, BenchmarkError):
                    yield Score(trial.system, trial.trial, metric, error=str(heard))
                else:
                    errors, count = word_errors(normalise(trial.transcript), heard)
                    yield Score(trial.system, trial.trial, metric, value=errors / count, weight=float(count))

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        """How many words of the transcripts the recogniser cannot write, where it has a vocabulary of its own."""
        words, strange = self._strange(trials)
        if not strange:
            return []
        known = find_model(self.model).vocabulary or ()
        return [
            f"{self.metrics[0]}: {strange} of {words} transcript words are not in this recogniser's vocabulary "
            f"(it knows {len(known)} words); its WER says nothing about such sentences."
        ]

    def fits(self, trials: Sequence[Trial]) -> bool:
        """Whether the recogniser can write nearly all words of the transcripts."""
        words, strange = self._strange(trials)
        return strange <= STRANGE * words

    def _strange(self, trials: Sequence[Trial]) -> tuple[int, int]:
        """Words of the transcripts, a trial's counted once however many systems there are, and those not known."""
        texts = dict.fromkeys((t.transcript, t.trial) for t in trials if not is_picture(judged(t)))
        words = [word for text, _ in texts for word in normalise(text).split()]
        known = find_model(self.model).vocabulary
        return len(words), 0 if known is None else sum(word not in known for word in words)
