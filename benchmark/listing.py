"""What `list` shows. Only counting parameters loads torch."""

from __future__ import annotations

from typing import Any

from benchmark.registry import ALIASES, FAMILIES, entries
from benchmark.settings import PROFILES, load_profile
from benchmark.tasks import TASKS

Rows = list[dict[str, Any]]
KINDS = ("tasks", "systems", "corpora", "metrics", "upstream", "vocoders", "profiles")


def rows(what: str, profile: str | None = None) -> Rows:
    """One row per name of a kind: one of KINDS."""
    if what == "tasks":
        return [
            {"name": t.name, "runs": bool(t.systems), "metrics": list(t.metrics), "what": t.summary}
            for t in TASKS.values()
        ]
    if what == "systems":
        return _systems(profile)
    if what == "profiles":
        return [{"name": name, "what": _first_comment(name)} for name in PROFILES]
    group: Any = "protocols" if what == "metrics" else what
    families = {f"{prefix}...": entry for prefix, entry in FAMILIES.items()} if what == "metrics" else {}
    rows = [{"name": name, "what": entry.summary} for name, entry in {**entries(group), **families}.items()]
    short = ALIASES if what == "corpora" else {}
    return [{"name": name, "what": f"short for {meant}"} for name, meant in short.items()] + rows


def _first_comment(profile: str) -> str:
    from importlib import resources

    text = (resources.files("benchmark") / "profiles" / f"{profile}.toml").read_text(encoding="utf-8")
    return text.splitlines()[0].removeprefix("# ")


def _systems(profile: str | None) -> Rows:
    found: Rows = []
    for base, entry in entries("systems").items():
        for name in (base, *(f"{base}:{variant}" for variant in entry.variants)):
            row: dict[str, Any] = {"name": name, "kind": entry.kind, "tasks": list(entry.tasks), "what": entry.summary}
            if profile is not None:
                from benchmark.runner.systems import parameters

                row["parameters"] = parameters(name, load_profile(profile))
            found.append(row)
    return found
