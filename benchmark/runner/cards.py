"""Cards of the systems and corpora, made of what they say of themselves: docs/cards/{systems,corpora}.md.

    python -m benchmark.runner.cards docs/cards

A test fails where the pages are not what this module makes.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from benchmark.atomic import write_text
from benchmark.corpora.pocket.pools import POOLS
from benchmark.registry import Entry, parse_system
from benchmark.registry.networks import CORPORA
from benchmark.registry.systems import SYSTEMS
from benchmark.runner.systems import build, is_learnt
from benchmark.settings import load_profile
from benchmark.system import Pick, System

SIZES = ("pocket", "paper")
TERMS: Mapping[str, str] = {
    "grid": "CC BY 4.0 in the archived release, for research",
    "vctk": "CC BY 4.0 (0.92)",
    "lrs3": "talks under CC BY-NC-ND, research alone",
    "lip2wav": "lists of ids; the videos belong to their owners",
    "celeba_hq": "non-commercial research",
    "voxceleb_vggface": "labels CC BY 4.0; videos and pictures belong to their owners; VGGFace for research",
    "folder": "yours, and those of the people in it",
}
"""What may be done with a corpus, by general knowledge (reference page datasets.md, section 3): check at the source."""
_HEAD = "Made by `python -m benchmark.runner.cards docs/cards` from the code; do not edit."


def systems_page() -> str:
    """Every system of the suite: what it is for, what it needs, how big it is."""
    parts = [
        f"# Systems\n\n{_HEAD}\nFaces and voices of real people: [safety](../safety.md). What was measured: "
        "[results](../results.md). Parameters are counted by\nmodule at profile `pocket` and at `paper`, frozen "
        "networks included; `-` stands for none."
    ]
    return "\n\n".join([*parts, *(_system(name, entry) for name, entry in SYSTEMS.items())]) + "\n"


def corpora_page() -> str:
    """Every corpus: what is in it, who may be held out, and on what terms it may be used."""
    rows = [
        "| pool | plays | used for | people trained on, held out | recordings each | has |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| `{p.name}` | {p.plays} | {p.used_for} | {p.train}, {p.unseen} | {', '.join(map(str, p.recordings))} | "
        f"{' and '.join(p.modalities)} |"
        for p in POOLS.values()
    ]
    parts = [
        f"# Corpora\n\n{_HEAD} Layouts and traps: [corpora](../corpora.md).",
        "## The embedded corpus\n\nGenerated faces and espeak voices of nobody: no consent is needed, and no result "
        "of it says anything about real\npeople ([pocket](../pocket.md)). Half of the people of each side are women. "
        "Recordings: of training people to train and\nheld out, of held-out people.\n\n" + "\n".join(rows),
        "## Read from disk\n\nFaces or voices of real people. The terms are general knowledge: read them at the source "
        "before you publish anything.",
        *(_corpus(name, entry) for name, entry in CORPORA.items() if name not in POOLS),
    ]
    return "\n\n".join(parts) + "\n"


def _system(name: str, entry: Entry) -> str:
    cls: type[System] = entry.load()
    with torch.device("meta"):
        system = cls(cls.Settings())
    lines = [
        ("kind", entry.kind),
        ("tasks", ", ".join(entry.tasks)),
        ("reads", "; ".join(sorted({", ".join(features) for features in system.inputs.values()}))),
        ("gives", ", ".join(sorted(set(system.output.values())))),
        ("variants", ", ".join(f"`{name}:{v}`" for v in entry.variants) or "-"),
        ("learns from", _learns(system)),
        *((f"parameters at `{size}`", _parameters(name, size)) for size in SIZES),
        ("shipped", _shipped(name)),
        ("authors' weights", ", ".join(f"`{v}` of `{name}:{k}`" for k, v in cls.published.items()) or "-"),
        ("gender-only form", "yes" if cls.gender_only is not None else "-"),
        ("code", f"`{entry.target}`"),
    ]
    return f"## {name}\n\n{entry.summary}.\n\n" + _table(lines)


def _learns(system: System) -> str:
    if not system.phases():
        return "-"
    picks = [pick for draw in system.draws().values() for pick in draw.columns.values()]
    return ", ".join(dict.fromkeys(_pick(pick) for pick in picks))


def _pick(pick: Pick) -> str:
    what = "faces" if pick.modality == "face" else "voices"
    return f"{what} of people with both" if pick.pool == "paired" else what


def _parameters(name: str, size: str) -> str:
    profile = load_profile(size)
    if size != "paper" and name not in profile.systems and is_learnt(parse_system(name), profile):
        return "not in this profile"
    with torch.device("meta"):
        system = build(parse_system(name), profile)
    counts = {part: sum(p.numel() for p in network.parameters()) for part, network in system.named_children()}
    total = sum(counts.values())
    told = ", ".join(f"{part} {count:,}" for part, count in counts.items() if count)
    return f"{total:,} ({told})" if total else "-"


def _shipped(name: str) -> str:
    """What is said of the checkpoints that the suite ships of a system."""
    folder = resources.files("benchmark") / "weights" / "pocket"
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        stem = path.name.removesuffix(".json")
        if path.name.endswith(".json") and (stem == name or stem in [f"{name}_{v}" for v in SYSTEMS[name].variants]):
            record = json.loads(path.read_text(encoding="utf-8"))
            found.append(f"`{stem}`: {record['bytes'] / 1e6:.1f} MB, {record['licence']}")
    return "; ".join(found) or "-"


def _corpus(name: str, entry: Entry) -> str:
    reader: Any = entry.load()
    options = [
        f"`{key}` = {parameter.default!r}"
        for key, parameter in inspect.signature(reader).parameters.items()
        if key not in ("root", "seed")
    ]
    first = inspect.cleandoc(reader.__doc__).split("\n\n")[0].replace("\n", " ")
    lines = [
        ("what", first),
        ("terms", TERMS[name]),
        ("options", ", ".join(options) or "-"),
        ("code", f"`{entry.target}`"),
    ]
    return f"### {name}\n\n{entry.summary}.\n\n" + _table(lines)


def _table(lines: list[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in lines)])


def write(folder: Path) -> None:
    """Both pages."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "systems.md", systems_page())
    write_text(folder / "corpora.md", corpora_page())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
