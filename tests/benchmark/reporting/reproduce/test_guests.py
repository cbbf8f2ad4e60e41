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
Command = Callable[..., tuple[int, str]]
STRANGERS = "trained on other people; seen and unseen say nothing of it"
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


def test_its_row_is_that_of_the_run_of_the_shipped_network_and_says_whom_it_met(
    make: Make, document: Document, reproduce: Command
) -> None:
    for seed in (0, 1, 2):
        both = ["pocket_faces", "pocket_voices"]  # nothing was trained on either
        means = {GUEST: {"spksim@resemblyzer": 0.7}}
        make("audio_guided_vc", "pocket_voices", means, seed=seed, network="shipped", corpora=both)
        make("audio_guided_vc", "pocket_voices", {"adain_vc": {"spksim@resemblyzer": 0.6}}, seed=seed)
    found = document("xfavot.table3", "--profile", "pocket")
    rows = found["rows"]
    own = [r for r in rows if r["dataset"] == "VCTK" and r["model"] == "XFaVoT" and r["paper_metric"] == "SpkSim"]
    assert {r["system"] for r in own} == {"xfavot:pocket@pocket_av"}
    for row in own:
        assert (row["seeds"], row["trainings"], row["command"]) == (3, 1, None)
        assert row["value"] == pytest.approx(0.7, abs=0.03)
        assert row["note"] == STRANGERS
    said = [line for line in reproduce("xfavot.table3", "--profile", "pocket")[1].splitlines() if STRANGERS in line]
    assert f"XFaVoT: {STRANGERS}." in said
    notes = {(r["dataset"], r["model"]) for r in rows if STRANGERS in r["note"]}
    assert notes == {("VCTK", "XFaVoT")}, "where it was trained on the corpus, seen and unseen say what they always say"
    claims = [c for c in found["claims"] if c["claim"] == "XFaVoT better than AdaIN-VC" and c["corpus"] == "vctk"]
    assert {(c["split"], c["metric"]): c["why"] for c in claims} == {
        ("seen", "NISQA"): f"NISQA cannot judge espeak voices; XFaVoT was {STRANGERS}",
        ("unseen", "NISQA"): f"NISQA cannot judge espeak voices; XFaVoT was {STRANGERS}",
        ("seen", "SpkSim"): f"XFaVoT was {STRANGERS}; 1 of 3 training seeds",
        ("unseen", "SpkSim"): f"XFaVoT was {STRANGERS}; 1 of 3 training seeds",
        ("seen", "WER"): f"XFaVoT was {STRANGERS}",
        ("unseen", "WER"): f"XFaVoT was {STRANGERS}",
    }
    assert {c["verdict"] for c in claims if c["metric"] == "SpkSim"} == {"undecided"}


def test_without_a_run_its_row_has_note_and_command(make: Make, document: Document, reproduce: Command) -> None:
    make("audio_guided_vc", "pocket_av", {"ground_truth": {"spksim@resemblyzer": 0.9}})
    rows = document("xfavot.table2", "--profile", "pocket")["rows"]
    own = [r for r in rows if GUEST in (r["command"] or "") and r["model"] == "XFaVoT"]
    assert {r["note"] for r in own} == {STRANGERS}
    lines = reproduce("xfavot.table2", "--profile", "pocket")[1].splitlines()
    assert any(f"XFaVoT ({GUEST})" in line and line.count("no run → run") == 2 for line in lines)


def test_it_costs_no_training() -> None:
    pocket = paces(load_profile("pocket"), ())
    assert pocket.time("audio_guided_vc", [GUEST], ["pocket_voices"], 1).training == {}
