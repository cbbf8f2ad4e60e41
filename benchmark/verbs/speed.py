"""`speed`: ours against each reference implementation."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import tyro

from benchmark.errors import BenchmarkError, unknown
from benchmark.verbs.show import show


@dataclass(frozen=True)
class Speed:
    """Time ours against each reference implementation on the same files, as ratios (above 1: ours is faster).

    Both sides read the same files, take turns, and must give the same values, or there is no ratio. Networks are built
    beforehand; reading the files counts. Exit code 1 where values differ or a row asked for by name was not measured.

    With --train: seconds, memory and the share of each phase of a training step instead; nothing is compared.

    Examples:
        python -m benchmark speed
        python -m benchmark speed nisqa spksim --clips 200 --json
        python -m benchmark speed --audio my_outputs/
        python -m benchmark speed cae_batching
        python -m benchmark speed train:starganv2_vc --official ~/StarGANv2-VC
        python -m benchmark speed --train xfavot --profile paper
        python -m benchmark speed --train xfavot --profile paper --batch 2 --steps 1
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Rows to measure (default: all): nisqa, nisqa:best-batch, spksim, wer, lpips, frechet, fid_features,
    cae_batching (5 GB of memory), train:starganv2_vc."""
    clips: int = 100
    """How many clips of about 5 s are made from the embedded corpus, or taken of --audio."""
    audio: Path | None = None
    """Use the sound files of this folder instead."""
    pictures: int = 80
    """How many faces of 128 pixels are drawn from the embedded corpus for lpips and fid_features."""
    rounds: int = 2
    """Turns of each side; its best one counts."""
    model: str = "pocket"
    """The recogniser of `wer`."""
    official: Path | None = None
    """A checkout of the official StarGANv2-VC that `train:starganv2_vc` runs; without it the row says how to get it."""
    train: str | None = None
    """A system whose training step is timed, on a GPU where there is one."""
    profile: str = "pocket"
    """Of --train: whose settings the system has."""
    batch: int | None = None
    """Of --train: rows of a batch (default: the profile's)."""
    steps: int = 5
    """Of --train: how many are timed, after a first one that is not."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Speed) -> int:
    if settings.train is not None:
        return _time_training(settings)
    from benchmark.runner.speed import comparisons
    from benchmark.runner.speed.cae_batching import PAIRS
    from benchmark.runner.speed.clips import link_clips, make_clips
    from benchmark.runner.speed.frechet import make_features
    from benchmark.runner.speed.measure import measure, versions
    from benchmark.runner.speed.pictures import make_pictures
    from benchmark.runner.speed.starganv2_vc import BATCH

    if settings.clips < 2 or settings.pictures < 10 or settings.rounds < 1:
        raise BenchmarkError(
            f"--clips {settings.clips} --pictures {settings.pictures} --rounds {settings.rounds}: at least 2, 10 and "
            "1, please."
        )
    known = comparisons(settings.model, settings.official)
    for name in settings.names:
        if name not in known:
            raise unknown("comparison", name, known)

    def make_files(kind: str, folder: Path, warm: Path) -> None:
        folder.mkdir(parents=True)
        warm.mkdir(parents=True)
        if kind == "features":
            make_features(folder, warm)
        elif kind == "pictures":
            make_pictures(folder, settings.pictures)
            make_pictures(warm, 10)
        elif kind == "pairs":
            make_pictures(folder, PAIRS)
            make_pictures(warm, 2)
        else:
            count, few = (settings.clips, 16) if kind == "clips" else (BATCH, 2)
            if settings.audio is None:
                make_clips(folder, count)
            else:
                link_clips(folder, settings.audio, count)
            link_clips(warm, folder, few)

    rows = []
    with tempfile.TemporaryDirectory(prefix="benchmark-speed-") as place:
        for name in settings.names or known:
            kind = known[name].files
            folder, warm = Path(place, kind, "all"), Path(place, kind, "warm")
            if not folder.exists():
                make_files(kind, folder, warm)
            rows.append(measure(name, known[name].build, warm, folder, settings.rounds))
    cells = [asdict(row) for row in rows]
    if not settings.json:
        print(f"{versions()}; best of {settings.rounds} rounds.\n")
        cells = [{k: f"{v:.3g}" if isinstance(v, float) else v for k, v in row.items()} for row in cells]
    show(cells, settings.json)
    return 1 if any(row.ratio is None and (row.peer_name or settings.names) for row in rows) else 0


def _time_training(settings: Speed) -> int:
    from benchmark.runner.speed.step import step_times

    assert settings.train is not None
    if settings.names:
        raise BenchmarkError(f"--train {settings.train} times one system, and no rows: {' '.join(settings.names)}.")
    found = asdict(step_times(settings.train, settings.profile, settings.steps, settings.batch))
    if not settings.json:
        print(f"{found['name']}, profile {found['profile']}, {found['device']}. {found['note']}\n")
        found["phases"] = ", ".join(f"{name} {share:.0%}" for name, share in found["phases"].items())
        found["peak_memory"] = f"{found['peak_memory'] / 1e9:.2f} GB"
        shown = ("batch", "steps", "seconds", "samples_per_s", "peak_memory", "phases")
        found = {key: f"{found[key]:.3g}" if isinstance(found[key], float) else found[key] for key in shown}
    show([found], settings.json)
    return 0
