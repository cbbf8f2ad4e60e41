"""Media + trial rows -> scores.jsonl: every protocol judges what it has not judged yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmark import weights
from benchmark.errors import MissingWeights
from benchmark.registry import find
from benchmark.reporting.schema import Count
from benchmark.reporting.store import ScoreLog
from protocols.trial import Score, Trial

_CHUNK = 32


def usable(metrics: Sequence[str], asked: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """(metric -> protocol, metric -> why it is left out and the command that mends it).

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


def remarks(protocols: Mapping[str, Any], rows: Sequence[Trial]) -> list[str]:
    """What protocols have to say of a list as a whole, where they have a `remarks(trials)`; one line a thing."""
    return [line for p in protocols.values() if hasattr(p, "remarks") for line in p.remarks(rows)]


def score(
    protocols: Mapping[str, Any],
    rows: Sequence[Trial],
    failures: Mapping[tuple[str, str], str],
    root: Path,
    log: ScoreLog,
) -> dict[str, Count]:
    """Judge every row, a chunk at a time into the log, so that a killed run goes on where it was.

    Args:
        protocols: metric -> protocol.
        rows: trials with `system` and `output`.
        failures: (system, trial) -> why there is no output; such a row is failed under every metric.
        root: folder of the rows' paths.
        log: where scores are kept.

    Returns:
        metric -> rows planned, scored, failed.
    """
    counts = {}
    for metric, protocol in protocols.items():
        done = {(system, trial) for system, trial, key in log.done() if key == metric}
        left = [row for row in rows if (row.system, row.trial) not in done]
        lost = [row for row in left if (row.system, row.trial) in failures]
        log.append(Score(r.system, r.trial, metric, error=failures[r.system, r.trial]) for r in lost)
        left = [row for row in left if (row.system, row.trial) not in failures]
        chunk: list[Score] = []
        for found in tqdm(protocol.score(left, root), metric, len(left), disable=None, leave=False):
            chunk.append(found)
            if len(chunk) == _CHUNK:
                log.append(chunk)
                chunk = []
        log.append(chunk)
        judged = [s for s in log.read() if s.metric == metric]
        failed = sum(s.error is not None for s in judged)
        counts[metric] = Count(planned=len(rows), scored=len(judged) - failed, failed=failed)
    return counts
