"""The tables of a page: an overview, the blocks of `reporting.layout` by metric, and the spread behind the means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from markupsafe import Markup

from benchmark.registry import PREFIXES
from benchmark.reporting.html.collect import Run
from benchmark.reporting.html.figures import Spread, distribution
from benchmark.reporting.layout import Block, blocks
from benchmark.reporting.schema import SystemFacts

_FAILURES = 60


@dataclass(frozen=True)
class Overview:
    """The means over all rows of one task and corpus: a line a system, a column a metric."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Metric:
    """All blocks of one metric on one corpus. details: what the rows of the table note, a line a system."""

    title: str
    blocks: tuple[Block, ...]
    details: tuple[str, ...]

    def caption(self, block: Block) -> str:
        """What a block's title says besides the metric's."""
        return block.title.removeprefix(self.title).removeprefix(" · ").strip() or "means"


def metrics(run: Run) -> list[Metric]:
    """In the order of the run; last what systems cost."""
    if not run.table:
        return []
    found = []
    for title, own in groupby(blocks(run.table, run.differences), lambda block: _place(block.title)):
        noted = [
            f"{r.system}: {r.note}"
            for r in run.table
            if r.split == "all" and r.note and _place(f"{r.metric} · {r.task} · {r.corpus}") == title and not r.failed
        ]
        found.append(Metric(title, tuple(own), tuple(noted)))
    return found


def _place(title: str) -> str:
    """Metric · task · corpus, of whatever else a title says."""
    return " · ".join(part.removesuffix(" (partial)") for part in title.split(" · ")[:3])


def overviews(found: Sequence[Metric]) -> list[Overview]:
    """One a task and corpus, of the blocks that have a column of all rows; the paper's values stand beside ours."""
    places: dict[str, dict[str, Block]] = defaultdict(dict)
    for metric in found:
        name, _, place = metric.title.partition(" · ")
        main = next((block for block in metric.blocks if block.rows and block.heads[1].startswith("all ")), None)
        if main is not None and place:
            places[place][name] = main
    return [_overview(place, main) for place, main in places.items()]


def _overview(place: str, main: dict[str, Block]) -> Overview:
    lines: dict[tuple[str, str], dict[str, str]] = {}
    heads = []
    for name, block in main.items():
        heads.append(name)
        paper = block.heads[-1] == "paper"
        heads += [f"{name}, paper"] if paper else []
        parent = ""
        for row in block.rows:
            parent = parent if row[0].startswith("↳") else row[0]
            line = lines.setdefault((parent, row[0]), {})
            line[name] = row[1]
            line[f"{name}, paper"] = row[-1] if paper else ""
    rows = tuple((label, *(line.get(head, "") for head in heads)) for (_, label), line in lines.items())
    return Overview(place, ("system", *heads), rows)


def distributions(run: Run) -> tuple[list[tuple[str, Markup]], list[str]]:
    """([(metric, figure)], metrics whose rows are only right or wrong, of which the mean says everything)."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in run.scores:
        if score.value is not None and score.rows is None and np.isfinite(score.value):
            values[score.metric][score.system].append(score.value)
    table = {(r.metric, r.system): r for r in run.table if r.split == "all"}
    drawn, plain = [], []
    for metric in (m for m in run.record.metrics if m in values):
        if len({value for own in values[metric].values() for value in own}) <= 2:
            plain.append(metric)
            continue
        spreads = []
        for system in (s for s in run.record.systems if s in values[metric]):
            name = run.record.systems[system]
            row = table.get((metric, name)) if len(run.record.corpora) == 1 else None
            mean, low, high = (row.value, row.low, row.high) if row else (None, None, None)
            spreads.append(Spread(name, _kind(run, system), np.array(values[metric][system]), mean, low, high))
        drawn.append((metric, distribution(metric, spreads)))
    return drawn, plain


def _kind(run: Run, system: str) -> str:
    if system.partition(":")[0] in PREFIXES:
        return "control"
    learnt = run.record.facts.get(system, SystemFacts()).network is not None or run.record.given is not None
    return "network" if learnt else "fixed"


def failures(run: Run) -> tuple[list[tuple[str, str, str, str]], int]:
    """(system, metric, trial, reason) of the first failures, paths from the run folder, and how many there are."""
    failed, here = run.failed, f"{run.root.resolve()}/"
    names = run.record.systems
    shown = [(names[s.system], s.metric, s.trial, str(s.error).replace(here, "")) for s in failed[:_FAILURES]]
    return shown, len(failed)
