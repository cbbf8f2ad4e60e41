"""What became of the source's intonation and of the target's pitch (`f0_corr@world`, `f0_target@world`).

Both keys read one analysis of a file (`protocols.intonation`), made once a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from benchmark.errors import BenchmarkError
from benchmark.media.audio import read_wave
from protocols.intonation import RATE, Contour, contour, correlation, semitones_apart
from protocols.media_scores import NO_OUTPUT, PerContent, chunks, compared, is_picture, is_sound, judged
from protocols.trial import Score, Trial

INTONATION = "f0_corr@world"
HEIGHT = "f0_target@world"


def _read(path: Path) -> Contour:
    """Raises BenchmarkError: the file cannot be read, or has no F0 to speak of."""
    wave = read_wave(path, RATE)
    try:
        return contour(wave)
    except BenchmarkError as error:
        raise BenchmarkError(f"{path}: {error}") from None


def _files(metric: str, trial: Trial) -> tuple[str, tuple[str, ...]]:
    """(the file that is judged, those it is compared with: none where the metric is not defined for the row).

    Intonation is the source's, and so its ground truth is the source, as that of the words; height is the target's.
    """
    if metric == HEIGHT:
        return trial.output, () if is_picture(trial.output) else compared(trial)
    mine = judged(trial)
    return mine, (trial.source,) if is_sound(trial.source) and not is_picture(mine) else ()


class F0:
    """`keys`: `f0_corr@world`, `f0_target@world` or both; a protocol of metrics that are computed together."""

    weights: tuple[str, ...] = ()

    def __init__(self, *keys: str) -> None:
        self.metrics = keys
        self._contours: PerContent[Contour, Contour] = PerContent(_read, list)

    def planned(self, trials: Sequence[Trial]) -> dict[tuple[str, str], list[str]]:
        """(system, metric) -> the trials that it is defined for."""
        found: dict[tuple[str, str], list[str]] = {}
        for trial in trials:
            for metric in self.metrics:
                names = found.setdefault((trial.system, metric), [])
                names += [trial.trial] if _files(metric, trial)[1] else []
        return found

    def score(self, trials: Sequence[Trial], root: Path) -> Iterator[Score]:
        """One score for every row and metric that is defined for it; a row's error says which file has no F0, or why
        two contours have no correlation."""
        with tqdm(total=len(trials), desc=" ".join(self.metrics), disable=None, leave=False) as bar:
            for chunk in chunks(trials):
                asked = [(trial, metric, *_files(metric, trial)) for trial in chunk for metric in self.metrics]
                asked = [row for row in asked if row[3]]
                contours = self._contours(root / name for *_, mine, others in asked for name in (mine, *others) if name)
                for trial, metric, mine, others in asked:
                    yield _score(trial, metric, mine, others, root, contours)
                bar.update(len(chunk))

    def remarks(self, trials: Sequence[Trial]) -> list[str]:
        """How many rows have a voice as their output and nothing to compare it with."""
        said = []
        voices = [t for t in trials if not is_picture(t.output)]
        for metric in self.metrics:
            alone = [t for t in voices if not _files(metric, t)[1]]
            if alone:
                some = ", ".join(f"{t.system} {t.trial}" for t in alone[:3])
                wanted = "the target (reference or natural_target_voice)" if metric == HEIGHT else "the source"
                said.append(
                    f"{metric}: {len(alone)} of {len(trials)} rows name no recording of {wanted} to compare with and "
                    f"have no score: {some}{', ...' if len(alone) > 3 else ''}."
                )
        return said


def _score(
    trial: Trial,
    metric: str,
    mine: str,
    others: Sequence[str],
    root: Path,
    contours: Mapping[Path, Contour | BenchmarkError],
) -> Score:
    if not mine:
        return Score(trial.system, trial.trial, metric, error=NO_OUTPUT)
    found: list[Contour] = []
    for name in (mine, *others):
        one = contours[root / name]
        if isinstance(one, BenchmarkError):
            return Score(trial.system, trial.trial, metric, error=f"{name}: {one}")
        found.append(one)
    try:
        value = correlation(*found) if metric == INTONATION else semitones_apart(found[0], found[1:])
    except BenchmarkError as error:
        return Score(trial.system, trial.trial, metric, error=str(error))
    return Score(trial.system, trial.trial, metric, value=value)
