"""`avatars`: a corpus's people drawn, as a corpus of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import tyro

from benchmark.errors import BenchmarkError
from benchmark.verbs.show import show


@dataclass(frozen=True)
class Avatars:
    """Draw the faces of a corpus as avatars, and write them with the people's voices into a folder that
    `--corpus folder=OUT` reads: XFaVoT's application to avatars (docs/avatars.md).

    Speakers, genders and splits are those of the corpus. The same command finishes a folder that was begun.

    Examples:
        python -m benchmark avatars --corpus pocket_faces --profile tiny --out my_avatars
        python -m benchmark avatars --corpus folder=/data/mine --out my_avatars
        python -m benchmark run --task image_guided_vc --corpus folder=my_avatars
    """

    corpus: str
    """NAME or NAME=FOLDER of a corpus with faces; pocket_av has voices too."""
    out: Path
    """Folder to write; empty, not there yet, or begun by this command."""
    profile: str = "pocket"
    """Whose reader options to use."""
    seed: int = 0
    """Decides the splits (and the pocket people)."""
    jobs: int | None = None
    """Worker processes, where the corpus must be prepared first (default: the number of cores)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Avatars) -> int:
    from benchmark.corpora.avatars import write_avatars
    from benchmark.runner.corpora import open_store
    from benchmark.runner.settings import parse_corpus
    from benchmark.settings import load_profile

    if settings.seed < 0 or (settings.jobs is not None and settings.jobs < 1):
        raise BenchmarkError(f"--seed {settings.seed} --jobs {settings.jobs}: at least 0 and at least 1, please.")
    name, root = parse_corpus(settings.corpus)
    store = open_store(name, root, load_profile(settings.profile), settings.seed, settings.jobs)
    drawn = write_avatars(store, settings.out)
    show([{"corpus": name, **asdict(drawn), "out": str(settings.out)}], settings.json)
    return 0
