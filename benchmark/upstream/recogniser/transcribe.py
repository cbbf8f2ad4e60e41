"""Waveforms to words: a recogniser that decodes many utterances at once and gives what ESPnet gives for each."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.upstream.recogniser.config import sample_rate
from benchmark.upstream.recogniser.files import ModelFiles, find_model
from benchmark.upstream.recogniser.load import load
from benchmark.upstream.recogniser.search import Hypothesis, covered, search

BATCH = 16
"""Utterances of one search; bounds memory and changes no result."""
_CELLS = 8_000_000  # of CTC's largest table in one search: frames x hypotheses x tokens that are scored
LONGEST = 120.0
"""Seconds: the memory of self-attention grows with the square, and no utterance is that long."""


class Recogniser:
    """One model. `rate`: Hz of the waveforms it hears; `vocabulary`: see `ModelFiles`; `speech2text`: ESPnet's own."""

    def __init__(self, files: ModelFiles) -> None:
        self.name, self.vocabulary, self.rate = files.name, files.vocabulary, sample_rate(files.config)
        self.speech2text: Any = load(files)
        self.batched = covered(self.speech2text)

    def transcribe(self, waves: Sequence[np.ndarray], batch: int = BATCH) -> list[str]:
        """(N_i,) float32 at `rate` -> texts as the model writes them, row i of wave i alone.

        A wave below `shortest` is continued with silence up to it.

        Raises:
            BenchmarkError: a wave above `LONGEST`.
        """
        return [self._text(hypothesis) for hypothesis in self.recognise(waves, batch)]

    @torch.no_grad()
    def recognise(self, waves: Sequence[np.ndarray], batch: int = BATCH) -> list[Hypothesis]:
        """As `transcribe`: the best hypothesis with its score (of no tokens and NaN where the search ends with none).

        Models that `search.covered` does not cover are decoded by ESPnet one by one.
        """
        for wave in waves:
            if len(wave) > LONGEST * self.rate:
                raise BenchmarkError(
                    f"{len(wave) / self.rate:.0f} s of sound; at most {LONGEST:.0f} s are recognised. Cut it up."
                )
        found: list[Hypothesis] = [_NONE] * len(waves)
        filled = [np.pad(wave, (0, max(0, self.shortest - len(wave)))) for wave in waves]
        order = sorted(range(len(waves)), key=lambda i: len(filled[i]))
        encoded = ((i, frames) for rows in _slices(order, batch) for i, frames in self._encode(rows, filled))
        if not self.batched:
            for i, frames in encoded:
                found[i] = self._alone(frames)
            return found
        for group in self._batches(encoded, batch):
            options = self.speech2text
            results = search([x for _, x in group], options.beam_search, options.maxlenratio, options.minlenratio)
            for (i, _), hypotheses in zip(group, results, strict=True):
                found[i] = hypotheses[0] if hypotheses else _NONE
        return found

    @cached_property
    def shortest(self) -> int:
        """Samples of the shortest wave that front end and subsampling take, found by trying."""
        low, high = 0, self.rate
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._hears(middle) else (middle, high)
        return high

    def _hears(self, samples: int) -> bool:
        from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError

        try:
            return len(self._frames(np.zeros((1, samples), np.float32))[0]) > 0
        except (TooShortUttError, RuntimeError):
            return False

    def _encode(self, rows: Sequence[int], waves: Sequence[np.ndarray]) -> Iterator[tuple[int, Tensor]]:
        """Frames of each wave, as of that wave alone: only waves of the same length share a pass.

        Padding would be heard: the front end mirrors a wave's end, the subsampling counts other frames, and the
        convolutions of ESPnet's conformer have no mask (a test shows the difference).
        """
        for _, same in groupby(rows, key=lambda i: len(waves[i])):
            group = list(same)
            yield from zip(group, self._frames(np.stack([waves[i] for i in group])), strict=True)

    @torch.no_grad()
    def _frames(self, waves: np.ndarray) -> Tensor:
        """(B, N) -> (B, T, D)."""
        lengths = torch.full((len(waves),), waves.shape[1])
        with warnings.catch_warnings():  # of torch, that ESPnet's way to switch autocast off is an old one
            warnings.simplefilter("ignore", FutureWarning)
            found, _ = self.speech2text.asr_model.encode(torch.from_numpy(waves.astype(np.float32)), lengths)
        # Encoders with intermediate CTC give these beside it.
        frames: Tensor = found[0] if isinstance(found, tuple) else found
        return frames

    def _batches(self, encoded: Iterator[tuple[int, Tensor]], most: int) -> Iterator[list[tuple[int, Tensor]]]:
        """Groups for one search, in order of length, none larger than memory bears."""
        beam = self.speech2text.beam_search
        cells = beam.beam_size * (beam.pre_beam_size if beam.do_pre_beam else beam.n_vocab)
        group: list[tuple[int, Tensor]] = []
        for i, frames in encoded:
            if group and (len(group) == most or (len(group) + 1) * len(frames) * cells > _CELLS):
                yield group
                group = []
            group.append((i, frames))
        if group:
            yield group

    def _alone(self, frames: Tensor) -> Hypothesis:
        """What ESPnet's own search finds."""
        results = self.speech2text._decode_single_sample(frames)
        if not results:
            return _NONE
        best = results[0][3]
        return Hypothesis(tuple(int(token) for token in best.yseq), float(best.score))

    def _text(self, hypothesis: Hypothesis) -> str:
        """As ESPnet writes it. A hypothesis as long as its frames may hold <eos> twice; ESPnet writes the first of
        them as a word, which is no word and left out here."""
        own = self.speech2text
        mute = (0, own.asr_model.eos)
        text = own.tokenizer.tokens2text(
            own.converter.ids2tokens([token for token in hypothesis.tokens[1:-1] if token not in mute])
        )
        return str(text)


_NONE = Hypothesis((), float("nan"))


@lru_cache(maxsize=2)
def recogniser(model: str) -> Recogniser:
    """The recogniser of that name or path, see `files.find_model`; one object for all.

    Raises:
        MissingWeights, BenchmarkError: as `find_model` and `load.load`.
    """
    return Recogniser(find_model(model))


def _slices(order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]
