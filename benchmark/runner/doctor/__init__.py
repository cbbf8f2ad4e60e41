"""What is here, what is missing, and the command that mends it. Reads and measures; downloads and prepares nothing."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.runner.doctor.check import Check


@dataclass(frozen=True)
class Report:
    """`runs`: task -> whether its default run can be made now."""

    checks: tuple[Check, ...]
    runs: dict[str, bool]


def examine() -> Report:
    """Look at everything. Imports torch and the protocols, which takes seconds; no network access."""
    from benchmark.runner.doctor import machine, packages  # here, so that the report's types alone cost nothing

    first = [*packages.packages(), *machine.machine(), *machine.environment()]
    disk = machine.disk()
    from benchmark.runner.doctor import tasks

    voice = tasks.voice_check()
    corpus = tasks.pocket_check(voice, disk[0])
    states = tasks.task_states((corpus, next(check for check in disk if check.name == "results")))
    checks = [*first, *disk, voice, corpus, *tasks.weight_checks(), *(c for state in states for c in state.checks)]
    return Report(tuple(checks), {state.name: state.runs for state in states})
