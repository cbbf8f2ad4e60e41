"""Which of the finished runs a cell is answered from: those trained as it was, and all through one vocoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmark.reporting.reproduce.papers import SYSTEMS
from benchmark.reporting.schema import SystemFacts

Make = Callable[..., Path]
Document = Callable[..., dict[str, Any]]
Command = Callable[..., tuple[int, str]]
SPKSIM = "spksim@resemblyzer"
ALONE = "passed over, trained on grid instead of grid, lrs3, lip2wav, celeba_hq, vctk: "
MEAN = {"xfavot": {SPKSIM: 0.70}, "ground_truth": {SPKSIM: 0.82}}


def row(found: Mapping[str, Any], model: str, metric: str = "SpkSim", split: str = "seen") -> dict[str, Any]:
    (own,) = [
        r
        for r in found["rows"]
        if (r["model"], r["paper_metric"], r["split"]) == (model, metric, split)
        and r["dataset"] == "GRID"
        and r["guidance"] in ("audio", "none")
    ]
    return dict(own)


def through(vocoder: str, system: str, seed: int) -> dict[str, Any]:
    """Facts and settings of a run of one system; the vocoder took mel80 unless it is griffin_lim_512."""
    facts = SystemFacts(network="trained", checkpoint_sha256=f"{system}{seed}", vocoder=vocoder)
    usual = {"mel80": "griffin_lim", "mel512": "griffin_lim_512"}
    vocoders = usual if vocoder in usual.values() else {**usual, "mel80": vocoder}
    return {"facts": {system: facts}, "settings": {"vocoders": vocoders}, "folder": f"{system}-{vocoder}-{seed}"}


def test_a_network_of_one_corpus_never_stands_beside_the_number_of_five(
    make: Make, document: Document, reproduce: Command
) -> None:
    make("audio_guided_vc", "grid", MEAN, profile="paper", corpora=["grid"], folder="alone")
    found = document("xfavot.table3")
    for split in ("seen", "unseen"):
        ours = row(found, "XFaVoT", split=split)
        assert (ours["value"], ours["difference"], ours["note"]) == (None, None, f"{ALONE}alone")
        assert ours["command"].endswith("--seed 0")
    assert row(found, "GroundTruth")["value"] == pytest.approx(0.82, abs=0.03), "a control learns of no corpus"
    lines = reproduce("xfavot.table3")[1].splitlines()
    assert f"XFaVoT: {ALONE}alone." in lines
    assert any("| audio    | XFaVoT" in line and line.count("no run → run") == 2 for line in lines)


def test_seeds_of_other_corpora_are_in_no_mean(make: Make, document: Document) -> None:
    make("audio_guided_vc", "grid", MEAN, seed=0, profile="paper")
    make("audio_guided_vc", "grid", {"xfavot": {SPKSIM: 0.95}}, seed=1, profile="paper", corpora=["grid"], folder="a")
    make("audio_guided_vc", "grid", {"xfavot": {SPKSIM: 0.95}}, seed=0, profile="paper", corpora=["grid"], folder="b")
    ours = row(document("xfavot.table3"), "XFaVoT")
    assert list(ours["values"]) == ["0"]
    assert ours["value"] == pytest.approx(0.70, abs=0.03)
    assert ours["note"] == f"{ALONE}a, b"
    assert ours["command"].endswith("--seed 1")


def test_so_it_is_at_the_embedded_corpora(make: Make, document: Document) -> None:
    both = ["pocket_voices", "pocket_av"]
    make("audio_guided_vc", "pocket_av", MEAN, corpora=both, folder="both")
    found = document("xfavot.table3", "--profile", "pocket")
    assert row(found, "XFaVoT")["note"] == "passed over, trained on pocket_voices, pocket_av instead of pocket_av: both"
    assert row(found, "GroundTruth")["value"] is not None


def test_nor_of_a_system_that_this_version_does_not_have(
    make: Make, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.reporting.reproduce.papers.SYSTEMS", {**SYSTEMS, "CAE": "of_tomorrow"})
    means = {"of_tomorrow": {"retrieval_top5@own": 0.2}}
    make("face_from_voice", "pocket_av_many", means, corpora=["pocket_av", "pocket_av_many"], folder="both")
    rows = document("cae.retrieval", "--profile", "pocket")["rows"]
    note = "passed over, trained on pocket_av, pocket_av_many instead of pocket_av_many: both"
    assert {(r["value"], r["note"]) for r in rows} == {(None, note)}


def test_the_recogniser_is_that_of_runs_that_count(make: Make, document: Document) -> None:
    def judged(recogniser: str, **changes: Any) -> None:
        make("audio_guided_vc", "grid", {"xfavot": {f"wer@espnet:{recogniser}": 0.4}}, profile="paper", **changes)

    judged("other", seed=1, corpora=["grid"], folder="other", finished="2026-11-21T12:00:00+00:00")
    assert row(document("xfavot.table3"), "XFaVoT", "WER")["note"] == f"{ALONE}other"
    judged("published")
    found = row(document("xfavot.table3"), "XFaVoT", "WER")
    assert (found["metric"], list(found["values"]), found["note"]) == ("wer@espnet:published", ["0"], "")


def test_a_row_goes_through_one_vocoder(make: Make, document: Document, reproduce: Command) -> None:
    for seed, vocoder, mean in ((0, "griffin_lim", 0.6), (1, "griffin_lim", 0.6), (1, "parallel_wavegan:x", 0.9)):
        how = through(vocoder, "xfavot", seed) | {"finished": f"2026-11-20T{12 + 10 * mean:02.0f}:00:00+00:00"}
        make("audio_guided_vc", "grid", {"xfavot": {SPKSIM: mean}}, seed=seed, profile="paper", **how)
    ours = row(document("xfavot.table3"), "XFaVoT")
    assert sorted(ours["values"]) == ["0", "1"]
    assert ours["value"] == pytest.approx(0.6, abs=0.03), "of most seeds, not of the last run"
    note = "passed over, made through parallel_wavegan:x and not griffin_lim: xfavot-parallel_wavegan:x-1"
    assert ours["note"] == note
    assert f"XFaVoT: {note}." in reproduce("xfavot.table3")[1].splitlines()


@pytest.mark.parametrize(
    ("vocoder", "verdict", "why"),
    [
        ("griffin_lim", "agrees", ""),
        ("griffin_lim_512", "agrees", ""),
        ("parallel_wavegan:x", "undecided", "the two sides went through different vocoders"),
    ],
)
def test_an_order_is_not_that_of_two_vocoders_of_one_mel(
    vocoder: str, verdict: str, why: str, make: Make, document: Document
) -> None:
    for seed in (0, 1, 2):
        for system, mean, made in (("xfavot", 0.8, "griffin_lim"), ("fragment_vc", 0.6, vocoder)):
            means = {system: {SPKSIM: mean}}
            make("audio_guided_vc", "pocket_av", means, seed=seed, **through(made, system, seed))
    found = document("xfavot.table3", "--profile", "pocket")
    own = [c for c in found["claims"] if c["claim"] == "XFaVoT better than Fragment-VC" and c["metric"] == "SpkSim"]
    assert {(c["verdict"], c["why"]) for c in own if c["corpus"] == "grid"} == {(verdict, why)}
