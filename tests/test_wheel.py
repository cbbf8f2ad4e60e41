"""The wheel carries everything a run needs besides Python code."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_wheel_contents(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH")
    done = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", str(tmp_path), str(ROOT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    wanted = {
        "benchmark/py.typed",
        "benchmark/weights/weights.toml",
        "benchmark/weights/pocket/recogniser.safetensors",
        "benchmark/weights/pocket/recogniser.json",
        "benchmark/weights/pocket/face_judge.safetensors",
        "benchmark/weights/pocket/face_judge.json",
        *(f"benchmark/weights/pocket/{path.name}" for path in (ROOT / "benchmark/weights/pocket").glob("[!.]*.*")),
        "benchmark/reporting/paper_tables.csv",
        *(f"benchmark/profiles/{name}.toml" for name in ("tiny", "pocket", "small", "paper")),
        "benchmark/corpora/pocket/corpus.py",
        "benchmark/reporting/questionnaire/form.html.jinja",
        "benchmark/reporting/html/page.html.jinja",
        "benchmark/reporting/html/style.css",
        "baselines/adain_vc/networks.py",
        "methods/__init__.py",
        "protocols/spksim.py",
    }
    assert not wanted - names
    assert not {n for n in names if n.startswith(("tests/", "results/", "docs/"))}
