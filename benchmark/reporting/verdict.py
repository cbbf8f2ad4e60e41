"""A comparison as a person reads it, and as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from textwrap import fill
from typing import Any

from benchmark.reporting.changes import NATURAL, Change, direction
from benchmark.reporting.compare import Verdict
from benchmark.reporting.findings import FAILING, Finding
from benchmark.reporting.gate import ALPHA, POWER
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
    """One block for every corpus and metric with rows that moved; beside them the parts of the same system."""
    moved = {_cell(c) for c in verdict.changes if c.status not in ("same", "part")}
    shown = [c for c in verdict.changes if c.status != "same" and _cell(c) in moved]
    for task, corpus, metric in dict.fromkeys((c.task, c.corpus, c.metric) for c in shown):
        own = [c for c in shown if (c.task, c.corpus, c.metric) == (task, corpus, metric)]
        end = {1: "higher is better", -1: "lower is better", 0: "no good end is known: any change counts"}
        heads = ("status", "system", "split", "n", "A", "B", "B - A", "95 % interval", "p (Holm)", "tolerance")
        lines = [heads, *(_cells(c) for c in own)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        text = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        yield "\n".join([f"{metric} · {task} · {corpus} ({end[direction(metric)]})", *text])


def _cell(change: Change) -> tuple[str, str, str, str]:
    return change.task, change.corpus, change.metric, change.system


def _cells(change: Change) -> tuple[str, ...]:
    bounds = "none: few speakers" if change.low is None else f"[{change.low:+.4f}, {change.high:+.4f}]"
    if change.sets is not None:
        bounds = "none: whole sets"
    p = "-" if change.p is None else "<.001" if change.p < 0.001 else f"{change.p:.3f}"
    values = (f"{change.a:.4f}", f"{change.b:.4f}", f"{change.difference:+.4f}", bounds, p, f"{change.tolerance:g}")
    return (change.status, change.system, change.split, str(change.n), *values)


def _equal(verdict: Verdict) -> Iterator[str]:
    same = [c for c in verdict.changes if c.status in ("same", "part")]
    if same:
        chance = sum(c.beyond for c in same)
        largest = max((abs(c.difference) for c in same if not c.beyond), default=0.0)
        parts = [f"{len(same)} of {len(verdict.changes)} rows"]
        if len(same) > chance:
            parts.append(
                f"{len(same) - chance} within the tolerance ({f'at most {largest:.2g}' if largest else 'equal'})"
            )
        parts += [f"{chance} beyond it, but not beyond chance, or parts of other rows"] if chance else []
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
    yield (
        f"chance   {verdict.tested} rows tested together (Holm): the splits of every system and metric in which scores "
        f"moved.\n         Of 100 pairs of equal runs at most about {100 * ALPHA:g} are called worse."
    )
    losses: dict[str, list[float]] = defaultdict(list)
    for change in verdict.changes:
        if change.detectable is not None:
            losses[change.metric].append(change.detectable)
    for metric, of in losses.items():
        many = f"{min(of):.2g} to {max(of):.2g} (by system and split)" if len(of) > 1 else f"{of[0]:.2g}"
        yield f"power    {metric}: a loss of {many} is called worse in {10 * POWER:g} of 10 comparisons."


def _last(verdict: Verdict) -> str:
    """The verdict in words: what is worse and by how much, or that nothing is and what would have been seen."""
    if verdict.passed:
        better = sum(c.status == "better" for c in verdict.changes)
        return f"passed{f': {better} rows better' if better else ''}"
    told = [_told(own) for own in _by_cell(verdict.failing).values()]
    told = [*told[:SHOWN], *([f"and {len(told) - SHOWN} systems and metrics more"] if len(told) > SHOWN else [])]
    checks = Counter((f.check, f.status) for f in verdict.findings if f.status in FAILING)
    told += [f"{check}: {count} {status}" for (check, status), count in checks.items()]
    natural = {c.metric for c in verdict.failing if c.system in NATURAL}
    if natural and not verdict.reproduce:
        told.append(f"natural recordings score otherwise under {', '.join(sorted(natural))}: judge or corpus changed")
    advice = "\nIf it is meant: `compare --write GOLDEN RUN`, and say why in the commit." if verdict.reproduce else ""
    rows = Counter(c.status for c in verdict.failing)
    counts = "".join(f" {count} row{'s' if count > 1 else ''} {status};" for status, count in rows.items())
    lines = [fill(line, 120, subsequent_indent="  ", break_on_hyphens=False) for line in told]
    return "\n".join([f"FAILED:{counts}".rstrip(";") + ("." if counts else ""), *lines]) + advice


def _by_cell(changes: Iterable[Change]) -> dict[tuple[str, str, str, str], list[Change]]:
    found: dict[tuple[str, str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        found[_cell(change)].append(change)
    return found


def _told(changes: list[Change]) -> str:
    """One sentence on the rows of one system and metric, by the one that moved most."""
    most = max(changes, key=lambda c: abs(c.difference))
    chance = "" if most.p is None else f", p {'< .001' if most.p < 0.001 else f'= {most.p:.3f}'}"
    others = f" (and {len(changes) - 1} more splits)" if len(changes) > 1 else ""
    became = "not the same" if most.status == "differs" else most.status
    values = f"{most.a:.4g} -> {most.b:.4g} ({most.difference:+.2g}; allowed {most.tolerance:g}{chance})"
    return f"- {most.system} is {became} in {most.metric}, {most.split}{others}: {values}"
