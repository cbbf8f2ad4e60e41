"""What each task can run and score now, the weights behind its metrics, and the voice of the embedded corpus."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmark import weights
from benchmark.corpora.prepared import cache_root
from benchmark.errors import BenchmarkError
from benchmark.registry import entries, find, parse_system
from benchmark.runner.doctor.check import Check, State, brief
from benchmark.runner.score import usable
from benchmark.runner.shipped import find_shipped
from benchmark.tasks import TASKS, Task


def mends(name: str) -> str:
    """The command for a file that is absent or not the published one."""
    (row,) = weights.status([name])
    if row["problem"] is None or weights.entry(name).package is not None:
        return weights.remedy(name)
    return f"rm -r {shlex.quote(str(row['path']))} && {weights.remedy(name)}"


@cache
def _needs(metric: str) -> Sequence[str]:
    """Weights that a metric is computed with.

    Raises:
        BenchmarkError: its code cannot be imported.
    """
    entry = find("protocols", metric)
    names: Sequence[str] = entry.load()(*entry.arguments).weights
    return names


def users() -> Mapping[str, Sequence[str]]:
    """Weights -> metrics that are computed with them; a metric whose code cannot be loaded is not among them."""
    found: dict[str, list[str]] = {}
    for metric in entries("protocols"):
        try:
            for name in _needs(metric):
                found.setdefault(name, []).append(metric)
        except BenchmarkError:
            continue  # `metric_check` says so
    return found


def weight_checks() -> list[Check]:
    """Every entry of weights.toml: where it was found, whether it is verified, which metrics it is for."""
    used, checks = users(), []
    for row in weights.status():
        name = str(row["name"])
        purpose = f"For {', '.join(used[name])}." if name in used else f"{row['note']} No listed metric uses it."
        if row["problem"] is not None:
            what = f"{brief(Path(str(row['path'])))} {row['problem']}. {purpose}"
            checks.append(Check("weights", name, "wrong", what, mends(name)))
        elif row["present"]:
            sure = "Verified" if row["verified"] else "Not verified (no sha256 is published)"
            package = weights.entry(name).package
            where = f"in the package {package}" if package else brief(Path(str(row["path"])))
            checks.append(Check("weights", name, "ok", f"{sure}, {where}. {purpose}"))
        elif name in used:
            checks.append(Check("weights", name, "missing", f"Absent. {purpose}", mends(name)))
        else:
            checks.append(Check("weights", name, "-", f"Absent. {purpose}"))
    return checks


def voice_check() -> Check:
    """Whether libespeak-ng speaks here, in one word."""
    try:
        from benchmark.corpora.pocket.espeak import RATE, speak  # here: the package may be what is missing

        samples = speak("hello", "en", 160, 50, 50)
    except (BenchmarkError, ImportError) as error:
        return Check("corpus", "espeak", "missing", str(error), "uv sync --reinstall-package espeakng-loader")
    return Check("corpus", "espeak", "ok", f"libespeak-ng speaks ({len(samples) / RATE:.2f} s of sound)")


def pocket_check(voice: Check, cache: Check) -> Check:
    """Whether the embedded corpus is here or can be made."""
    stores = sorted((cache_root() / "store").glob("pocket_av-*/store.json"))
    if stores:
        return Check("corpus", "pocket", "ok", f"prepared: {', '.join(brief(path.parent) for path in stores)}")
    state: State = "ok" if voice.state == cache.state == "ok" else "missing"
    mend = "" if state == "ok" else "mend espeak and the cache above"
    return Check("corpus", "pocket", state, "not prepared yet; the first run makes it, in a minute or two", mend)


def metric_check(section: str, metric: str) -> Check:
    """Asks what `run` asks before it scores."""
    name = f"metric {metric}"
    try:
        _, notes = usable([metric], asked=False)
        needs = [row for row in weights.status(_needs(metric)) if not row["present"]]
    except BenchmarkError as error:
        wrong = [str(r["name"]) for r in weights.status(_loaded(metric)) if r["problem"] is not None]
        return Check(section, name, "wrong", str(error), " && ".join(map(mends, wrong)) or "uv sync")
    if metric in notes:
        what = f"absent: {', '.join(str(row['name']) for row in needs)}"
        return Check(section, name, "missing", what, " && ".join(mends(str(row["name"])) for row in needs))
    return Check(section, name, "ok", find("protocols", metric).summary)


def _loaded(metric: str) -> Sequence[str]:
    try:
        return _needs(metric)
    except BenchmarkError:
        return ()


def system_check(section: str, system: str) -> Check:
    """Whether its code can be imported, and whether it is shipped trained; a run trains it otherwise."""
    name = f"system {system}"
    try:
        entry = find("systems", parse_system(system).base)
        entry.load()
    except BenchmarkError as error:
        return Check(section, name, "wrong", str(error), "uv sync")
    try:
        shipped = find_shipped(parse_system(system).at_home.network)
    except BenchmarkError as error:
        return Check(section, name, "wrong", str(error))
    trained = f" (shipped as trained for {shipped.training['steps']} steps at {shipped.profile})" if shipped else ""
    return Check(section, name, "ok", entry.summary + trained)


@dataclass(frozen=True)
class TaskState:
    """`runs`: a default run gives a table, if perhaps one that lacks a metric or a system."""

    name: str
    runs: bool
    checks: tuple[Check, ...]


def task_state(task: Task, room: Sequence[Check]) -> TaskState:
    """`room`: what every run needs besides: the corpus, a folder for results."""
    section = f"task {task.name}"
    if not task.systems:
        return TaskState(
            task.name,
            False,
            (Check(section, "default run", "-", "it has no systems by default; name them with --systems"),),
        )
    systems = [system_check(section, system) for system in task.systems]
    metrics = [metric_check(section, metric) for metric in task.metrics]
    some = all(any(check.state == "ok" for check in group) for group in (systems, metrics))
    runs = some and all(check.state == "ok" for check in room)
    command = f"python -m benchmark run --task {task.name}"
    first = (
        Check(section, "default run", "ok", command)
        if runs
        else Check(section, "default run", "missing", command, "mend what is marked above and below")
    )
    return TaskState(task.name, runs, (first, *_joined(section, systems), *metrics))


def _joined(section: str, checks: Sequence[Check]) -> list[Check]:
    """What runs takes one line together."""
    good = [check.name.removeprefix("system ") for check in checks if check.state == "ok"]
    together = [Check(section, f"systems ({len(good)})", "ok", ", ".join(good))] if good else []
    return together + [check for check in checks if check.state != "ok"]


def task_states(room: Sequence[Check]) -> list[TaskState]:
    return [task_state(task, room) for task in TASKS.values()]
