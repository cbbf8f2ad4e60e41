"""`matching`: what a matcher of voices with faces is worth by the field's own protocol."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import tyro

from benchmark.errors import BenchmarkError
from benchmark.verbs.show import show


@dataclass(frozen=True)
class Matching:
    """Judge a matcher of voices with faces: choosing one of N (1:N), verification (auc, eer), retrieval (map), from
    voices to faces and back. Stratum U: other people are anybody; G: they are of the probe's gender.

    Without a file: the network that judges `mapping`, and `cpr` as one of three, on the 100 people it never met. With
    one: the embeddings of a matcher of yours, whose dot product says how alike a voice and a face are. The .npz holds
    `voices` (N, E), `voice_speakers` (N,), `voice_genders` (N,), and `faces` (M, E), `face_speakers`, `face_genders`.

    Examples:
        python -m benchmark matching
        python -m benchmark matching my_matcher.npz --ways 2 5 10 20 --json
    """

    file: tyro.conf.Positional[Path | None] = None
    """Embeddings of a matcher of yours (default: those of the shipped one)."""
    ways: tuple[int, ...] = (2, 5, 10)
    """Numbers of items to choose among."""
    seed: int = 0
    """Draws the choices and the pairs."""
    choices: int = 10_000
    """Choices a row, as many as in the published lists."""
    pairs: int = 30_496
    """Pairs to verify, half of them of one person."""
    jobs: int | None = None
    """Worker processes, where the people of the shipped network must be made first (default: the number of cores)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Matching) -> int:
    from benchmark.runner.matching import given_sides, shipped_sides
    from protocols.matching import matching

    least = {"--seed": settings.seed + 1, "--choices": settings.choices, "--pairs": settings.pairs - 1}
    if wrong := [name for name, value in least.items() if value < 1]:
        raise BenchmarkError(f"{', '.join(wrong)}: too low; at least 0, 1 and 2, please.")
    if not settings.ways or min(settings.ways) < 2:
        raise BenchmarkError(f"--ways {settings.ways}: at least one number, and 2 or more, please.")
    sides = shipped_sides(settings.jobs) if settings.file is None else given_sides(settings.file)
    figures = matching(*sides, settings.seed, settings.ways, settings.choices, settings.pairs)
    rows = [asdict(figure) for figure in figures]
    if not settings.json:
        rows = [{k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    show(rows, settings.json)
    return 0
