from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.reporting import schema
from benchmark.reporting.schema import Count, Git, RunRecord, TableRow, provenance, without_credentials


def record(**changes: object) -> RunRecord:
    facts = {
        "command": "python -m benchmark run --task image_guided_vc",
        "task": "image_guided_vc",
        "profile": "pocket",
        "systems": {"adain_cvc": "adain_cvc:pocket"},
        "corpora": ["pocket"],
        "metrics": ["spksim@resemblyzer"],
        "seeds": [0],
        "settings": {"adain_cvc": {"steps": 10}},
        "started": "2026-11-20T11:00:00+00:00",
    }
    return RunRecord.model_validate({**provenance(), **facts, **changes})


def test_a_record_survives_json() -> None:
    one = record(
        counts={"spksim@resemblyzer": Count(planned=3, scored=2, failed=1)}, weights_sha256={"nisqa.tar": "ab"}
    )
    assert RunRecord.model_validate_json(json.dumps(one.model_dump(mode="json"))) == one


@pytest.mark.parametrize(
    "bad", [{"notse": []}, {"schema_version": 2}, {"status": "fine"}, {"timings": {"a": float("nan")}}]
)
def test_what_is_unknown_or_no_number_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(bad))):
        record(**bad)


def test_provenance_names_versions_device_and_numeric_flags() -> None:
    facts = provenance()
    import torch

    assert facts["packages"]["torch"] == torch.__version__.split("+")[0]
    assert facts["packages"]["scipy"]
    assert facts["device"].kind == "cpu"
    assert facts["device"].threads == torch.get_num_threads()
    assert facts["device"].tf32_matmul == torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.benchmark, before = not torch.backends.cudnn.benchmark, torch.backends.cudnn.benchmark
    try:
        assert provenance()["device"].cudnn_benchmark is not before
    finally:
        torch.backends.cudnn.benchmark = before


def test_git_state_has_commit_and_dirty_flag_and_no_password(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True, text=True
        ).stdout.strip()

    file = tmp_path / "code.py"
    file.write_text("1")
    git("init", "-q")
    assert schema._git(file) == Git()
    git("add", "code.py")
    git("commit", "-q", "-m", "first", "--no-verify")
    git("remote", "add", "origin", "https://me:secret@example.org/me/it.git")
    clean = schema._git(file)
    assert clean == Git(commit=git("rev-parse", "HEAD"), dirty=False, remote="https://example.org/me/it.git")
    file.write_text("2")
    assert schema._git(file).dirty is True


@settings(deadline=None)
@given(st.text("abcXYZ019._~-", min_size=1), st.text("abcXYZ019._~-:", min_size=1))
def test_credentials_never_stay(user: str, password: str) -> None:
    text = f"clone https://{user}:{password}@example.org/a.git and http://{password}@b.org/c@d"
    assert without_credentials(text) == "clone https://example.org/a.git and http://b.org/c@d"


def test_a_row_says_in_json_only_what_there_is_to_say() -> None:
    row = TableRow(
        task="t", corpus="c", system="s", split="all", metric="m@p", value=None, low=None, high=None, n=0, failed=2
    )
    fixed = {"task", "corpus", "system", "split", "metric", "value", "low", "high", "n", "failed", "paper_value"}
    assert set(row.cells()) == fixed
    assert set(row.model_copy(update={"partial": True, "parameters": 0}).cells()) == fixed | {"partial", "parameters"}


def test_the_schema_needs_no_torch() -> None:
    code = "import sys, benchmark.reporting.tables, benchmark.reporting.golden; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0
