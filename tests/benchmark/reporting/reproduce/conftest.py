"""Run folders made by hand, each system with a mean of its own, and the real command."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.cli import main
from benchmark.reporting.reproduce.papers import XFAVOT_CORPORA
from benchmark.reporting.schema import Device, Git, RunRecord, SystemFacts
from benchmark.reporting.store import RunFolder, ScoreLog
from protocols.trial import Score, Trial, trials_sha256, write_trials

SPEAKERS = 12


def made_trials(task: str, corpus: str, seed: int) -> list[Trial]:
    """96 rows; half seen, half unseen; another seed has other people."""
    rows = []
    for split in ("seen", "unseen"):
        for i in range(48):
            source, target = i % SPEAKERS, (i + 1 + i // SPEAKERS) % SPEAKERS
            rows.append(
                Trial(
                    task=task,
                    source=f"{corpus}/{seed}/{source}",
                    source_id=f"{corpus}-{seed}-{split}-{source}",
                    source_gender=source % 2,
                    target_id=f"{corpus}-{seed}-{split}-{target}",
                    target_gender=target % 2,
                    trial=f"{corpus}-{split}-{i:04d}",
                    split=split,
                )
            )
    return rows


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`make(task, corpus, means, seed=, ...)`: a finished run under results/ of a fresh working folder.

    means: system -> metric -> mean of its scores; a system's trials move together with the other systems', so that
    paired differences are narrow. network: what the checkpoints' hashes are made of, the seed unless it is given. The
    trials are of one corpus; at profile paper the run is of all five, as the paper's, where it is one of these.
    """
    monkeypatch.chdir(tmp_path)

    def run(
        task: str,
        corpus: str,
        means: Mapping[str, Mapping[str, float]],
        seed: int = 0,
        profile: str = "pocket",
        network: object = None,
        folder: str | None = None,
        **changes: Any,
    ) -> Path:
        trials = made_trials(task, corpus, seed)
        metrics = list(dict.fromkeys(m for of in means.values() for m in of))
        scores = []
        for metric in metrics:
            shared = np.random.default_rng([seed, zlib.crc32(metric.encode())]).normal(0, 0.05, len(trials))
            for system, of in means.items():
                own = np.random.default_rng([seed, zlib.crc32(f"{system}{metric}".encode())])
                for trial, noise in zip(trials, shared, strict=True):
                    if metric in of:
                        value = float(of[metric] + noise + own.normal(0, 0.005))
                        scores.append(Score(system, trial.trial, metric, value))
        learnt = [s for s in means if s not in ("ground_truth", "random_reference")]
        record = RunRecord(
            command="python -m benchmark run",
            task=task,
            profile=profile,
            systems={s: s if profile == "paper" or s not in learnt else f"{s}:{profile}" for s in means},
            corpora=[*XFAVOT_CORPORA] if profile == "paper" and corpus in XFAVOT_CORPORA else [corpus],
            metrics=metrics,
            seeds=[seed],
            settings={},
            git=Git(commit="0123456789abcdef", dirty=False),
            packages={},
            python="3.11.7",
            platform="Linux",
            host="here",
            device=Device(name="x", kind="cpu", threads=1, tf32_matmul=False, tf32_cudnn=False, cudnn_benchmark=False),
            trials_sha256=trials_sha256(trials),
            facts={s: SystemFacts(network="trained", checkpoint_sha256=f"{s}/{network or seed}") for s in learnt},
            started="2026-11-20T11:00:00+00:00",
            finished="2026-11-20T12:00:00+00:00",
            status="finished",
        ).model_copy(update=changes)
        path = Path("results") / (folder or f"{task}-{corpus}-{profile}-{seed}-{len(list(Path().glob('results/*')))}")
        with RunFolder(path) as opened:
            write_trials(opened.trials, trials)
            opened.write(record)
            ScoreLog(opened.scores).append(scores)
        return path

    return run


@pytest.fixture
def reproduce(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """`reproduce("xfavot.table3", ...)`: exit code, and stdout or else stderr, of the real command."""

    def run(*arguments: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            main(["reproduce", *map(str, arguments)])
        captured = capsys.readouterr()
        return int(str(stop.value.code or 0)), captured.out or captured.err

    return run


@pytest.fixture
def document(reproduce: Callable[..., tuple[int, str]]) -> Callable[..., dict[str, Any]]:
    """The one JSON document of `--json`."""

    def run(*arguments: object) -> dict[str, Any]:
        code, out = reproduce(*arguments, "--json")
        assert code == 0, out
        found: dict[str, Any] = json.loads(out)
        return found

    return run
