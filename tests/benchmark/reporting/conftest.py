"""A finished run made by hand: a few systems with drawn scores, so that a comparison takes no networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import main
from benchmark.reporting.schema import Count, Device, Git, RunRecord
from benchmark.reporting.store import RunFolder, ScoreLog
from benchmark.reporting.tables import remake
from protocols.trial import Score, Trial, trials_sha256, write_trials

SYSTEMS = {"ground_truth": "ground_truth", "copy_source": "copy_source", "adain_cvc": "adain_cvc:pocket"}
METRICS = ("spksim@resemblyzer", "wer@espnet:pocket", "odd@made")
Change = Callable[[Score], Score | None]


def made_trials(n: int, speakers: int) -> list[Trial]:
    """Half seen, half unseen; half of the pairs change the gender."""
    rows = []
    for i in range(n):
        split = "seen" if i < n // 2 else "unseen"
        source = i % speakers
        target = (source + 1 + (i // speakers) % (speakers - 1)) % speakers
        rows.append(
            Trial(
                task="image_guided_vc",
                source=f"{split}{source}.flac",
                source_id=f"{split}{source}",
                source_gender=source % 2,
                target_id=f"{split}{target}",
                target_gender=target % 2,
                trial=f"made-{split}-{i:04d}",
                split=split,
            )
        )
    return rows


def unchanged(score: Score) -> Score:
    return score


@pytest.fixture
def made_run(tmp_path: Path) -> Callable[..., Path]:
    """`made_run(name, change, n, speakers, noise)`: a run folder with its tables, through the suite's own writers.

    change: of every score before it is written; None drops it. noise: of the scores of adain_cvc, another number is
    another training. WER is weighted by words.
    """

    def make(name: str, change: Change = unchanged, n: int = 96, speakers: int = 16, noise: int = 1) -> Path:
        rng, own = np.random.default_rng(0), np.random.default_rng(noise)
        trials = made_trials(n, speakers)
        words = {t.trial: float(rng.integers(3, 12)) for t in trials}
        scores = []
        for metric in METRICS:
            for system in SYSTEMS:
                for t in trials:
                    value = float(rng.normal(0.7, 0.05))
                    if system == "adain_cvc":
                        value += float(own.normal(0, 0.03))
                    weight = words[t.trial] if metric.startswith("wer") else None
                    scores.append(change(Score(system, t.trial, metric, value, weight=weight)))
        kept = [s for s in scores if s is not None]
        counts = {}
        for metric in METRICS:
            of = [s for s in kept if s.metric == metric]
            failed = sum(s.error is not None for s in of)
            counts[metric] = Count(planned=n * len(SYSTEMS), scored=len(of) - failed, failed=failed)
        record = RunRecord(
            command="python -m benchmark run --task image_guided_vc",
            task="image_guided_vc",
            profile="pocket",
            systems=SYSTEMS,
            corpora=["made"],
            metrics=list(METRICS),
            seeds=[0],
            settings={},
            git=Git(commit="0123456789abcdef", dirty=False),
            packages={"torch": "2.11.0"},
            python="3.11.7",
            platform="Linux",
            host="here",
            device=Device(name="x", kind="cpu", threads=1, tf32_matmul=False, tf32_cudnn=False, cudnn_benchmark=False),
            corpus_sha256={"made": "a" * 64},
            trials_sha256=trials_sha256(trials),
            weights_sha256={"resemblyzer/pretrained.pt": "b" * 64},
            counts=counts,
            started="2026-11-20T11:00:00+00:00",
            status="finished",
        )
        folder = tmp_path / name
        with RunFolder(folder) as run:
            write_trials(run.trials, trials)
            run.write(record)
            ScoreLog(run.scores).append(kept)
        remake(folder)
        return folder

    return make


@pytest.fixture
def judge(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """`judge(A, B, ...)`: exit code and output of the real command, with wrapped lines whole again."""

    def run(*arguments: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            main(["compare", *map(str, arguments)])
        captured = capsys.readouterr()
        return int(str(stop.value.code or 0)), (captured.out or captured.err).replace("\n" + " " * 9, " ")

    return run
