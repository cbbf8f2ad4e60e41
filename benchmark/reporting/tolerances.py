"""How far a metric may move before `compare` takes note: absolute, by metric or by metric and system."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from benchmark.errors import BenchmarkError

DEFAULT = 0.002
"""Of every metric that nothing else is said of: beyond the rounding between machines, below what a reader would see."""

DEFAULTS = {
    "fid@*": 0.1,
    "fid@pocket": 0.02,
    "fid@random": 0.02,
    "kid@*": 0.0002,
    "kid@pocket": 0.002,
    "pose_error@*": 0.02,
    "f0_target@*": 0.02,
}
"""Of metrics whose values are of another size: FID in the hundreds, pose errors in degrees, pitch in semitones."""


@dataclass(frozen=True)
class Tolerances:
    """Tables asked in order, the first that knows a metric and system decides; `{key: tolerance}` each.

    A key is a metric or a pattern of metrics (`spksim@*`), or both a metric and a system, a space between
    (`spksim@resemblyzer *adain_cvc*`). In one table a key with a system goes before one without, a longer before a
    shorter one.
    """

    tables: tuple[Mapping[str, float], ...] = ()

    def find(self, metric: str, system: str) -> float | None:
        """The tolerance that a table gives, None where none does."""
        for table in self.tables:
            fitting = [key for key in table if _fits(key, metric, system)]
            if fitting:
                return float(table[max(fitting, key=lambda key: (" " in key, len(key)))])
        return None

    def __call__(self, metric: str, system: str) -> float:
        """`find`, or the suite's own."""
        found = self.find(metric, system)
        return default(metric) if found is None else found


def default(metric: str) -> float:
    """The suite's own tolerance of a metric."""
    found = Tolerances((DEFAULTS,)).find(metric, "")
    return DEFAULT if found is None else found


def read_tolerances(path: Path, subjects: Iterable[tuple[str, str]]) -> dict[str, float]:
    """The table `[tolerances]` of a TOML file: key of `Tolerances` -> absolute tolerance.

    Args:
        path: of the file.
        subjects: (metric, system) of all that is compared.

    Raises:
        BenchmarkError: no such file, no TOML, another table in it, a key that fits nothing compared, a tolerance that
            is no number >= 0.
    """
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchmarkError(f"No tolerance file at {path}.") from None
    except ValueError as error:
        raise BenchmarkError(f"{path} is no TOML: {error}.") from None
    table = stored.pop("tolerances", None)
    if stored or not isinstance(table, dict):
        got = ", ".join([*stored, *(["tolerances"] if table is not None else [])]) or "nothing"
        raise BenchmarkError(f"{path}: expected the one table [tolerances], got {got}.")
    known = list(subjects)
    for key, value in table.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < 0:
            raise BenchmarkError(f"{path}: the tolerance of {key!r} is {value!r}; expected a number >= 0.")
        if not any(_fits(key, metric, system) for metric, system in known):
            metrics, systems = (", ".join(dict.fromkeys(names)) for names in zip(*known, strict=True))
            raise BenchmarkError(
                f'{path}: {key!r} fits nothing that is compared. A key is a metric ({metrics}), or "metric system" '
                f"({systems}), * stands for anything."
            )
    return table


def _fits(key: str, metric: str, system: str) -> bool:
    wanted, _, whose = key.partition(" ")
    return fnmatchcase(metric, wanted) and (not whose or fnmatchcase(system, whose.strip()))
