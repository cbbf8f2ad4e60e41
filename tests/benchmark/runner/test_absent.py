"""A default system whose published networks are not to be had: its rows say so, and the run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from baselines.sgsim import spaces
from benchmark.cli import main
from benchmark.tasks import TASKS

PROFILE = """
[trials.audio_guided_translation]
sources = 8
draws = 2
[corpora.pocket_av_many]
frames_per_clip = 1
scale = 0.05
[systems.sgsim]
space = "clip"
generator = "pocket"
anchor = "face"
widths = [4, 4, 8, 8]
frames = 64
canvas_rows = 32
batch = 4
steps = 1
lambda_identity = 0.0
inversion_steps = 1
[systems.sgsim.train]
steps = 1
"""
TASK = "audio_guided_translation"
SYSTEMS = ("sgsim", "shuffled_reference:sgsim", "copy_source")


class Clip(nn.Module):
    """In the place of CLIP: it sees the mean colour."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 512, generator=torch.Generator().manual_seed(0)))

    def encode_image(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) @ self.weight


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("absent")
    (folder / "mini.toml").write_text(PROFILE)
    task = replace(TASKS[TASK], systems=SYSTEMS, metrics=("gender_flip@pocket", "fid@pocket"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_CACHE", str(folder / "cache"))
        patch.setenv("BENCHMARK_WEIGHTS", str(folder / "none"))
        patch.setenv("BENCHMARK_OFFLINE", "1")
        patch.setitem(TASKS, TASK, task)
        yield folder


def go(place: Path, out: str, *more: str) -> int:
    line = ["run", "--task", TASK, "--profile", str(place / "mini.toml"), "--jobs", "1", "--out", str(place / out)]
    with pytest.raises(SystemExit) as stop:
        main([*line, *more])
    return int(str(stop.value.code or 0))


def rows(folder: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = json.loads((folder / "table.json").read_text())
    return {(row["system"].removesuffix(":mini"), row["metric"], row["split"]): row for row in found}


def test_asked_for_by_name_it_is_an_error(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go(place, "asked", "--systems", "sgsim") == 2
    assert "clip/vit_b_32_openai.safetensors" in capsys.readouterr().err


@pytest.mark.slow
def test_by_default_the_row_says_so_and_is_filled_once_the_network_is_there(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert go(place, "default") == 0
    said = capsys.readouterr()
    assert "warning: sgsim cannot be had here." in said.err
    table = (place / "default" / "table.md").read_text()
    assert "sgsim cannot be had here. clip/vit_b_32_openai.safetensors is absent" in table
    assert "Put the file into $BENCHMARK_WEIGHTS as clip/vit_b_32_openai.safetensors" in table
    first = rows(place / "default")
    for metric in ("gender_flip@pocket", "fid@pocket"):
        for system in SYSTEMS[:2]:
            assert first[system, metric, "all"]["value"] is None
        assert first["copy_source", metric, "all"]["value"] is not None
    assert (
        first["sgsim", "gender_flip@pocket", "all"]["failed"] == first["copy_source", "gender_flip@pocket", "all"]["n"]
    )
    monkeypatch.setattr(spaces, "clip", Clip)
    assert go(place, "default") == 0
    second = rows(place / "default")
    for metric in ("gender_flip@pocket", "fid@pocket"):
        for system in SYSTEMS:
            assert second[system, metric, "all"]["value"] is not None
            assert second[system, metric, "all"]["failed"] == 0
    assert "cannot be had" not in (place / "default" / "table.md").read_text()
