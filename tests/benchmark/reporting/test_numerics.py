"""A run whose GPU rounded otherwise is not compared with one whose GPU did not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Make = Callable[..., Path]
Judge = Callable[..., tuple[int, str]]


def edit_json(file: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_a_gpu_that_rounds_otherwise_is_not_compared(made_run: Make, judge: Judge) -> None:
    """TensorFloat-32 in products of matrices or in convolutions; which algorithms were chosen is a note."""
    a, b, c = made_run("a"), made_run("b"), made_run("c")
    for flag in ("tf32_matmul", "tf32_cudnn"):
        edit_json(b / "run.json", lambda r, flag=flag: r["device"].update({flag: True}))
        code, text = judge(a, b)
        assert code == 1
        assert f"differs  facts: {flag} is off in A and on in B" in text
        assert judge(b, b)[0] == 0
    edit_json(c / "run.json", lambda r: r["device"].update(cudnn_benchmark=True))
    code, text = judge(a, c)
    assert code == 0
    assert "note     facts: cudnn_benchmark is off in A and on in B" in text
