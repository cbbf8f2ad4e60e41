"""What a user asks of a run, and the same fully resolved (no torch here)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tyro

from benchmark.errors import BenchmarkError
from benchmark.registry import ALIASES, SystemName, canonical, entries, find, parse_system
from benchmark.runner.plugins import plugged_in
from benchmark.runner.vocoders import chosen_vocoders
from benchmark.settings import Profile, load_profile
from benchmark.tasks import Task, get_task


@dataclass(frozen=True)
class RunSettings:
    """Train, translate, score and print one task's table.

    Examples:
        python -m benchmark run --task image_guided_vc
        python -m benchmark run --task image_guided_vc --corpus grid=/data/grid --profile paper --devices 8
        python -m benchmark run --task audio_guided_vc --systems adain_vc copy_source --metrics spksim@resemblyzer
        python -m benchmark run --task image_guided_translation --corpus celeba_hq=/data/celeba_hq --n-seeds 10
        python -m benchmark run --task image_guided_vc --profile tiny --out results/try --json
        python -m benchmark run --task audio_guided_vc --systems xfavot --seed 1 --trained results/xfavot-seed1
        python -m benchmark run --task image_guided_vc --corpus folder=my_avatars --systems xfavot@pocket_av copy_source
    """

    task: str
    """One of the names of `python -m benchmark list tasks`."""
    systems: tuple[str, ...] = ()
    """Systems and controls (default: the task's, and plug-ins that do it). `shuffled_reference:NAME` and
    `gender_only:NAME` are controls of a learnt system, `reconstructed:NAME` is the ground truth through
    it. NAME@CORPUS is the shipped network that was trained on another corpus than the run's."""
    corpus: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME or NAME=FOLDER, may be repeated (default: the task's part of the embedded corpus)."""
    profile: str = "pocket"
    """tiny, pocket, small, paper, or a path to a .toml of your own."""
    metrics: tuple[str, ...] = ()
    """Metric keys (default: the task's; one whose weights are missing is then said and left out)."""
    vocoder: str | None = None
    """Tasks of voices: what makes waveforms of mels (default: what the profile says; see `list vocoders`)."""
    seed: int = 0
    """Decides splits, trial list, initial weights, batches and noise."""
    n_seeds: int = 1
    """Tasks of faces: draw sources, references and latents with so many seeds, from --seed on, for the same trained
    networks; tables give the mean (the StarGANv2 paper: 10)."""
    out: Path | None = None
    """Run folder (default results/<task>-<profile>-<hash>). The same command resumes it."""
    limit: int | None = None
    """At most this many trials per corpus, strata kept; the rows are marked partial."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks compute; auto takes a GPU where there is one."""
    devices: int = 1
    """GPUs or processes to train on."""
    jobs: int | None = None
    """Worker processes of `prepare` (default: the number of cores)."""
    from_scratch: tyro.conf.FlagCreatePairsOff[bool] = False
    """Train every network here, those too that the suite ships trained."""
    trained: tuple[Path, ...] = ()
    """Folders of runs, or of `train`: a network that was trained there as this run would train it is taken from there
    (one XFaVoT serves six tasks)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the table as one JSON document on stdout, and nothing else there."""

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("n_seeds", 1), ("limit", 1), ("devices", 1), ("jobs", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise BenchmarkError(f"--{name.replace('_', '-')} {value}: it must be at least {least}.")
        for name in ("systems", "metrics"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise BenchmarkError(f"--{name} {' '.join(values)}: a name stands twice.")
        if self.from_scratch and self.trained:
            raise BenchmarkError("--from-scratch trains every network in the run; --trained takes some from elsewhere.")
        if self.out is not None and self.out.resolve() == Path.cwd():
            raise BenchmarkError(f"--out {str(self.out)!r} is the current folder; a run needs a folder of its own.")


@dataclass(frozen=True)
class Plan:
    """A run with every name checked and every default filled in."""

    settings: RunSettings
    task: Task
    systems: tuple[SystemName, ...]
    corpora: tuple[tuple[str, Path | None], ...]
    metrics: tuple[str, ...]
    profile: Profile
    vocoders: Mapping[str, str]
    folder: Path
    resolved: Mapping[str, Any] = field(repr=False, default_factory=dict)


def plan(settings: RunSettings) -> Plan:
    """Check every name, fill every default.

    Raises:
        BenchmarkError: unknown task, system, corpus, metric or profile (with a suggestion); a system that cannot do the
            task; a metric that cannot judge it; a corpus folder that is missing.
    """
    task = get_task(settings.task)
    if not task.systems and not settings.systems:
        able = ", ".join(name for name, entry in entries("systems").items() if task.name in entry.tasks)
        raise BenchmarkError(f"{task.name} has no systems by default. Name some: --systems {able}.")
    if settings.n_seeds > 1 and (task.source != "face" or task.pairs):
        raise BenchmarkError(
            f"--n-seeds {settings.n_seeds}: a trial list of {task.name} is drawn once. Other runs: --seed."
        )
    names = tuple(parse_system(name) for name in settings.systems or (*task.systems, *plugged_in(task.name)))
    for name in names:
        entry = find("systems", name.base)
        if entry.tasks and task.name not in entry.tasks:
            raise BenchmarkError(f"{name.base} does {', '.join(entry.tasks)}, not {task.name}.")
        if name.prefix and entry.kind == "control":
            raise BenchmarkError(f"{name.full}: {name.base} is a control itself and learns nothing.")
        if name.prefix and task.reference is None:
            raise BenchmarkError(f"{name.full}: {task.name} has no references.")
        if name.prefix == "gender_only" and entry.load().gender_only is None:
            raise BenchmarkError(f"{name.full}: {name.base} has no form whose reference encoder sees the gender alone.")
    profile = load_profile(settings.profile)
    corpora = tuple(parse_corpus(text) for text in settings.corpus or task.corpora)
    if not settings.systems and not _as_shipped(settings, task, profile, corpora):
        names = tuple(name.at_home for name in names)
    _check_names(profile)
    if settings.vocoder is not None and task.source != "voice":
        raise BenchmarkError(f"--vocoder {settings.vocoder}: {task.name} gives pictures.")
    vocoders = chosen_vocoders(profile, settings.vocoder)
    if len({name for name, _ in corpora}) < len(corpora):
        raise BenchmarkError(f"A corpus is named twice: {' '.join(settings.corpus)}.")
    usual = task.metrics + (task.published if any(root for _, root in corpora) else ())
    metrics = tuple(dict.fromkeys(map(canonical, settings.metrics or usual)))
    for metric in metrics:
        judged = find("protocols", metric).tasks
        if judged and task.name not in judged:
            raise BenchmarkError(f"{metric} judges {', '.join(judged)}, not {task.name}.")
    resolved = {
        "task": task.name,
        "systems": [name.full for name in names],
        "corpora": {name: str(root.resolve()) if root else None for name, root in corpora},
        "metrics": list(metrics),
        **({"vocoders": vocoders} if task.source == "voice" else {}),
        "profile": {
            "name": profile.name,
            "trials": profile.trials.get(task.name, {}),
            "corpora": {name: profile.corpora.get(name, {}) for name, _ in corpora},
            "systems": {
                key: profile.systems[key]
                for name in names
                for key in (name.base, f"{name.base}:{name.variant}")
                if key in profile.systems
            },
        },
        "seed": settings.seed,
        **({"n_seeds": settings.n_seeds} if settings.n_seeds > 1 else {}),
        "limit": settings.limit,
        "devices": settings.devices,
    }
    named = {**resolved, "from_scratch": True} if settings.from_scratch else resolved
    short = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:8]
    folder = settings.out or Path("results") / f"{task.name}-{profile.name}-{short}"
    return Plan(settings, task, names, corpora, metrics, profile, vocoders, folder, resolved)


def _as_shipped(
    settings: RunSettings, task: Task, profile: Profile, corpora: Sequence[tuple[str, Path | None]]
) -> bool:
    """Whether a default table may hold networks of other corpora (`xfavot@pocket_av`); all others train theirs."""
    usual = tuple(parse_corpus(text) for text in task.corpora)
    return profile.name == "pocket" and tuple(corpora) == usual and not settings.from_scratch


def _check_names(profile: Profile) -> None:
    """Raises BenchmarkError: a table of the profile names no task, corpus or system."""
    for task in profile.trials:
        get_task(task)
    for corpus in profile.corpora:
        find("corpora", corpus)
    for system in profile.systems:
        parse_system(system)


def parse_corpus(text: str) -> tuple[str, Path | None]:
    """`NAME` or `NAME=FOLDER` taken apart and checked.

    Raises:
        BenchmarkError: unknown corpus, folder missing or not named.
    """
    name, _, root = text.partition("=")
    name = ALIASES.get(name, name)
    find("corpora", name)
    if not root and not name.startswith("pocket"):
        raise BenchmarkError(f"Corpus {name} is read from a folder: --corpus {name}=FOLDER.")
    if root and name.startswith("pocket"):
        raise BenchmarkError(f"--corpus {text}: {name} is made, not read; leave out ={root}.")
    if root and not Path(root).is_dir():
        raise BenchmarkError(f"--corpus {text}: no folder {root}.")
    return name, Path(root) if root else None
