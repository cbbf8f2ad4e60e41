"""What `compare` checks besides the values: trials, rows, items, a run's own account of itself, and frozen facts."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.reporting.measured import Key, Measured, Subject
from benchmark.reporting.statistics import mean_interval
from benchmark.reporting.strata import target
from protocols.trial import COLUMNS, Score, Trial

EXACT = 1e-9
"""A table is made of its own scores in float64: what differs by more was not."""
Status = Literal["missing", "wrong", "worse", "differs", "better", "new", "note"]
FAILING: frozenset[Status] = frozenset({"missing", "wrong", "worse", "differs"})


@dataclass(frozen=True)
class Finding:
    """One thing that a person should read, beside the table of values.

    missing: A has it and B has not. wrong: B contradicts itself. worse: B fails where A did not. differs: the two
    cannot be compared, or a network of a metric is another one. better, new, note: information.
    """

    status: Status
    check: str
    text: str
    names: tuple[str, ...] = ()


def same_trials(a: Measured, b: Measured) -> list[Finding]:
    """Scores are paired by the frozen row they judge: any other list is not comparable, however it is sorted.

    `output` is no part of the row: it says where a system's file lies. Of rows that name their system, those of systems
    that one side lacks are no matter here: `same_rows` tells of such systems, and the others can be compared.
    """
    if set(a.tasks).isdisjoint(b.tasks):
        text = f"not comparable: A is of {', '.join(a.tasks)}, B of {', '.join(b.tasks)}"
        return [Finding("differs", "trials", text)]
    first, second = (
        {(t.system, t.trial): t for t in side.trials if t.system in ("", *other.systems)}
        for side, other in ((a, b), (b, a))
    )
    found = []
    for status, what, names in (
        ("missing", "trials of A are not in B", [n for _, n in (k for k in first if k not in second)]),
        ("differs", "trials of B are not in A", [n for _, n in (k for k in second if k not in first)]),
    ):
        if names:
            text = f"not comparable: {len(names)} {what}: {named(names)}"
            found.append(Finding(status, "trials", text, tuple(names)))  # type: ignore[arg-type]
    for column in COLUMNS[1:]:
        pairs = [(first[k], second[k]) for k in first if k in second]
        other = [(t, u) for t, u in pairs if getattr(t, column) != getattr(u, column)]
        if other:
            t, u = other[0]
            example = f"{t.trial} has {getattr(u, column)!r}, A has {getattr(t, column)!r}"
            text = f"not comparable: {len(other)} of {len(pairs)} trials have another {column} ({example})"
            found.append(Finding("differs", "trials", text, tuple(t.trial for t, _ in other)))
    return found


def same_rows(a: Measured, b: Measured) -> list[Finding]:
    """Every corpus, metric and system of A's table stands in B's; what is new there is said."""
    found: list[Finding] = []
    for status, here, there in (("missing", a, b), ("new", b, a)):
        left = set(here.rows) - set(there.rows)
        for word, place in (("task", 0), ("corpus", 1), ("metric", 2), ("system", 3)):
            gone = {key[place] for key in left} - {key[place] for key in there.rows}
            rows = [key for key in left if key[place] in gone]
            found += [Finding(status, "rows", f"{word} {name}: all rows of it") for name in sorted(gone)]  # type: ignore[arg-type]
            left -= set(rows)
        cells: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for *cell, split in sorted(left):
            cells[tuple(cell)].append(split)
        found += [
            Finding(status, "rows", f"{' '.join(name)}: row {', '.join(splits)}")  # type: ignore[arg-type]
            for name, splits in cells.items()
        ]
    return found


def same_items(a: Measured, b: Measured) -> list[Finding]:
    """Every item that A judged stands in B, with a value where A has one; what failed or is not there is named."""
    found = []
    shared = [subject for subject in a.subjects() if subject in set(b.subjects())]
    known, judged = ({metric for metric, system in shared if run.scores.get((metric, system))} for run in (a, b))
    for metric in dict.fromkeys(metric for metric, _ in shared if metric in known - judged):
        why = "Were its weights absent? Its table and `python -m benchmark weights list` say."
        found.append(Finding("missing", "items", f"{metric}: B has no score of it. {why}"))
    for metric, system in [subject for subject in shared if subject[0] in judged]:
        ours, theirs = a.scores.get((metric, system), {}), b.scores.get((metric, system), {})
        good = [name for name, score in ours.items() if score.value is not None]
        absent = tuple(name for name in ours if name not in theirs)
        failed = tuple(name for name in good if name in theirs and theirs[name].value is None)
        mended = tuple(n for n, s in ours.items() if s.value is None and n in theirs and theirs[n].value is not None)
        unlike = tuple(n for n in good if n in theirs and theirs[n].weight != ours[n].weight)
        where = f"{metric} {system}"
        if absent:
            text = f"{where}: {len(absent)} of {len(ours)} items have neither score nor error: {named(absent)}"
            found.append(Finding("missing", "items", text, absent))
        if failed:
            text = f"{where}: {len(failed)} of {len(good)} items failed: {named(failed)} ({theirs[failed[0]].error})"
            found.append(Finding("worse", "items", text, failed))
        if mended:
            text = f"{where}: {len(mended)} items that failed have a value: {named(mended)}"
            found.append(Finding("better", "items", text, mended))
        if unlike:
            text = f"{where}: {len(unlike)} items have another weight in the mean: {named(unlike)}"
            found.append(Finding("differs", "items", text, unlike))
    return found


def own_account(run: Measured) -> list[Finding]:
    """A run's table is what its scores and its trial list give, its counts and its list's hash are true.

    Means, counts and strata are made here a second time, in other words than `tables` makes them.
    """
    broken = [
        Finding("wrong", "scores", f"{metric} {system}: the score of {s.trial} is {s.value}, which is no number")
        for (metric, system), of in run.scores.items()
        for s in of.values()
        if (s.value is None) == (s.error is None) or (s.value is not None and not math.isfinite(s.value))
    ]
    return [*broken, *_counts(run), *_list_hash(run), *([] if broken else _recount(run))]


def other_protocols(a: Measured, b: Measured) -> dict[str, Finding]:
    """Metrics that the two computed by other versions of their protocols: numbers that never stand in one table."""
    versions = {m: (a.protocol_version(m), b.protocol_version(m)) for m in a.metrics if m in b.metrics}
    return {
        metric: Finding(
            "differs",
            "protocols",
            f"{metric}: not comparable: protocol version {ours} in A, {theirs} in B. Score the older outputs again.",
            (metric,),
        )
        for metric, (ours, theirs) in versions.items()
        if ours != theirs
    }


def facts(a: Measured, b: Measured) -> list[Finding]:
    """Hashes and versions that differ. A metric's network under one name with other weights is another metric, and so
    is one whose products are rounded otherwise."""
    found = _numerics(a, b)
    for group in dict.fromkeys(g for g in (*a.facts, *b.facts) if g not in ("protocols", "numerics")):
        ours, theirs = a.facts.get(group, {}), b.facts.get(group, {})
        changed = [n for n in ours if n in theirs and ours[n] != theirs[n]]
        if group == "weights":
            found += [
                Finding(
                    "differs",
                    "facts",
                    f"the weights {n} of a metric are others (sha256 {ours[n][:12]} in A, {theirs[n][:12]} in B): "
                    f"other weights need another metric key",
                )
                for n in changed
            ]
            continue
        apart = [f"{n} {_short(ours[n])} -> {_short(theirs[n])}" for n in changed]
        apart += [f"{n} only in A" for n in ours if n not in theirs] + [
            f"{n} only in B" for n in theirs if n not in ours
        ]
        if apart:
            found.append(Finding("note", "facts", f"{group}: {named(apart)}", tuple(apart)))
    return found


def _numerics(a: Measured, b: Measured) -> list[Finding]:
    """Switches of a GPU's arithmetic. Of a golden file from before they were noted, TensorFloat-32 in products of
    matrices is known to have been off, as it is unless somebody switches it on."""
    ours, theirs = ({"tf32_matmul": "off", **side.facts.get("numerics", {})} for side in (a, b))
    found = []
    for flag in [f for f in ours if f in theirs and ours[f] != theirs[f]]:
        text = f"{flag} is {ours[flag]} in A and {theirs[flag]} in B"
        if flag.startswith("tf32"):
            found.append(Finding("differs", "facts", f"{text}: with it a GPU keeps ten bits of what it multiplies"))
        else:
            found.append(Finding("note", "facts", text))
    return found


def mean_of(pairs: Iterable[tuple[Trial, Score]]) -> tuple[list[float], list[float] | None, list[str], list[str]]:
    """Values, weights (None where no score has one), source ids, target ids."""
    rows = [(t, s) for t, s in pairs if s.value is not None]
    weighted = any(s.weight is not None for _, s in rows)
    return (
        [s.value for _, s in rows if s.value is not None],
        [1.0 if s.weight is None else s.weight for _, s in rows] if weighted else None,
        [t.source_id for t, _ in rows],
        [target(t) for t, _ in rows],
    )


def named(names: Iterable[str], limit: int = 4) -> str:
    """`a, b, c, d and 12 more`."""
    every = list(names)
    return ", ".join(every[:limit]) + (f" and {len(every) - limit} more" if len(every) > limit else "")


def number(value: object) -> str:
    """A cell of a table in six digits, `None` where it is empty."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _counts(run: Measured) -> Iterator[Finding]:
    for metric, count in run.counts.items():
        judged = [s for (m, _), of in run.scores.items() if m == metric for s in of.values()]
        failed = sum(s.error is not None for s in judged)
        for word, told, got in (("scored", count.scored, len(judged) - failed), ("failed", count.failed, failed)):
            if told != got:
                yield Finding("wrong", "counts", f"{metric}: run.json says {told} {word}, the scores are {got}")


def _list_hash(run: Measured) -> Iterator[Finding]:
    told, got = run.facts.get("trial list", {}).get("sha256"), run.list_sha256
    if None not in (got, told) and told != got:
        text = f"the trial list is not the one of the run (sha256 {str(got)[:12]}, the run's {str(told)[:12]})"
        yield Finding("wrong", "trials", text)


def _recount(run: Measured) -> Iterator[Finding]:
    expected: dict[Key, Mapping[str, object]] = {}
    needed = run.groups()
    for (task, corpus, split), trials in run.groups(repeated=True).items():
        for metric in run.tasks.get(task, ()):
            for system in run.systems:
                key = (task, corpus, metric, system, split)
                own = [t for t in trials if t.system in ("", system)]
                if own and (key in run.rows or (task, corpus, split) in needed):
                    expected[key] = _row(run, (metric, system), own)
    for key in dict.fromkeys((*expected, *run.rows)):
        where = " ".join(key)
        if key not in run.rows:
            yield Finding("wrong", "recount", f"{where}: the table has no such row, the trials have")
        elif key not in expected:
            yield Finding("wrong", "recount", f"{where}: a row of the table that no trial belongs to")
        else:
            row = run.rows[key].model_dump()
            off = [
                f"{n} {number(row[n])} (scores give {number(v)})"
                for n, v in expected[key].items()
                if not _equal(v, row[n])
            ]
            if off:
                yield Finding("wrong", "recount", f"{where}: the table says {', '.join(off)}")


def _row(run: Measured, subject: Subject, trials: list[Trial]) -> dict[str, object]:
    """n, failed, value, low and high of one row, from its trials and their scores."""
    pairs = [(t, s) for t in trials if (s := run.scores.get(subject, {}).get(t.trial)) is not None]
    if any(s.rows is not None for _, s in pairs):
        return _row_of_sets(trials, {t.trial: s for t, s in pairs})
    values, weights, sources, targets = mean_of(pairs)
    found: dict[str, object] = {"n": len(values), "failed": len(pairs) - len(values)}
    if not values:
        return {**found, "value": None, "low": None, "high": None}
    share = np.ones(len(values)) if weights is None else np.asarray(weights)
    found["value"] = math.fsum(share * np.asarray(values)) / math.fsum(share)
    if not all(sources) or not all(targets):
        return {**found, "low": None, "high": None}
    interval = mean_interval(values, sources, targets, weights=weights)
    return {**found, "low": interval.low, "high": interval.high}


def _row_of_sets(trials: list[Trial], scores: Mapping[str, Score]) -> dict[str, object]:
    """The same where a metric judges whole sets; n is counted by the rows that did not fail, not by what scores say."""
    members: dict[tuple[object, ...], list[Score | None]] = defaultdict(list)
    for t in trials:
        members[t.split, t.source_gender, t.target_gender, t.repeat].append(scores.get(t.trial))
    values, n = [], 0
    for own in members.values():
        if here := [s.value for s in own if s is not None and s.value is not None]:
            values += here
            n += len(own) - sum(s is not None and s.error is not None for s in own)
    failed = sum(s.error is not None for s in scores.values())
    return {"n": n, "failed": failed, "value": math.fsum(values) / len(values), "low": None, "high": None}


def _equal(a: object, b: object) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) <= EXACT * max(1.0, abs(a))
    return a is None and b is None


def _short(value: str) -> str:
    return value[:12] if len(value) >= 40 and " " not in value else value
