"""Who may import whom (DESIGN.md section 3): strictly downward, and nobody imports results, tests or docs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("benchmark", "methods", "baselines", "protocols")
FLOORS = (
    {"benchmark.__main__"},
    {"benchmark.cli"},
    {"benchmark.verbs"},
    {"benchmark.listing"},
    {"benchmark.runner"},
    {"benchmark.tasks", "benchmark.registry", "benchmark.training", "benchmark.reporting"},
    {"methods", "baselines", "protocols"},
    {"benchmark.upstream"},
    {
        "benchmark.blocks",
        "benchmark.stargan",
        "benchmark.system",
        "benchmark.media",
        "benchmark.corpora",
        "benchmark.weights",
        "benchmark.settings",
    },
    {"benchmark.errors", "benchmark.atomic", "benchmark.threads"},
)


def room(module: str) -> str:
    return ".".join(module.split(".")[: 2 if module.startswith("benchmark.") else 1])


def floor(module: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room(module) in rooms)


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if name != "benchmark":
                found.append((name, path))
    return sorted(found)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{a.name}" if node.module in PACKAGES else node.module for a in node.names}
    return names


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda v: v if isinstance(v, str) else "")
def test_imports_go_down(name: str, path: Path) -> None:
    for target in imported(path):
        top = target.split(".")[0]
        assert top not in ("results", "tests", "docs"), f"{name} imports {target}"
        if top in PACKAGES and room(target) != room(name):
            assert floor(target) >= floor(name), f"{name} (floor {floor(name)}) imports {target} above it"


@pytest.mark.parametrize("package", ["methods", "baselines", "protocols"])
def test_systems_and_protocols_do_not_know_each_other(package: str) -> None:
    others = {"methods", "baselines", "protocols"} - {package}
    for name, path in modules():
        if room(name) == package:
            for target in imported(path):
                assert target.split(".")[0] not in others, f"{name} imports {target}"
                assert not target.startswith(("benchmark.runner", "benchmark.verbs", "benchmark.cli")), (
                    f"{name} imports {target}"
                )


def test_every_module_has_a_floor() -> None:
    assert all(floor(name) >= 0 for name, _ in modules())
    assert len(modules()) > 30


def test_no_file_outgrows_its_idea() -> None:
    long = {name: n for name, path in modules() if (n := len(path.read_text().splitlines())) > 400}
    assert not long, f"over 400 lines: {long}"
