"""Published weights: one function that returns a verified local file (DESIGN.md section 7).

`weights.toml` beside this file lists them. Nothing here loads a network or imports torch; a file is read by its own
upstream network, with `weights_only=True`.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from benchmark.errors import BenchmarkError, MissingWeights, unknown
from benchmark.weights.download import fetch

_DISTRIBUTIONS = {"benchmark": "face-voice-benchmark"}
"""Where a package is not installed under its import name."""


@dataclass(frozen=True)
class Weights:
    """One entry of weights.toml; what the columns mean stands at the head of that file."""

    name: str
    file: str
    licence: str
    note: str
    package: str | None = None
    url: str | None = None
    torchvision: str | None = None
    sha256: str = ""
    bytes: int | None = None

    @property
    def fetchable(self) -> bool:
        """Whether `get` may download it: an address and something to verify the file by are known."""
        return bool(self.sha256 and (self.url or self.torchvision))


@cache
def entries() -> Mapping[str, Weights]:
    """Every entry of weights.toml by name, in its order."""
    text = Path(__file__).with_name("weights.toml").read_text(encoding="utf-8")
    return {name: Weights(name=name, **table) for name, table in tomllib.loads(text).items()}


def names() -> tuple[str, ...]:
    return tuple(entries())


def entry(name: str) -> Weights:
    """The entry of that name.

    Raises:
        BenchmarkError: no such name; the message suggests the nearest ones.
    """
    if name not in entries():
        raise unknown("weights", name, entries())
    return entries()[name]


def cache_folder() -> Path:
    """Where downloads go: `weights` in the suite's cache."""
    from benchmark.corpora.prepared import cache_root  # here, because the store of a corpus brings torch with it

    return cache_root() / "weights"


def _places(weights: Weights) -> list[Path]:
    if weights.package is not None:
        spec = find_spec(weights.package)  # finds the package without running it
        return [Path(root) / weights.file for root in (spec.submodule_search_locations or ())] if spec else []
    own = os.environ.get("BENCHMARK_WEIGHTS")
    return [folder / weights.file for folder in ([Path(own).expanduser()] if own else []) + [cache_folder()]]


def _local(weights: Weights) -> Path | None:
    return next((place for place in _places(weights) if os.path.lexists(place)), None)


def _problem(weights: Weights, path: Path) -> str | None:
    """Why what lies at `path` cannot be used, or None."""
    if path.is_dir():
        return "is a folder where a file is expected"
    try:
        if path.stat().st_size == 0:
            return "is empty"
        found = _sha256(path)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if found.startswith(weights.sha256):
        return None
    return f"has sha256 {found}, expected {weights.sha256}{'' if len(weights.sha256) == 64 else '...'}"


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


def find(name: str) -> Path | None:
    """The verified local file of that name, or None; never downloads.

    Looked for in the installed package that brings it, else in `$BENCHMARK_WEIGHTS`, then in the cache.

    Raises:
        BenchmarkError: unknown name, or what lies there is not the published file (it is never used).
    """
    weights = entry(name)
    path = _local(weights)
    if path is not None and (problem := _problem(weights, path)) is not None:
        raise BenchmarkError(f"{path} is not {name}: it {problem}. Remove it and run `{remedy(name)}`.")
    return path


def offline() -> bool:
    """Whether `$BENCHMARK_OFFLINE` forbids downloads: set, and neither empty nor 0."""
    return os.environ.get("BENCHMARK_OFFLINE", "0") not in ("", "0")


def remedy(name: str) -> str:
    """The command that brings a file here, or the sentence where there is none."""
    weights = entry(name)
    if weights.package is not None:
        return f"uv sync --reinstall-package {_DISTRIBUTIONS.get(weights.package, weights.package)}"
    if weights.fetchable:
        return f"{'BENCHMARK_OFFLINE=0 ' if offline() else ''}python -m benchmark weights get {name}"
    return f"put {weights.file} into $BENCHMARK_WEIGHTS"


def get(name: str) -> Path:
    """The verified local file of that name; downloaded into the cache where it is absent, unless
    `BENCHMARK_OFFLINE=1`.

    Raises:
        BenchmarkError: as `find`, or a download whose sha256 is not the published one.
        MissingWeights: absent and not to be had; the message holds what mends it.
    """
    path = find(name)
    if path is not None:
        return path
    weights = entry(name)
    if weights.package is not None:
        raise MissingWeights(
            f"{name} comes with the package {weights.package}, which is not installed as it should be: "
            f"`{remedy(name)}`."
        )
    if not weights.fetchable:
        source = f" It is published at {weights.url}." if weights.url else ""
        raise MissingWeights(
            f"{name} is absent and cannot be downloaded and verified.{source} {weights.note} "
            f"Put the file into $BENCHMARK_WEIGHTS as {weights.file}."
        )
    if offline():
        raise MissingWeights(
            f"{name} is absent and BENCHMARK_OFFLINE is set. Run `{remedy(name)}` where there is a network, or put "
            f"{weights.file} into $BENCHMARK_WEIGHTS."
        )
    target = cache_folder() / weights.file
    fetch(name, _address(weights), target, weights.sha256, weights.licence, weights.bytes)
    return target


def _address(weights: Weights) -> str:
    if weights.torchvision is None:
        assert weights.url is not None  # `fetchable` saw one of the two
        return weights.url
    enumeration, member = weights.torchvision.split(".")
    models = import_module("torchvision.models")  # here, because it brings torch with it
    return str(getattr(models, enumeration)[member].url)


def sha256(name: str) -> str:
    """Hex sha256 of the verified local file (for `run.json`).

    Raises:
        MissingWeights: absent; nothing is downloaded.
        BenchmarkError: as `find`.
    """
    path = find(name)
    if path is None:
        raise MissingWeights(f"{name} is absent. Mend it: `{remedy(name)}`.")
    return _sha256(path)


def status(chosen: Iterable[str] | None = None) -> list[dict[str, str | int | bool | None]]:
    """One row for every entry, or for the chosen names, wrong files included; downloads nothing.

    Keys: name, present, verified (None: absent, or nobody has published its sha256), bytes, licence, path, note,
    problem (why what lies there cannot be used, or None).

    Raises:
        BenchmarkError: unknown name.
    """
    rows: list[dict[str, str | int | bool | None]] = []
    for weights in map(entry, entries() if chosen is None else chosen):
        path = _local(weights)
        problem = _problem(weights, path) if path else None
        rows.append(
            {
                "name": weights.name,
                "present": path is not None,
                "verified": problem is None if path and (weights.sha256 or problem) else None,
                "bytes": path.stat().st_size if path and path.is_file() else weights.bytes,
                "licence": weights.licence,
                "path": str(path) if path else None,
                "note": weights.note,
                "problem": problem,
            }
        )
    return rows
