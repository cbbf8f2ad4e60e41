"""Media + trial rows -> scores.jsonl: every protocol judges what it has not judged yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmark import weights
from benchmark.errors import MissingWeights
from benchmark.registry import find
from benchmark.reporting.schema import Count
from benchmark.reporting.store import Key, ScoreLog
from protocols.protocol import RealPictures
from protocols.trial import Score, Trial

Judges = Callable[[str, Trial], bool]
"""Whether a metric judges a row."""
_CHUNK = 32


def _judges_all(metric: str, row: Trial) -> bool:
    return True


def usable(metrics: Sequence[str], asked: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """(metric -> protocol of it alone, metric -> why it is left out and the command that mends it).

    Weights are downloaded only for metrics that were `asked` for by name.

    Raises:
        MissingWeights: weights of such a metric are not to be had.
    """
    protocols: dict[str, Any] = {}
    notes: dict[str, str] = {}
    for metric in metrics:
        entry = find("protocols", metric)
        protocol = entry.load()(*entry.arguments)
        try:
            for name in protocol.weights:
                if asked:
                    weights.get(name)
                elif weights.find(name) is None:
                    raise MissingWeights(f"{name} is absent. Get it with: python -m benchmark weights get {name}")
        except MissingWeights as error:
            if asked:
                raise
            notes[metric] = str(error)
        else:
            protocols[metric] = protocol
    return protocols, notes


def judges_sha256(protocols: Mapping[str, Any]) -> dict[str, str]:
    """What judged, for run.json: weights by their names in weights.toml, and the files of a judge given by its path."""
    found = {name: weights.sha256(name) for protocol in protocols.values() for name in protocol.weights}
    for metric, protocol in protocols.items():
        found |= {f"{metric} {part}": digest for part, digest in getattr(protocol, "own_sha256", {}).items()}
    return found


def together(
    protocols: Mapping[str, Any], real: Sequence[RealPictures], own_judge: Path | None = None
) -> dict[str, Any]:
    """The same, with one object for all metrics of a class whose metrics share a pass over the media
    (`protocols.protocol.Together`), which is told the real sets where it compares with them, and the file of the run's
    own judge where it asks one."""
    found, shared = dict(protocols), [m for m, p in protocols.items() if hasattr(p, "planned")]
    for target in dict.fromkeys(find("protocols", metric).target for metric in shared):
        entries = {m: e for m in shared if (e := find("protocols", m)).target == target}
        one = next(iter(entries.values())).load()(*(argument for e in entries.values() for argument in e.arguments))
        if hasattr(one, "compare_with"):
            one.compare_with(real)
        found |= dict.fromkeys(entries, one)
    for protocol in _objects(found).values():
        if hasattr(protocol, "ask_own"):
            protocol.ask_own(own_judge)
    return found


def remarks(protocols: Mapping[str, Any], rows: Sequence[Trial], judges: Judges = _judges_all) -> list[str]:
    """What protocols have to say of a list as a whole, where they have a `remarks(trials)`; one line a thing."""
    said: list[str] = []
    for metrics, protocol in _objects(protocols).items():
        if hasattr(protocol, "remarks"):
            said += protocol.remarks([row for row in rows if any(judges(metric, row) for metric in metrics)])
    return said


def score(
    protocols: Mapping[str, Any],
    rows: Sequence[Trial],
    failures: Mapping[tuple[str, str], str],
    root: Path,
    log: ScoreLog,
    judges: Judges = _judges_all,
) -> dict[str, Count]:
    """Judge every row, into the log as it goes, so that a killed run goes on where it was: metrics of rows a chunk at a
    time, those that are computed together a system at a time.

    Args:
        protocols: metric -> protocol, as `usable` or `together` gives them.
        rows: trials with `system` and `output`.
        failures: (system, trial) -> why there is no output; such a row is failed under every metric.
        root: folder of the rows' paths.
        log: where scores are kept.
        judges: whether a metric judges a row.

    Returns:
        metric -> scores planned, there, failed.
    """
    counts = {}
    for metrics, protocol in _objects(protocols).items():
        every = {metric: [row for row in rows if judges(metric, row)] for metric in metrics}
        for metric, own in every.items():
            _lose(metric, own, failures, log)
        good = {m: [row for row in own if (row.system, row.trial) not in failures] for m, own in every.items()}
        if hasattr(protocol, "planned"):
            _by_system(protocol, every, good, root, log)
            planned = {metric: sum(key[2] == metric for key in _plan(protocol, every)) for metric in metrics}
        else:
            planned = {metric: len(every[metric]) for metric in metrics}
            for metric, own in good.items():
                _by_row(metric, protocol, own, root, log)
        for metric in metrics:
            judged = [s for s in log.read() if s.metric == metric]
            failed = sum(s.error is not None for s in judged)
            counts[metric] = Count(planned=planned[metric], scored=len(judged) - failed, failed=failed)
    return {metric: counts[metric] for metric in protocols}


def _objects(protocols: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """The metrics of each object -> the object."""
    found: dict[int, list[str]] = {}
    for metric, protocol in protocols.items():
        found.setdefault(id(protocol), []).append(metric)
    return {tuple(metrics): protocols[metrics[0]] for metrics in found.values()}


def _lose(metric: str, rows: Sequence[Trial], failures: Mapping[tuple[str, str], str], log: ScoreLog) -> None:
    """Enter the rows without an output as failed."""
    done = log.done()
    lost = [(key, row) for row in rows if (key := (row.system, row.trial)) in failures]
    log.append(
        Score(r.system, r.trial, metric, error=failures[key])
        for key, r in lost
        if (r.system, r.trial, metric) not in done
    )


def _by_row(metric: str, protocol: Any, rows: Sequence[Trial], root: Path, log: ScoreLog) -> None:
    done = {(system, trial) for system, trial, key in log.done() if key == metric}
    left = [row for row in rows if (row.system, row.trial) not in done]
    chunk: list[Score] = []
    for found in tqdm(protocol.score(left, root), metric, len(left), disable=None, leave=False):
        chunk.append(found)
        if len(chunk) == _CHUNK:
            log.append(chunk)
            chunk = []
    log.append(chunk)


def _by_system(
    protocol: Any, every: Mapping[str, Sequence[Trial]], good: Mapping[str, Sequence[Trial]], root: Path, log: ScoreLog
) -> None:
    """All rows of a system or none: values of sets need their rows together.

    `every`: metric -> rows it judges; `good`: those of them with an output. The others go along without one, because
    what a source counts in a mean is its share of the list, whatever failed.

    What was there of a system that is not whole, or of which something failed that may have been mended, is dropped: a
    set's score stands under its first row that can be read, which may be another one by now.
    """
    judged = {(row.system, row.trial, metric) for metric, own in good.items() for row in own}
    for system in dict.fromkeys(row.system for own in good.values() for row in own):
        of = {metric: [row for row in own if row.system == system] for metric, own in good.items()}
        mine = {key for key in judged if key[0] == system}
        failed = {(s.system, s.trial, s.metric) for s in log.read() if s.error is not None}
        if not _plan(protocol, of) <= log.done() or mine & failed:
            there = {row.trial for own in of.values() for row in own}
            rows = {row.trial: row for own in every.values() for row in own if row.system == system}
            given = [row if row.trial in there else replace(row, output="") for row in rows.values()]
            log.replace(mine, [s for s in protocol.score(given, root) if (s.system, s.trial, s.metric) in mine])


def _plan(protocol: Any, rows: Mapping[str, Sequence[Trial]]) -> set[Key]:
    """What `protocol` gives of these rows if every output can be read; `rows`: metric -> rows it judges."""
    return {
        (system, trial, metric)
        for metric, own in rows.items()
        for (system, key), names in protocol.planned(own).items()
        for trial in names
        if key == metric
    }
