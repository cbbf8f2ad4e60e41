"""Names -> code, imported only when asked for (no torch here).

Third parties add entries through the entry-point groups `benchmark.systems`, `benchmark.corpora` and
`benchmark.protocols`; theirs are listed by name and read when they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import Literal

from benchmark.errors import unknown
from benchmark.registry.entry import Entry as Entry
from benchmark.registry.networks import ALIASES as ALIASES
from benchmark.registry.networks import CORPORA, UPSTREAM, VOCODERS
from benchmark.registry.protocols import FAMILIES as FAMILIES
from benchmark.registry.protocols import PROTOCOLS
from benchmark.registry.systems import SYSTEMS

Group = Literal["systems", "corpora", "protocols", "upstream", "vocoders"]
_SINGULAR = {
    "systems": "system",
    "corpora": "corpus",
    "protocols": "metric",
    "upstream": "network",
    "vocoders": "vocoder",
}
PREFIXES = ("shuffled_reference", "gender_only", "reconstructed")
"""Controls made of a learnt system, `<prefix>:<system>` (docs/protocols.md)."""

_members: dict[str, Entry] = {}
"""Canonical key -> entry, of members of a family that were asked for: the key of a model at a path says which model it
was, and does not lead back to the path."""


@cache
def entries(group: Group) -> Mapping[str, Entry]:
    """Our entries and the plug-ins of one group; a plug-in never replaces one of ours."""
    ours = {
        "systems": SYSTEMS,
        "corpora": CORPORA,
        "protocols": PROTOCOLS,
        "upstream": UPSTREAM,
        "vocoders": VOCODERS,
    }[group]
    plugins = {
        point.name: Entry(point.value, f"plug-in of {point.dist.name if point.dist else point.module}")
        for point in metadata.entry_points(group=f"benchmark.{group}")
    }
    return {**plugins, **ours}


def find(group: Group, name: str) -> Entry:
    """The entry of that name.

    Raises:
        BenchmarkError: unknown name, with suggestions.
    """
    known = entries(group)
    if name not in known:
        if group == "protocols" and name in _members:
            return _members[name]
        for prefix, entry in FAMILIES.items() if group == "protocols" else ():
            if name.startswith(prefix) and name != prefix:
                return replace(entry, arguments=(name.removeprefix(prefix),))
        raise unknown(_SINGULAR[group], name, known)
    return known[name]


def canonical(metric: str) -> str:
    """The key that results carry for a metric asked for by `metric`: a family's members go by several names.

    Loads code only for a member of a family. `find` takes both names from then on.

    Raises:
        BenchmarkError: unknown metric, or whatever the protocol says of its argument.
    """
    entry = find("protocols", metric)
    if metric in entries("protocols"):
        return metric
    (key,) = entry.load()(*entry.arguments).metrics
    _members[key] = entry
    return str(key)


def protocol_version(metric: str) -> int:
    """The version of a metric's protocol that this suite computes; 1 for a metric that it does not know."""
    known = entries("protocols").get(metric) or _members.get(metric)
    family = next((entry for prefix, entry in FAMILIES.items() if metric.startswith(prefix)), None)
    return (known or family or Entry("", "")).version


@dataclass(frozen=True)
class SystemName:
    """A system's name taken apart: `shuffled_reference:adain_vc:official` = (prefix, base, variant).

    home: the corpus of `xfavot@pocket_av`, which is the shipped network that was trained there, met by people of other
    corpora (several joined by +); None: the network is trained on the run's own corpora, or shipped as trained on them.
    """

    prefix: str | None
    base: str
    variant: str | None
    home: str | None = None

    @property
    def full(self) -> str:
        return ":".join(part for part in (self.prefix, self.base, self.variant) if part) + self.abroad

    @property
    def abroad(self) -> str:
        """The end of the name that says where its network was trained."""
        return f"@{self.home}" if self.home else ""

    @property
    def network(self) -> str:
        """The name of the trained network behind it: of the controls, gender_only alone has one of its own."""
        prefix = self.prefix if self.prefix == "gender_only" else None
        return replace(self, prefix=prefix).full

    @property
    def at_home(self) -> SystemName:
        """The same system, trained on whatever corpora it meets."""
        return replace(self, home=None)


def parse_system(name: str) -> SystemName:
    """Take a system's name apart and check every part.

    Raises:
        BenchmarkError: unknown system, variant or corpus, with suggestions.
    """
    system, at, home = name.partition("@")
    for corpus in home.split("+") if at else ():
        find("corpora", corpus)
    parts = system.split(":")
    prefix = parts.pop(0) if parts[0] in PREFIXES and len(parts) > 1 else None
    base, variant = parts[0], ":".join(parts[1:]) or None
    entry = find("systems", base)
    if variant is not None and entry.kind != "plug-in" and variant not in entry.variants:
        raise unknown(f"variant of {base}", variant, entry.variants or ("(it has none)",))
    return SystemName(prefix, base, variant, home or None)
