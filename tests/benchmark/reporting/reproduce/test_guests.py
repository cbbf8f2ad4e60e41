"""XFaVoT on an embedded corpus of faces or of voices alone: none is trained there, the shipped one of both is tried."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.reporting.reproduce.times import paces
from benchmark.settings import load_profile

Make = Callable[..., Path]
Document = Callable[..., dict[str, Any]]
GUEST = "xfavot@pocket_av"
WHERE = {
    "xfavot.table2": ("XFaVoT", "CelebA-HQ", "image_guided_translation"),
    "xfavot.table3": ("XFaVoT", "VCTK", "audio_guided_vc"),
}


def systems_by_corpus(found: dict[str, Any], task: str) -> dict[str, list[str]]:
    """What the commands of a task ask for."""
    words = [shlex.split(c["command"]) for c in found["commands"]]
    return {
        line[line.index("--corpus") + 1]: line[line.index("--systems") + 1 : line.index("--corpus")]
        for line in words
        if task in line
    }


@pytest.mark.parametrize(
    ("table", "task", "alone"),
    [
        ("xfavot.table2", "image_guided_translation", "pocket_faces"),
        ("xfavot.table3", "audio_guided_vc", "pocket_voices"),
    ],
)
def test_a_command_asks_for_the_shipped_network_only_where_none_can_be_trained(
    table: str, task: str, alone: str, make: Make, document: Document
) -> None:
    make("image_guided_vc", "pocket_av", {"ground_truth": {"spksim@resemblyzer": 0.9}})
    asked = systems_by_corpus(document(table, "--profile", "pocket"), task)
    assert {corpus for corpus, systems in asked.items() if GUEST in systems} == {alone}
    assert {corpus for corpus, systems in asked.items() if "xfavot" in systems} == {"pocket_av"}
    small = document(table, "--profile", "small")
    assert not any("xfavot" in name for name in systems_by_corpus(small, task)[alone])
    row = next(r for r in small["rows"] if (r["model"], r["dataset"], r["task"]) == WHERE[table])
    assert row["corpus"] is row["command"] is None
    assert row["note"] == "nothing in the embedded corpus stands for it"


def test_its_row_is_that_of_the_run_of_the_shipped_network(make: Make, document: Document) -> None:
    for seed in (0, 1, 2):
        make("audio_guided_vc", "pocket_voices", {GUEST: {"spksim@resemblyzer": 0.7}}, seed=seed, network="shipped")
    rows = document("xfavot.table3", "--profile", "pocket")["rows"]
    own = [r for r in rows if r["dataset"] == "VCTK" and r["model"] == "XFaVoT" and r["paper_metric"] == "SpkSim"]
    assert {r["system"] for r in own} == {"xfavot:pocket@pocket_av"}
    for row in own:
        assert (row["seeds"], row["trainings"], row["command"]) == (3, 1, None)
        assert row["value"] == pytest.approx(0.7, abs=0.03)


def test_it_costs_no_training() -> None:
    pocket = paces(load_profile("pocket"), ())
    assert pocket.time("audio_guided_vc", [GUEST], ["pocket_voices"], 1).training == {}
