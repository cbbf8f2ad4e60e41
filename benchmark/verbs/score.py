"""`score`: outputs that somebody else produced, or what human raters said of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmark.errors import BenchmarkError


@dataclass(frozen=True)
class Score:
    """Score outputs that any code produced: a trial list in, the scores, statistics and tables of a run out.

    The list is a CSV with the columns output, system and task, and as many of source, reference, natural_target_voice,
    source_id, source_gender, target_id, target_gender, transcript, split and trial as there are. Several natural target
    voices are joined by a semicolon; other columns are passed over. A file that is missing counts as failed and is
    named. Intervals need source_id and target_id, and these must name speakers, not recordings. The column trial pairs
    the rows of several systems; content names a file whose words WER judges in place of the output.

    Examples:
        python -m benchmark score --trials my_outputs/trials.csv
        python -m benchmark score --trials trials.csv --root my_outputs/ --out results/mine
        python -m benchmark score --trials trials.csv --root my_outputs/ --metrics spksim@resemblyzer --json
        python -m benchmark score --trials results/my_run/outputs.csv
        python -m benchmark score --trials faces.csv --root my_outputs/ --real celeba_hq/train
        python -m benchmark score --ratings ratings.csv --key study/key.csv
    """

    trials: Path | None = None
    """The trial list."""
    root: Path | None = None
    """Folder that the paths of the list start from; none may leave it (default: the folder of the list)."""
    metrics: tuple[str, ...] = ()
    """Metric keys, then for the rows of every task (default: those of each row's task; one whose weights are missing is
    then said and left out)."""
    out: Path | None = None
    """Folder of the results (default results/score-<list>-<hash>). The same command resumes it."""
    real: Path | None = None
    """Folder with female/ and male/, the real pictures that generated ones are compared with (FID, KID): StarGANv2's
    training folder."""
    ratings: Path | None = None
    """Instead of a trial list: what human raters filled in."""
    key: Path | None = None
    """With --ratings: the key of their questionnaire."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the table as one JSON document on stdout, and nothing else there."""

    def __post_init__(self) -> None:
        if (self.trials is None) == (self.ratings is None):
            raise BenchmarkError("score takes either a trial list (--trials FILE) or ratings (--ratings FILE).")
        if (self.ratings is None) != (self.key is None):
            raise BenchmarkError("--ratings and --key go together: the key says what the raters did not see.")
        if self.ratings is not None and (self.root is not None or self.metrics or self.real is not None):
            raise BenchmarkError("--root, --metrics and --real go with --trials; ratings need none of them.")
        if len(set(self.metrics)) < len(self.metrics):
            raise BenchmarkError(f"--metrics {' '.join(self.metrics)}: a name stands twice.")
        if self.out is not None and self.out.resolve() == Path.cwd():
            raise BenchmarkError(f"--out {str(self.out)!r} is the current folder; results need a folder of their own.")


def main(settings: Score) -> int:
    if settings.ratings is not None and settings.key is not None:
        from benchmark.runner.ratings import score_ratings

        folder = score_ratings(settings.ratings, settings.key, settings.out)
    else:
        from benchmark.runner.given import score_given

        assert settings.trials is not None
        folder = score_given(settings.trials, settings.root, settings.metrics, settings.out, settings.real)
    if settings.json:
        print((folder / "table.json").read_text(encoding="utf-8"))
    else:
        print((folder / "table.md").read_text(encoding="utf-8"))
        print(f"Written to {folder}: table.md, .csv, .tex, .json, scores.jsonl, run.json.")
    return 0
