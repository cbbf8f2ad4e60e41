"""`styles`: what the styles of a trained system say of people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import tyro

from benchmark.verbs.show import show


@dataclass(frozen=True)
class Styles:
    """Ask the styles of faces for their nearest voices, and the other way round, on people held out of training; draw
    them (XFaVoT, Figure 10).

    Writes styles-SYSTEM.json and styles-SYSTEM-CORPUS-SPLIT.png into the run folder. Stratum U compares with everybody,
    G within the gender, which encoders are told. Intervals are by people.

    Examples:
        python -m benchmark run --task audio_guided_vc --systems xfavot --out results/x
        python -m benchmark styles results/x xfavot
    """

    run: tyro.conf.Positional[Path]
    """Folder of a run or of `train`."""
    system: tyro.conf.Positional[str]
    """Its system that has styles of faces and of voices."""
    jobs: int | None = None
    """Worker processes, where a corpus must be prepared again (default: the number of cores)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Styles) -> int:
    from benchmark.runner.styles import styles

    lines, pictures = styles(settings.run, settings.system, settings.jobs)
    rows = [asdict(line) for line in lines]
    if not settings.json:
        rows = [{k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    show(rows, settings.json)
    if not settings.json:
        print("\n" + "\n".join(map(str, pictures)))
    return 0
