"""A comparison as a person reads it, and as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from textwrap import fill
from typing import Any

from benchmark.reporting.changes import LEVEL, NATURAL, Change, direction
from benchmark.reporting.compare import Verdict
from benchmark.reporting.findings import FAILING, Finding
from benchmark.reporting.measured import Measured
from benchmark.reporting.statistics import MIN_CLUSTERS

SHOWN = 8
"""Lines of one kind before `and 97 more`; --json has them all."""
_QUESTION = {
    True: "B must reproduce A: a difference beyond its tolerance fails, in either direction.",
    False: "Is B worse than A? A row is where it moved the wrong way by more than its tolerance and more than chance.",
}


def as_text(verdict: Verdict) -> str:
    """Only what changed, then a line of what did not, then passed or FAILED."""
    parts = [
        f"A  {_name(verdict.a)}\nB  {_name(verdict.b)}\n{_QUESTION[verdict.reproduce]}",
        "\n".join(_findings(f for f in verdict.findings if f.status != "note")),
        *_tables(verdict),
        "\n".join([*_equal(verdict), *_findings(f for f in verdict.findings if f.status == "note")]),
        _last(verdict),
    ]
    return "\n\n".join(part for part in parts if part)


def as_json(verdict: Verdict) -> dict[str, Any]:
    """One document: the question, every finding, every row, and whether B passed."""
    return {
        "a": verdict.a.name,
        "b": verdict.b.name,
        "question": "reproduce" if verdict.reproduce else "worse",
        "passed": verdict.passed,
        "tested": verdict.tested,
        "findings": [asdict(f) for f in verdict.findings],
        "rows": [asdict(c) for c in verdict.changes],
    }


def _name(side: Measured) -> str:
    kind = "a run" if side.tolerances is None else "golden"
    return f"{side.name} ({kind}, {len(side.trials)} trials, {len(side.systems)} systems)"


def _findings(findings: Iterable[Finding]) -> Iterator[str]:
    seen: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        kind = (finding.status, finding.check)
        seen[kind] += 1
        if seen[kind] <= SHOWN:
            yield fill(
                f"{finding.status:<8} {finding.check}: {finding.text}",
                120,
                subsequent_indent=" " * 9,
                break_long_words=False,
                break_on_hyphens=False,
            )
    for (status, check), count in seen.items():
        if count > SHOWN:
            yield f"{status:<8} {check}: and {count - SHOWN} more (--json lists them)"


def _tables(verdict: Verdict) -> Iterator[str]:
    """One block for every corpus and metric with rows that moved."""
    moved = [c for c in verdict.changes if c.status != "same"]
    for task, corpus, metric in dict.fromkeys((c.task, c.corpus, c.metric) for c in moved):
        own = [c for c in moved if (c.task, c.corpus, c.metric) == (task, corpus, metric)]
        end = {1: "higher is better", -1: "lower is better", 0: "no good end is known: any change counts"}
        heads = ("status", "system", "split", "n", "A", "B", "B - A", "interval", "tolerance")
        lines = [heads, *(_cells(c) for c in own)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        text = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        yield "\n".join([f"{metric} · {task} · {corpus} ({end[direction(metric)]})", *text])


def _cells(change: Change) -> tuple[str, ...]:
    bounds = "none: few speakers" if change.low is None else f"[{change.low:+.4f}, {change.high:+.4f}]"
    if change.sets is not None:
        bounds = "none: whole sets"
    values = (f"{change.a:.4f}", f"{change.b:.4f}", f"{change.difference:+.4f}", bounds, f"{change.tolerance:g}")
    return (change.status, change.system, change.split, str(change.n), *values)


def _equal(verdict: Verdict) -> Iterator[str]:
    same = [c for c in verdict.changes if c.status == "same"]
    if same:
        chance = sum(c.beyond for c in same)
        largest = max((abs(c.difference) for c in same if not c.beyond), default=0.0)
        parts = [f"{len(same)} of {len(verdict.changes)} rows"]
        if len(same) > chance:
            parts.append(
                f"{len(same) - chance} within the tolerance ({f'at most {largest:.2g}' if largest else 'equal'})"
            )
        parts += [f"{chance} beyond it, but not beyond chance or too small to tell"] if chance else []
        yield f"same     {'; '.join(parts)}."
    if not verdict.reproduce:
        yield from _chance(verdict)


def _chance(verdict: Verdict) -> Iterator[str]:
    """What the intervals can and cannot tell."""
    if whole := dict.fromkeys(c.metric for c in verdict.changes if c.sets is not None):
        yield f"chance   {', '.join(whole)}: values of whole sets have no test, the tolerance alone decides."
    if any(c.low is None and c.split == "all" and c.sets is None for c in verdict.changes):
        yield f"chance   fewer than {MIN_CLUSTERS} speakers on a side: no interval, the tolerance alone decides."
    if not verdict.tested:
        return
    each = 100 - 100 * (1 - LEVEL) / verdict.tested
    yield (
        f"chance   {verdict.tested} rows tested together, each at {each:.5g} %: of 100 pairs of equal runs about "
        f"{50 * (1 - LEVEL):.2g} are called worse."
    )
    widths: dict[str, list[float]] = defaultdict(list)
    for change in verdict.changes:
        if change.split == "all" and not change.exact and change.low is not None and change.high is not None:
            widths[change.metric].append((change.high - change.low) / 2)
    for metric, half in widths.items():
        if max(half) > 0:
            widest = f"half widths {min(half):.2g} to {max(half):.2g}"
            yield f"power    {metric}, all trials: {widest}; a smaller change is seldom seen."


def _last(verdict: Verdict) -> str:
    if verdict.passed:
        better = sum(c.status == "better" for c in verdict.changes)
        return f"passed{f': {better} rows better' if better else ''}"
    rows = Counter(c.status for c in verdict.failing)
    checks = Counter((f.check, f.status) for f in verdict.findings if f.status in FAILING)
    told = [f"{count} row{'s' if count > 1 else ''} {status}" for status, count in rows.items()]
    told += [f"{check}: {count} {status}" for (check, status), count in checks.items()]
    natural = {c.metric for c in verdict.failing if c.system in NATURAL}
    if natural and not verdict.reproduce:
        told.append(f"natural recordings score otherwise under {', '.join(sorted(natural))}: judge or corpus changed")
    advice = "\nIf it is meant: `compare --write GOLDEN RUN`, and say why in the commit." if verdict.reproduce else ""
    return fill(f"FAILED: {'; '.join(told)}.", 120) + advice
