"""NISQA: predicted mean opinion score of an output voice, without a reference (`nisqa@<weight file>`).

The clip is judged at its own rate and whole, as the official code does by default; the MOS is not clipped to 1..5
(`nisqa_mos_only.tar` passes 5). The four further heads of `nisqa.tar` are no metric here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.upstream.nisqa import judge, nisqa_network
from benchmark.upstream.nisqa_frontend import segments
from protocols.media_scores import NO_OUTPUT, PerContent, chunks, is_picture, read_native
from protocols.trial import Score, Trial


class Nisqa:
    """`weight_file`: "nisqa.tar" (the suite's first choice), "nisqa_tts.tar" or "nisqa_mos_only.tar"."""

    def __init__(self, weight_file: str = "nisqa.tar") -> None:
        self.weights = (weight_file,)
        self.metrics = (f"nisqa@{weight_file}",)

    def score(self, trials: Sequence[Trial], root: Path) -> Iterator[Score]:
        """One score for every row whose output is not a picture; the error of a row says why a file has no MOS.

        Raises:
            MissingWeights: the weight file is not to be had.
        """
        network, (metric,) = nisqa_network(*self.weights), self.metrics

        def prepare(path: Path) -> Tensor:
            return segments(*read_native(path), network.front)

        def mos(clips: Sequence[Tensor]) -> list[float]:
            return [float(row[0]) for row in judge(clips, network)]

        outcomes = PerContent(prepare, mos)
        for chunk in chunks(t for t in trials if not is_picture(t.output)):
            found = outcomes(root / t.output for t in chunk if t.output)
            for trial in chunk:
                value = found[root / trial.output] if trial.output else BenchmarkError(NO_OUTPUT)
                if isinstance(value, BenchmarkError):
                    yield Score(trial.system, trial.trial, metric, error=str(value))
                else:
                    yield Score(trial.system, trial.trial, metric, value=value)
