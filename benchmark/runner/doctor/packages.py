"""Python and packages against the pins."""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from benchmark.runner.doctor.check import Check

DISTRIBUTION = "face-voice-benchmark"
PROJECT = Path(__file__).parents[3] / "pyproject.toml"
_FOR = {"dev": "tests, and the peers of `speed`", "video": "faces in video (grid)"}


def packages() -> list[Check]:
    """Python, then every direct dependency by its pin, then the optional groups, known in a checkout alone."""
    checks = [Check("packages", "python", "ok", platform.python_version())]
    checks += _group("packages", required(), "uv sync")
    for group, pins in optional().items():
        title = f"packages, optional: {group} ({_FOR.get(group, 'optional')})"
        checks += _group(title, pins, f"uv sync --group {group}")
    return checks


def required() -> Sequence[str]:
    """Requirements of the installed distribution, `name==version`."""
    try:
        return metadata.requires(DISTRIBUTION) or ()
    except metadata.PackageNotFoundError:
        return ()


def optional() -> Mapping[str, Sequence[str]]:
    """Group -> requirements, of the checkout's pyproject.toml; none where the suite is installed from a wheel."""
    if not PROJECT.is_file():
        return {}
    groups: Mapping[str, Sequence[str]] = tomllib.loads(PROJECT.read_text(encoding="utf-8")).get(
        "dependency-groups", {}
    )
    return groups


def _group(section: str, requirements: Sequence[str], mend: str) -> list[Check]:
    """What is as pinned takes one line together; what is not, a line each."""
    found = [(name, pin, _version(name)) for name, pin in map(_pin, requirements)]
    good = [name for name, pin, version in found if version is not None and _agrees(version, pin)]
    checks = [Check(section, "as pinned", "ok", f"{len(good)} of {len(found)}: {', '.join(good)}")] if good else []
    for name, pin, version in found:
        if version is None:
            checks.append(Check(section, name, "missing", f"{pin} is pinned", mend))
        elif name not in good:
            checks.append(Check(section, name, "wrong", f"{version}; {pin} is pinned", mend))
    if not found:
        checks.append(Check(section, DISTRIBUTION, "missing", "is not installed as a distribution", mend))
    return checks


def _pin(requirement: str) -> tuple[str, str]:
    name, _, version = requirement.partition(";")[0].partition("==")
    return name.strip(), version.strip()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _agrees(version: str, pin: str) -> bool:
    return not pin or version == pin or version.partition("+")[0] == pin  # 2.11.0+cpu is a build of 2.11.0
