"""One run from its plan to its table."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.media.vocoder import Vocoder
from benchmark.registry import SystemName, parse_system
from benchmark.reporting import tables
from benchmark.reporting.picture import write_sheet
from benchmark.reporting.schema import RunRecord, SystemFacts, provenance
from benchmark.reporting.store import RunFolder, ScoreLog
from benchmark.runner.corpora import open_store
from benchmark.runner.grid import crossed, write_grid
from benchmark.runner.networks import (
    Network,
    fresh,
    networks_of_others,
    published_networks,
    shipped_networks,
    trained_network,
)
from benchmark.runner.own_judge import write_own_judge
from benchmark.runner.real import real_counts, training_pictures
from benchmark.runner.retrieval import write_retrieval
from benchmark.runner.score import judges_sha256, remarks, score, together, usable
from benchmark.runner.session import noting_failure, now, peak_memory
from benchmark.runner.settings import Plan
from benchmark.runner.shelf import Shelf
from benchmark.runner.shuffling import shuffle_references
from benchmark.runner.systems import (
    build,
    check_training,
    display_name,
    is_learnt,
    small_networks,
    train_settings,
    training_folder,
)
from benchmark.runner.translate import judged, output_path, translate
from benchmark.runner.trials import draw, trial_settings
from benchmark.runner.vocoders import open_vocoders
from protocols.trial import Trial, trials_sha256, write_trials
from protocols.trial_list import TrialList


@dataclass
class _Session:
    """What the stages of one run hand on to each other. own_judge: of the first learnt system that has one. absent:
    network -> which published part of it is not to be had, or what it cannot be trained on; all its rows fail with
    these words."""

    plan: Plan
    stores: list[Store]
    timings: dict[str, float] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    facts: dict[str, SystemFacts] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    vocoders: dict[str, Vocoder] = field(default_factory=dict)
    own_judge: Path | None = None
    absent: dict[str, str] = field(default_factory=dict)

    @property
    def systems(self) -> list[SystemName]:
        """Those that are not absent."""
        return [name for name in self.plan.systems if name.network not in self.absent]

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Say what begins (on stderr) and note how long it took."""
        print(f"[{name}]", file=sys.stderr, flush=True)
        started = time.monotonic()
        yield
        self.timings[name] = round(time.monotonic() - started, 1)


def run(plan: Plan) -> Path:
    """Do or finish a run; the same plan on the same folder goes on where it stopped.

    Returns:
        The run folder, with table.{md,csv,tex,json} written.

    Raises:
        BenchmarkError: as the stages say; what was done before stays.
    """
    _help_train(plan)
    protocols, metric_notes = usable(plan.metrics, asked=bool(plan.settings.metrics))
    with RunFolder(plan.folder) as folder:
        session = _open(plan)
        record = folder.open(_record(session, metric_notes))
        with noting_failure(folder, record):
            trials = draw(plan, session.stores, folder)
            session.notes += [*trials.notes, *trials.remarks]
            _train(session)
            rows = _translate(session, trials, folder)
            real = [training_pictures(store) for store in session.stores]
            shared = together(protocols, real, session.own_judge)
            with session.stage("score"):
                counts = score(shared, rows, session.failures, folder.path, ScoreLog(folder.scores))
        session.notes += remarks(shared, rows)
        done = {
            "trials_sha256": trials_sha256(trials.trials),
            "weights_sha256": judges_sha256(protocols),
            "real_pictures": real_counts(real) if any(hasattr(p, "of_sets") for p in shared.values()) else {},
            "counts": counts,
            "facts": session.facts,
            "partial": _partial(session, trials),
            "notes": list(dict.fromkeys([*record.notes, *session.notes])),
            "timings": {n: round(record.timings.get(n, 0.0) + s, 1) for n, s in session.timings.items()},
            "peak_memory": max(record.peak_memory or 0, peak_memory()),
        }
        record = record.model_copy(update=done)
        folder.write(record)
        with noting_failure(folder, record):
            tables.remake(folder.path)
            _draw(session, record, rows, folder)
        folder.write(record.model_copy(update={"finished": now(), "status": "finished"}))
        return folder.path


def _draw(session: _Session, record: RunRecord, rows: list[Trial], folder: RunFolder) -> None:
    """Sheets of what the systems made."""
    plan = session.plan
    faces = plan.task.source == "face"
    write_sheet(folder.path / ("trials.png" if faces else "grid.png"), folder.path, record.systems, rows)
    if plan.task.pairs:
        learnt = [name for name in plan.systems if name.network in session.networks and name.prefix != "reconstructed"]
        first = learnt[0].full if learnt else rows[0].system
        write_retrieval(folder.path, record.systems[first], [row for row in rows if row.system == first])


def train_all(plan: Plan) -> dict[str, Path]:
    """Train (or find trained) every network of a run and stop: name -> checkpoint."""
    _help_train(plan)
    with RunFolder(plan.folder) as folder:
        session = _open(plan)
        record = folder.open(_record(session, {}))
        with noting_failure(folder, record):
            _train(session)
        folder.write(record.model_copy(update={"status": "finished" if record.finished else "trained"}))
        return {name: network.path for name, network in session.networks.items()}


def _help_train(plan: Plan) -> None:
    """In a process that a launcher started beside the first one (rank above 0): train with it, and end.

    Fabric, torchrun and SLURM run the whole command once a rank; the first alone owns the run folder.
    """
    if any(os.environ.get(name, "0") != "0" for name in ("LOCAL_RANK", "NODE_RANK", "RANK")):
        _train(_open(plan))
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        raise SystemExit(0)


def _open(plan: Plan) -> _Session:
    """Check all settings, then open (or make) the corpora: mistakes are told before anything long begins."""
    if plan.settings.device == "cuda" and not torch.cuda.is_available():
        raise BenchmarkError("--device cuda: torch sees no GPU here. Use --device cpu or auto.")
    absent = _absent(plan)
    trial_settings(plan)
    session = _Session(plan, [], networks=published_networks(plan), vocoders=open_vocoders(plan), absent=absent)
    with session.stage("prepare"):
        for name, root in plan.corpora:
            store = open_store(name, root, plan.profile, plan.settings.seed, plan.settings.jobs)
            session.stores.append(store)
            session.notes += [f"{name}: {note}" for note in store.meta.get("notes", [])]
            if skipped := store.meta["skipped"]:
                session.notes.append(
                    f"{name}: {len(skipped)} unreadable records left out (listed in {store.folder.name})"
                )
    there = replace(plan, systems=tuple(session.systems))
    session.networks |= shipped_networks(there, session.stores)
    session.networks |= networks_of_others(there, session.stores)
    session.notes += [network.note for network in session.networks.values()]
    session.absent |= _unfed(session)
    session.notes += _small_networks_abroad(session)
    for system in session.systems:
        if system.network not in session.networks and not is_learnt(system, plan.profile):
            build(system, plan.profile).look(session.stores)  # a control may miss what it needs in these corpora
    return session


def _small_networks_abroad(session: _Session) -> list[str]:
    """A line where systems meet corpora that are not embedded through frozen networks that know nothing else."""
    plan = session.plan
    strangers = [name for name, _ in plan.corpora if not name.startswith("pocket")]
    held = {
        display_name(system, plan.profile): ", ".join(modules)
        for system in session.systems
        if system.prefix != "shuffled_reference" and (modules := small_networks(system, plan.profile))
    }
    if not strangers or not held:
        return []
    named = "; ".join(f"{name} ({modules})" for name, modules in held.items())
    return [
        f"{', '.join(strangers)} is read through frozen networks that learnt from embedded people alone: {named}. "
        "Profile paper takes those of the papers."
    ]


def _unfed(session: _Session) -> dict[str, str]:
    """Network -> why these corpora cannot feed its training, of a default table's systems that are still to be trained.

    Raises:
        BenchmarkError: of a system that was asked for by name.
    """
    plan, found = session.plan, {}
    for name in map(parse_system, dict.fromkeys(name.network for name in session.systems)):
        if name.network in session.networks or not is_learnt(name, plan.profile):
            continue
        try:
            check_training(name, plan.profile, session.stores, plan.settings)
        except BenchmarkError as error:
            if plan.settings.systems:
                raise BenchmarkError(f"{name.network} cannot be trained here. {error}") from error
            found[name.network] = f"{name.network} cannot be trained here. {error}"
            print(f"warning: {found[name.network]}", file=sys.stderr)
    return found


def _absent(plan: Plan) -> dict[str, str]:
    """Network -> why it cannot be had, of a default table's learnt systems; their settings are checked on the way.

    Raises:
        BenchmarkError: settings that are wrong; a corpus in the name of what is not trained.
        MissingWeights: of a system that was asked for by name.
    """
    absent = {}
    for name in map(parse_system, dict.fromkeys(name.network for name in plan.systems)):
        if not is_learnt(name, plan.profile):
            if name.home:
                raise BenchmarkError(f"{name.full}: {name.at_home.full} is not trained by the suite, on any corpus.")
            continue
        train_settings(name, plan.profile, plan.settings)
        try:
            build(name, plan.profile)
        except MissingWeights as error:
            if plan.settings.systems:
                raise
            absent[name.network] = f"{name.network} cannot be had here. {error}"
            print(f"warning: {absent[name.network]}", file=sys.stderr)
    return absent


def _train(session: _Session) -> None:
    """Every distinct network once; a shuffled-reference control is its system's own network."""
    plan, options = session.plan, session.plan.settings
    with session.stage("train"):
        for name in session.systems:
            if name.network not in session.networks and is_learnt(name, plan.profile):
                print(f"training {name.network}", file=sys.stderr, flush=True)
                network = trained_network(name, plan.profile, session.stores, plan.folder, options)
                session.networks[name.network] = network


def _translate(session: _Session, trials: TrialList, folder: RunFolder) -> list[Trial]:
    """Every system's outputs; returns the rows that protocols judge, also written as outputs.csv."""
    plan, options = session.plan, session.plan.settings
    device = torch.device(
        "cuda" if options.device == "cuda" or (options.device == "auto" and torch.cuda.is_available()) else "cpu"
    )
    shelf, rows, drawn = Shelf(session.stores, trials), [], ""
    with session.stage("translate"):
        shelf.write(folder.path)
        for name in plan.systems:
            if why := session.absent.get(name.network):
                session.failures |= {(name.full, trial.trial): why for trial in trials.trials}
                rows += [replace(t, system=name.full, output=output_path(name.full, t)) for t in trials.trials]
                continue
            network = session.networks.get(name.network)
            system = fresh(name, plan, session.stores, network)
            asked = (
                shuffle_references(trials.trials, options.seed)
                if name.prefix == "shuffled_reference"
                else trials.trials
            )
            if network is not None:
                network.load(system)
                if name.prefix is None and not name.home:
                    own = write_own_judge(system, training_folder(plan.folder, name), session.stores)
                    session.own_judge = session.own_judge or own
            system.look(session.stores)
            done = translate(
                system, name.full, plan.task, asked, shelf, folder.path, options.seed, device, session.vocoders
            )
            session.failures |= {(name.full, trial): why for trial, why in done.failures.items()}
            count = sum(p.numel() for p in system.parameters())
            session.facts[name.full] = SystemFacts(
                parameters=count or None,
                network=network.origin if network else None,
                train_seconds=network.seconds if network else None,
                real_time_factor=done.real_time_factor,
                checkpoint_sha256=network.sha256 if network else None,
                vocoder=done.vocoder,
            )
            rows += [judged(system, name.full, t) for t in trials.trials]
            if network is not None and plan.task.source == "face" and system.source == "source" and not drawn:
                drawn, pairs = f"grid/{name.full}", crossed(trials.trials)
                translate(system, drawn, plan.task, pairs, shelf, folder.path, options.seed, device)
                write_grid(folder.path, drawn, display_name(name, plan.profile), pairs)
    write_trials(folder.path / "outputs.csv", rows)
    return rows


def _partial(session: _Session, trials: TrialList) -> list[str]:
    """Corpora whose trial counts were not met."""
    return [s.corpus for s in session.stores if any(n.startswith((f"{s.corpus}:", "limited")) for n in trials.notes)]


def _record(session: _Session, metric_notes: dict[str, str]) -> RunRecord:
    plan = session.plan
    # What was not trained in the folder names the run too: it must not change under a run that goes on.
    given = {"networks": {name: str(network) for name, network in session.networks.items()}} if session.networks else {}
    return RunRecord(
        command=shlex.join(["python", "-m", "benchmark", *sys.argv[1:]]),
        task=plan.task.name,
        profile=plan.profile.name,
        systems={n.full: display_name(n, plan.profile) for n in plan.systems},
        corpora=[name for name, _ in plan.corpora],
        metrics=list(plan.metrics),
        seeds=[plan.settings.seed + repeat for repeat in range(plan.settings.n_seeds)],
        settings={**plan.resolved, **given},
        corpus_sha256={store.corpus: store.sha256 for store in session.stores},
        metric_notes=metric_notes,
        notes=session.notes,
        started=now(),
        **provenance("cuda" if torch.cuda.is_available() and plan.settings.device != "cpu" else "cpu"),
    )
