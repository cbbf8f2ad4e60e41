"""Where the numbers come from: a run's record as groups of lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from benchmark.reporting.schema import RunRecord


@dataclass(frozen=True)
class Group:
    """heads: of columns, where the group is more than names and values. folded: long, shown on demand."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    heads: tuple[str, ...] = ("what", "value")
    folded: bool = False


def provenance(record: RunRecord) -> list[Group]:
    """Everything that `run.json` says, most telling first."""
    git, device = record.git, record.device
    flags = f"TF32 matmul {_on(device.tf32_matmul)}, cudnn {_on(device.tf32_cudnn)}"
    run = {
        "command": record.command,
        "status": record.status,
        "commit": f"{git.commit or 'unknown'}{' with uncommitted changes' if git.dirty else ''}",
        "repository": git.remote,
        "task, profile": ", ".join(filter(None, (record.task, record.profile))),
        "seeds": ", ".join(map(str, record.seeds)),
        "started": record.started,
        "finished": record.finished,
        "stages": ", ".join(f"{name} {seconds:,.0f} s" for name, seconds in record.timings.items()),
        "device": f"{device.count} × {device.name} ({device.kind}{f' {device.cuda}' if device.cuda else ''})",
        "numerics": f"{device.threads} threads, {flags}, cudnn benchmark {_on(device.cudnn_benchmark)}",
        "peak memory": None if record.peak_memory is None else f"{record.peak_memory / 1e9:.2f} GB",
        "machine": f"{record.host}, {record.platform}, Python {record.python}",
    }
    given = {k: v for k, v in (record.given.model_dump() if record.given else {}).items() if v is not None}
    hashes = {
        **{f"corpus {name}": sha for name, sha in record.corpus_sha256.items()},
        "trial list": record.trials_sha256,
        **{f"weights {name}": sha for name, sha in record.weights_sha256.items()},
    }
    counts = tuple(
        (name, f"{c.planned:,}", f"{c.scored:,}", f"{c.failed:,}", record.metric_notes.get(name, ""))
        for name, c in record.counts.items()
    )
    systems = tuple(
        (
            record.systems.get(name, name),
            facts.network or "none",
            f"{facts.parameters:,}" if facts.parameters else "—",
            f"{facts.train_seconds:,.0f}" if facts.train_seconds else "—",
            facts.checkpoint_sha256 or "—",
        )
        for name, facts in record.facts.items()
    )
    real = {f"{c}, {g}": f"{n:,}" for c, of in record.real_pictures.items() for g, n in of.items()}
    groups = [
        Group("Run", _pairs(run)),
        Group("Scored list", _pairs(given)),
        Group("Items", counts, ("metric", "planned", "scored", "failed", "note")),
        Group("Systems", systems, ("system", "network", "parameters", "training, s", "sha256 of the checkpoint")),
        Group("sha256", _pairs(hashes)),
        Group("Real pictures that sets are compared with", _pairs(real)),
        Group("Notes", tuple((str(i), note) for i, note in enumerate(record.notes, 1)), ("", "note")),
        Group("Packages", _pairs(record.packages), folded=True),
        Group("Settings", _pairs(_flat(record.settings)), folded=True),
    ]
    return [group for group in groups if group.rows]


def took(record: RunRecord) -> str:
    """How long the run lay between its start and its end, which may be over several sessions."""
    if record.finished is None:
        return ""
    seconds = (datetime.fromisoformat(record.finished) - datetime.fromisoformat(record.started)).total_seconds()
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _pairs(values: dict[str, object] | dict[str, str] | dict[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value)) for name, value in values.items() if value not in (None, ""))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flat(settings: dict[str, object], prefix: str = "") -> dict[str, object]:
    """One line a leaf: `profile.systems.adain_cvc.lr`."""
    found: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = "none" if value is None else value
    return found


def _on(flag: bool) -> str:
    return "on" if flag else "off"


def real_people(corpora: Iterable[str]) -> bool:
    """Whether a report may hold faces or voices of people who live: all corpora but the generated ones."""
    return any(not corpus.startswith("pocket") for corpus in corpora)
