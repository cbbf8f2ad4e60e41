"""Frozen settings from TOML tables: unknown key, wrong type or missing file is a clear error (no torch here)."""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from benchmark.errors import BenchmarkError, unknown

T = TypeVar("T")
PROFILES = ("tiny", "pocket", "small", "paper")


@dataclass(frozen=True)
class Profile:
    """One `profiles/<name>.toml`: how big everything is.

    trials: task -> table of `protocols.trials.TrialSettings`. corpora: corpus -> reader options.
    systems: system -> table of its `Settings`, with a sub-table `train` of `benchmark.training` settings.
    vocoders: feature that systems return -> vocoder, where it is not the usual one.
    """

    name: str
    trials: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    corpora: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    systems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vocoders: Mapping[str, str] = field(default_factory=dict)


def load_profile(name: str) -> Profile:
    """A profile of ours by name, or anybody's by a path that ends in .toml.

    Raises:
        BenchmarkError: unknown name, no such file, broken TOML, unknown table.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise BenchmarkError(f"No profile at {path}.")
        if path.stem in PROFILES:
            raise BenchmarkError(
                f"Profile {path}: {path.stem!r} is a profile of the suite. Give the file another name."
            )
        text = path.read_text(encoding="utf-8")
    elif name in PROFILES:
        text = (resources.files("benchmark") / "profiles" / f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise unknown("profile", name, PROFILES)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BenchmarkError(f"Profile {name} is not valid TOML: {error}.") from error
    for group, tables in table.items():
        if group in ("trials", "corpora", "systems"):
            for key, inner in tables.items() if isinstance(tables, dict) else [("", tables)]:
                if not isinstance(inner, dict):
                    raise BenchmarkError(f"Profile {name}: {group}.{key} = {inner!r}; expected a table [{group}.NAME].")
    if "name" in table:
        raise BenchmarkError(f"Profile {name}: a profile is named by its file, not by a key 'name'.")
    return make(Profile, {"name": Path(name).stem, **table}, f"profile {name}")


def make(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """`cls(**table)` for a dataclass, checked.

    Raises:
        BenchmarkError: a key that `cls` has no field for, or a value of another type; the message names `where`.
    """
    known = {f.name: f for f in fields(cls) if f.init}  # type: ignore[arg-type]
    check(table, typing.get_type_hints(cls), where, known)
    for key, field_ in known.items():
        if key not in table and field_.default is MISSING and field_.default_factory is MISSING:
            raise BenchmarkError(f"{where}: {key} is not set, and has no default.")
    hints = typing.get_type_hints(cls)
    values = {}
    for key, value in table.items():
        value = tuple(value) if isinstance(value, list) else value
        values[key] = float(str(value)) if hints[key] is float else value
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise BenchmarkError(f"{where}: {error}.") from error


def check(table: Mapping[str, Any], hints: Mapping[str, Any], where: str, known: Iterable[str]) -> None:
    """Refuse keys that are not `known` and values that do not fit their annotation in `hints`.

    Raises:
        BenchmarkError: the message names `where`.
    """
    for key, value in table.items():
        if key not in known:
            raise unknown(f"key in {where}:", key, known)
        value = tuple(value) if isinstance(value, list) else value
        if key in hints and not _fits(value, hints[key]):
            raise BenchmarkError(
                f"{where}: {key} = {value!r} is a {type(value).__name__}; expected {_name(hints[key])}."
            )


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a TOML value fits an annotation; annotations TOML cannot hold are left to the class itself."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return value in arguments
    if origin is typing.Union or type(hint).__name__ == "UnionType":
        return any(_fits(value, a) for a in arguments)
    if hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is tuple and arguments[1:] == (...,):
        return isinstance(value, tuple) and all(_fits(item, arguments[0]) for item in value)
    if isinstance(origin or hint, type):
        return isinstance(value, origin or hint)
    return True
