"""docs/adding_a_system.md and docs/adding_a_corpus.md run as they stand: files, an installed package, commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("adding_a_system.md", "adding_a_corpus.md")


def blocks(page: str) -> list[tuple[str, str, str]]:
    """(name of its file, language, text) of every block of code; the name stands before it: "`face_shift.py`:"."""
    text = (DOCS / page).read_text()
    found = re.findall(r"(?:`([\w.]+)`[^`]*?:\n\n)?```(\w+)\n(.*?)```", text, flags=re.DOTALL)
    return [(name, language, code) for name, language, code in found]


def install(page: str, folder: Path) -> list[str]:
    """Write the page's files, and what `pip install -e .` would leave; returns its commands."""
    commands = []
    for name, language, code in blocks(page):
        if language == "bash":
            commands += code.strip().splitlines()
            continue
        assert name, f"{page}: a block without the name of its file:\n{code}"
        (folder / name).write_text(code)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
    return commands


def go(command: str, folder: Path) -> str:
    """A command of the page, by this Python."""
    assert command.startswith("python -m benchmark ")
    path = os.pathsep.join([str(folder), str(DOCS.parent)])
    done = subprocess.run(
        [sys.executable, *command.split()[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "BENCHMARK_CACHE": str(folder / "cache")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_short(page: str) -> None:
    assert len((DOCS / page).read_text().splitlines()) <= 80


@pytest.mark.slow
def test_the_system_of_the_page_trains_and_has_rows(tmp_path: Path) -> None:
    (command,) = install("adding_a_system.md", tmp_path)
    assert "face_shift:small_shift" in go(command, tmp_path)
    rows = json.loads((tmp_path / "results/face_shift/table.json").read_text())
    own = {row["system"]: row for row in rows if row["split"] == "all"}
    assert set(own) == {"face_shift:small_shift", "shuffled_reference:face_shift:small_shift", "copy_source"}
    assert all((row["n"], row["failed"]) == (16, 0) for row in own.values())
    assert own["face_shift:small_shift"]["parameters"] == 768 * 99 + 99 + 99 * 80 + 80
    log = (tmp_path / "results/face_shift/systems/face_shift/train.jsonl").read_text().splitlines()
    assert "fit/l1" in json.loads(log[-1])


def test_the_corpus_of_the_page_is_read_and_has_trials(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    time = np.arange(24000) / 24000
    for number in range(8):
        pitch = (200 if number % 2 == 0 else 110) + 5 * number
        wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 12)) * 0.1
        for take in range(6):
            name = f"{'abcdefgh'[number]}nna-{'FM'[number % 2]}-{take:02d}.wav"
            soundfile.write(tmp_path / "recordings" / name, wave, 24000)
    prepare, run = install("adding_a_corpus.md", tmp_path)
    go(prepare, tmp_path)
    go(run, tmp_path)
    rows = json.loads((tmp_path / "results/by_name/table.json").read_text())
    own = {row["system"]: row for row in rows if row["split"] == "all"}
    assert {row["corpus"] for row in rows} == {"by_name"}
    assert {(row["n"], row["failed"]) for row in own.values()} == {(8, 0)}
    assert own["copy_source"]["value"] > own["random_reference"]["value"], "a voice of the target's gender is nearer"
