"""Systems of other packages in the default table: those that keep the contract. The others are said, and left out."""

from __future__ import annotations

import sys
from importlib import metadata

from benchmark.errors import BenchmarkError
from benchmark.registry import Entry, entries
from benchmark.tasks import TASKS


def plugged_in(task: str) -> tuple[str, ...]:
    """Names of the installed plug-in systems that do a task, in the order of their names.

    Whatever is wrong with one becomes a warning on stderr: a package that somebody else wrote must not cost the run.
    Nothing is imported where no plug-in is installed.
    """
    known = entries("systems")
    found = []
    for point in sorted(metadata.entry_points(group="benchmark.systems"), key=lambda point: point.name):
        entry = known[point.name]
        try:
            if entry.kind != "plug-in":
                raise BenchmarkError(f"{point.name} is a system of the suite, and {point.value} does not replace it")
            if task in _tasks(entry):
                found.append(point.name)
        except Exception as error:
            package = point.dist.name if point.dist else point.module
            print(f"warning: {point.name}, a plug-in of {package}, is left out: {_said(error)}", file=sys.stderr)
    return tuple(found)


def _tasks(entry: Entry) -> frozenset[str]:
    """What a plug-in does, after a look at whether it can.

    Raises:
        BenchmarkError: it cannot be loaded, is no `benchmark.system.System`, or lacks what a task of it needs.
    """
    import torch

    from benchmark.system import System

    cls = entry.load()
    if not (isinstance(cls, type) and issubclass(cls, System)):
        raise BenchmarkError(f"{entry.target} is no subclass of benchmark.system.System")
    with torch.device("meta"):
        system = cls(cls.Settings())
    for task in cls.tasks:
        if task not in TASKS:
            raise BenchmarkError(f"{entry.target} names the task {task!r}; there is no such task")
        if task not in system.inputs or task not in system.output:
            raise BenchmarkError(f"{entry.target} names no inputs or no output of {task}")
    system.phases()
    return cls.tasks


def _said(error: Exception) -> str:
    text = str(error).rstrip(".")
    return f"{text}." if isinstance(error, BenchmarkError) else f"{type(error).__name__}: {text}."
