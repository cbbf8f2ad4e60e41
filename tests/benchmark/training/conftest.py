from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("children.py")


@pytest.fixture(scope="session")
def kit() -> ModuleType:
    """`children.py` as a module: tiny features, stores and systems."""
    spec = importlib.util.spec_from_file_location("training_children", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["training_children"] = module
    spec.loader.exec_module(module)
    return module


@dataclass
class Child:
    """A case that runs in a process of its own."""

    pid: int
    answer: Path
    ask: Callable[[dict[str, Any]], dict[str, Any]]

    def wait(self) -> tuple[int, dict[str, Any]]:
        """(exit code, negative for a signal; answer, empty where it was killed)."""
        code = self.ask({"wait": self.pid})["code"]
        answer = json.loads(self.answer.read_text()) if self.answer.is_file() else {}
        assert answer.get("error") != "unexpected", answer["message"]
        return code, answer


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Child]]:
    """`start(case, **arguments)` forks a child from the warmed server."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    server = subprocess.Popen(
        [sys.executable, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert server.stdin is not None
    assert server.stdout is not None
    answers, number = tmp_path_factory.mktemp("answers"), 0

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        return json.loads(server.stdout.readline())

    assert json.loads(server.stdout.readline()) == {"ready": True}

    def fork(case: str, **arguments: Any) -> Child:
        nonlocal number
        number += 1
        answer = answers / f"{number}.json"
        return Child(ask({"case": case, "arguments": arguments, "answer": str(answer)})["pid"], answer, ask)

    yield fork
    server.stdin.close()
    server.wait(timeout=30)


@pytest.fixture(scope="session")
def av(kit: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a store of ten audio-visual training speakers and two held out."""
    speakers = [*kit.people(10), *kit.people(2, split="unseen", prefix="u")]
    return str(kit.make_store(tmp_path_factory.mktemp("stores") / "av", speakers).folder)
