"""A run needs no network: neither we nor any library we use reach for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli import main

GUARD = """
import socket

class Local(socket.socket):
    def __init__(self, family=-1, *rest, **options):
        if family in (-1, socket.AF_INET, socket.AF_INET6):
            raise AssertionError("a socket of the internet")
        super().__init__(family, *rest, **options)

def looked_up(*_, **__):
    raise AssertionError("a name was looked up")

socket.socket, socket.getaddrinfo = Local, looked_up
"""
PROFILE = """
[trials.audio_guided_vc]
trials = 4
natural = 1
[corpora.pocket_av]
frames_per_clip = 1
scale = 0.1
"""


@pytest.fixture
def guarded(tmp_path: Path) -> dict[str, str]:
    """An environment in which Python, its worker processes too, has no internet. `BENCHMARK_OFFLINE` is not set."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(GUARD)
    unset = ("BENCHMARK_OFFLINE", "HF_HUB_OFFLINE", "BENCHMARK_WEIGHTS")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return {**kept, "PYTHONPATH": str(tmp_path / "site"), "BENCHMARK_CACHE": str(tmp_path / "cache")}


@pytest.mark.slow
def test_a_default_run_makes_no_socket(tmp_path: Path, guarded: dict[str, str]) -> None:
    (tmp_path / "mini.toml").write_text(PROFILE)
    command = [sys.executable, "-m", "benchmark", "run", "--task", "audio_guided_vc", "--jobs", "1"]
    command += ["--profile", str(tmp_path / "mini.toml"), "--systems", "ground_truth", "copy_source"]
    done = subprocess.run([*command, "--out", str(tmp_path / "run")], env=guarded, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "run" / "table.json").is_file()


def test_the_guard_holds(guarded: dict[str, str]) -> None:
    code = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')"
    done = subprocess.run([sys.executable, "-c", code], env=guarded, capture_output=True, text=True)
    assert "AssertionError: a name was looked up" in done.stderr


@pytest.mark.parametrize(("said", "told"), [("1", "1"), ("0", None)])
def test_offline_other_libraries_are_told_so(monkeypatch: pytest.MonkeyPatch, said: str, told: str | None) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("BENCHMARK_OFFLINE", said)
    with pytest.raises(SystemExit):
        main(["list", "tasks"])
    assert os.environ.get("HF_HUB_OFFLINE") == told
