"""`prepare`: decode corpora ahead of a run."""

from __future__ import annotations

from dataclasses import dataclass

import tyro

from benchmark.errors import BenchmarkError
from benchmark.verbs.show import Rows, show


@dataclass(frozen=True)
class Prepare:
    """Decode corpora into the cache ($BENCHMARK_CACHE, default ~/.cache/face-voice-benchmark).

    Examples:
        python -m benchmark prepare pocket
        python -m benchmark prepare grid=/data/grid --jobs 8
    """

    corpora: tyro.conf.Positional[tuple[str, ...]]
    """NAME or NAME=FOLDER."""
    profile: str = "pocket"
    """Whose reader options to use."""
    seed: int = 0
    """Decides the splits (and the pocket people)."""
    jobs: int | None = None
    """Worker processes (default: the number of cores)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Prepare) -> int:
    from benchmark.runner.corpora import open_store
    from benchmark.runner.settings import parse_corpus
    from benchmark.settings import load_profile

    if settings.seed < 0 or (settings.jobs is not None and settings.jobs < 1):
        raise BenchmarkError(f"--seed {settings.seed} --jobs {settings.jobs}: at least 0 and at least 1, please.")
    profile = load_profile(settings.profile)
    rows: Rows = []
    for name, root in dict(map(parse_corpus, settings.corpora or ("pocket",))).items():
        store = open_store(name, root, profile, settings.seed, settings.jobs)
        skipped = store.meta["skipped"]
        rows.append(
            {"corpus": name, "records": len(store.records), "skipped": len(skipped), "store": str(store.folder)}
        )
    show(rows, settings.json)
    return 0
