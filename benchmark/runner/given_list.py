"""A trial list that somebody else made: which of its rows can be scored, under which names (DESIGN.md section 8)."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from benchmark.errors import BenchmarkError
from benchmark.runner.aliases import canonical
from benchmark.tasks import TASKS
from protocols.trial import COLUMNS, Trial, TrialFile, read_trial_file

REQUIRED = ("output", "system", "task")
_RESERVED = ("all", "same", "cross")
_EMBEDDED = "pocket_"
"""Names of rows of the embedded corpora begin so; published networks judge all others besides."""


@dataclass(frozen=True)
class GivenList:
    """Rows that are scored, each with a name of its own and its system under the canonical name.

    systems: canonical name -> the first spelling in the list, which tables show. tasks: task -> metrics of its rows, in
    the suite's order. notes: what was left out or put together, one line a thing.
    """

    rows: tuple[Trial, ...]
    systems: Mapping[str, str]
    tasks: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


def read_given(path: Path, metrics: Sequence[str] = ()) -> GivenList:
    """Read a list with the columns output, system and task, and any other columns of a trial list.

    Args:
        path: the CSV; its stem is the first part of the names of rows that have none in a column `trial`.
        metrics: metrics asked for by name, which then judge the rows of every task; else each task has its own, with
            those of published networks for rows that are not of an embedded corpus.

    Raises:
        BenchmarkError: as `read_trial_file`; a row without system or task; two rows of a system with one name or
            one output for one pair; a split that is called as the tables call a stratum; no row that can be scored.
    """
    file = read_trial_file(path, REQUIRED)
    counts = Counter(trial.task for trial in file.rows.values())
    strangers = {trial.task for trial in file.rows.values() if not trial.trial.startswith(_EMBEDDED)}
    scored = {
        name: tuple(metrics) or task.metrics + (task.published if name in strangers else ())
        for name, task in TASKS.items()
        if name in counts
    }
    left_out = [_left_out(task, n) for task, n in counts.items() if task not in scored]
    kept: list[Trial] = []
    lines: dict[tuple[str, str], int] = {}
    pairs: dict[tuple[str, str, str, str, str], int] = {}
    spellings: dict[str, dict[str, None]] = {}
    for line, trial in file.rows.items():
        _check(trial, f"{path}:{line}")
        if trial.task not in scored:
            continue
        written = " ".join(trial.system.split())
        row = replace(trial, system=canonical(written), trial=trial.trial or f"{path.stem}-{line:04d}")
        first = lines.setdefault((row.system, row.trial), line)
        if first != line:
            raise BenchmarkError(
                f"{path}: lines {first} and {line} are both trial {row.trial!r} of {written}. A system has one row a "
                f"trial."
            )
        same = pairs.setdefault((row.system, row.task, row.output, row.source, row.reference), line)
        if same != line:
            raise BenchmarkError(
                f"{path}: lines {same} and {line} are the same output of {written} for the same source and reference. "
                f"Remove one: an item counted twice moves the mean."
            )
        spellings.setdefault(row.system, {})[written] = None
        kept.append(row)
    if not kept:
        raise BenchmarkError(f"{path}: no row can be scored. {' '.join(left_out)} Tasks: {', '.join(TASKS)}.")
    merged = [f"{' and '.join(map(repr, names))} are one system." for names in spellings.values() if len(names) > 1]
    return GivenList(
        tuple(kept),
        {name: next(iter(written)) for name, written in spellings.items()},
        scored,
        (*left_out, *merged, *_misspelt(file), *_not_speakers(kept), *_other_words(kept)),
    )


def _check(trial: Trial, where: str) -> None:
    for column in ("system", "task"):
        if not getattr(trial, column):
            raise BenchmarkError(f"{where}: the cell of column {column} is empty.")
    if trial.split in _RESERVED or "/" in trial.split:
        raise BenchmarkError(
            f"{where}: a split cannot be called {trial.split!r}: tables call a stratum so. Give it another name."
        )


def _left_out(task: str, n: int) -> str:
    rows = f"{n} row{'s' if n > 1 else ''} of {task}"
    near = difflib.get_close_matches(task, TASKS, n=1, cutoff=0.8)
    return f"{rows} left out: no task of the suite{f' (did you mean {near[0]}?)' if near else ''}."


def _not_speakers(rows: Sequence[Trial]) -> list[str]:
    """A word on ids that name recordings: intervals would take every recording for a speaker."""
    found = []
    for column, path in (("source_id", "source"), ("target_id", "reference")):
        named = [i for row in rows if (i := getattr(row, column)) and i == PurePosixPath(getattr(row, path)).stem]
        if named:
            found.append(
                f"{column} of {len(named)} rows is the name of its {path} ({named[0]}). Where that is no speaker, "
                "intervals are too narrow: every recording counts as a speaker of its own."
            )
    return found


def _other_words(rows: Sequence[Trial]) -> list[str]:
    """A word on rows whose words and intonation are not those of their output."""
    systems = dict.fromkeys(row.system for row in rows if row.content)
    if not systems:
        return []
    return [f"WER and f0_corr of {', '.join(systems)} judge the files of column content, and not the outputs."]


def _misspelt(file: TrialFile) -> list[str]:
    """A word on every column that is not read and looks like one that would be."""
    pairs = [(name, difflib.get_close_matches(name.casefold(), COLUMNS, n=1, cutoff=0.8)) for name in file.ignored]
    return [f"Column {name!r} is not read; did you mean {near[0]!r}?" for name, near in pairs if near]
