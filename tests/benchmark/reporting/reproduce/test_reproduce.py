"""What `reproduce` says of run folders: values over seeds, differences, verdicts, commands of what is missing."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Path]
Document = Callable[..., dict[str, Any]]
Command = Callable[..., tuple[int, str]]
SPKSIM = "spksim@resemblyzer"
LADDER = {"starganv2_vc:one_shot": 0.60, "xfavot:joint": 0.60, "xfavot:joint_csc": 0.60, "xfavot": 0.70}


def ladder(make: Make, seed: int, profile: str = "pocket", **means: float) -> None:
    """Table 5's audio half in one run."""
    values = {**LADDER, **{name.replace("__", ":"): value for name, value in means.items()}}
    corpus = "grid" if profile == "paper" else "pocket_av"
    make("audio_guided_vc", corpus, {s: {SPKSIM: v} for s, v in values.items()}, seed=seed, profile=profile)


def rows(found: dict[str, Any], **wanted: object) -> list[dict[str, Any]]:
    return [r for r in found["rows"] if all(r[key] == value for key, value in wanted.items())]


def verdicts(found: dict[str, Any], claim: str, guidance: str = "audio") -> dict[str, str]:
    own = [c for c in found["claims"] if (c["claim"], c["guidance"], c["metric"]) == (claim, guidance, "SpkSim")]
    return {c["split"]: c["verdict"] for c in own}


def test_three_seeds_at_profile_paper_stand_beside_the_papers_value(make: Make, document: Document) -> None:
    for seed in (0, 1, 2):
        ladder(make, seed, "paper", xfavot=0.70 + 0.02 * seed)
    found = document("xfavot.table5")
    for split in ("seen", "unseen"):
        (row,) = rows(found, model="A3_XFaVoT", guidance="audio", paper_metric="SpkSim", split=split)
        values = list(row["values"].values())
        assert (row["seeds"], row["trainings"], row["paper_value"]) == (3, 3, 0.75)
        assert values == pytest.approx([0.70, 0.72, 0.74], abs=0.03)
        assert row["value"] == pytest.approx(sum(values) / 3)
        assert row["sd"] == pytest.approx((sum((v - row["value"]) ** 2 for v in values) / 2) ** 0.5)
        assert row["difference"] == pytest.approx(row["value"] - 0.75)
        assert row["command"] is None


def test_rows_of_pocket_never_carry_a_paper_value(make: Make, document: Document, reproduce: Command) -> None:
    for seed in (0, 1, 2):
        ladder(make, seed)
    found = document("xfavot.table5", "--profile", "pocket")
    assert rows(found, model="A3_XFaVoT", guidance="audio", paper_metric="SpkSim", split="seen")[0]["value"] is not None
    assert all(r["paper_value"] is r["paper_printed"] is r["difference"] is None for r in found["rows"])
    assert all(r["system"].endswith(":pocket") for r in found["rows"])
    _, text = reproduce("xfavot.table5", "--profile", "pocket")
    ours = [line for line in text.splitlines() if "seeds)" in line]
    assert ours
    assert not any("0.75" in line or "0.64" in line for line in ours)
    assert "− paper" not in text


def test_a_run_of_another_profile_is_no_run(make: Make, document: Document) -> None:
    ladder(make, 0)
    found = document("xfavot.table5")
    assert all(r["value"] is None for r in found["rows"])
    assert any("other profiles" in note and note.endswith(": 1.") for note in found["notes"])


def test_another_version_of_a_protocol_is_another_number(make: Make, document: Document) -> None:
    values = {system: {SPKSIM: value} for system, value in LADDER.items()}
    make("audio_guided_vc", "pocket_av", values, seed=0)
    make("audio_guided_vc", "pocket_av", values, seed=1, protocol_versions={SPKSIM: 99})
    found = document("xfavot.table5", "--profile", "pocket")
    (row,) = rows(found, model="A3_XFaVoT", guidance="audio", paper_metric="SpkSim", split="seen")
    assert row["seeds"] == 1
    assert f"Passed over, {SPKSIM} of another version of its protocol: 1." in found["notes"]


def test_the_ladder_agrees_on_three_seeds(make: Make, document: Document) -> None:
    for seed in (0, 1, 2):
        ladder(make, seed)
    found = document("xfavot.table5", "--profile", "pocket")
    assert verdicts(found, "A3 better than A2") == {"seen": "agrees", "unseen": "agrees"}
    assert verdicts(found, "A2 level (within 0.02) with A1") == {"seen": "agrees", "unseen": "agrees"}
    assert verdicts(found, "A3 better than A2", "image") == {"seen": "no run", "unseen": "no run"}


def test_an_order_against_the_papers_disagrees(make: Make, document: Document) -> None:
    for seed in (0, 1, 2):
        ladder(make, seed, xfavot=0.50, xfavot__joint_csc=0.75)
    found = document("xfavot.table5", "--profile", "pocket")
    assert verdicts(found, "A3 better than A2") == {"seen": "disagrees", "unseen": "disagrees"}
    assert verdicts(found, "A2 level (within 0.02) with A1") == {"seen": "disagrees", "unseen": "disagrees"}


def test_seeds_that_contradict_each_other_decide_nothing(make: Make, document: Document) -> None:
    for seed, value in enumerate((0.75, 0.50, 0.70)):
        ladder(make, seed, xfavot=value)
    assert set(verdicts(document("xfavot.table5", "--profile", "pocket"), "A3 better than A2").values()) == {
        "undecided"
    }


def test_two_seeds_and_three_runs_of_one_checkpoint_decide_nothing(make: Make, document: Document) -> None:
    for seed in (0, 1):
        ladder(make, seed)
    found = document("xfavot.table5", "--profile", "pocket")
    claim = next(c for c in found["claims"] if c["claim"] == "A3 better than A2" and c["guidance"] == "audio")
    assert (claim["verdict"], claim["leans"], claim["why"]) == ("undecided", "agrees", "2 of 3 training seeds")
    for seed in (0, 1, 2):
        make("face_from_voice", "pocket_av_many", CAE, seed=seed, network="shipped")
    found = document("cae.table3", "--profile", "pocket")
    assert {c["why"] for c in found["claims"]} == {"1 of 3 training seeds"}
    assert {(r["seeds"], r["trainings"]) for r in found["rows"]} == {(3, 1)}


CAE = {"cae": {"cos_target@own": 0.42, "cos_input@own": 0.32, "cos_random@own": 0.21}}


def test_two_metrics_of_one_system_are_compared(make: Make, document: Document) -> None:
    for seed in (0, 1, 2):
        make("face_from_voice", "voxceleb_vggface", CAE, seed=seed, profile="paper")
    found = document("cae.table3")
    assert {c["verdict"] for c in found["claims"]} == {"agrees"}
    assert {r["paper_metric"]: r["paper_value"] for r in found["rows"]} == {
        "cos_gen_vs_input_A": 0.32,
        "cos_gen_vs_target_B": 0.42,
        "cos": None,  # what the paper mapped at random it does not say
    }


def test_systems_of_two_runs_are_paired_on_equal_trials(make: Make, document: Document) -> None:
    for seed in (0, 1, 2):
        for system, value in LADDER.items():
            make("audio_guided_vc", "pocket_av", {system: {SPKSIM: value}}, seed=seed)
    apart = document("xfavot.table5", "--profile", "pocket")
    claim = next(c for c in apart["claims"] if c["claim"] == "A3 better than A2" and c["guidance"] == "audio")
    assert claim["verdict"] == "agrees"
    assert claim["gain"] == pytest.approx(0.10, abs=0.005)
    assert claim["high"] - claim["low"] < 0.03, "unpaired, the speakers' spread would be in it"


def test_lost_values_have_no_difference_but_an_order(make: Make, document: Document, reproduce: Command) -> None:
    for seed in (0, 1, 2):
        means = {"xfavot": {"fid@starganv2": 30.0 + seed / 10}, "starganv2": {"fid@starganv2": 29.0}}
        make("image_guided_translation", "grid", means, seed=seed, profile="paper")
    found = document("xfavot.table2")
    (row,) = rows(found, model="XFaVoT", guidance="image", corpus="grid", paper_metric="FID", split="seen")
    assert (row["paper_value"], row["paper_printed"], row["difference"]) == (None, "LOST", None)
    assert row["value"] == pytest.approx(30.1, abs=0.05)
    own = [c for c in found["claims"] if c["corpus"] == "grid" and c["claim"] == "XFaVoT at most 25% behind StarGANv2"]
    assert {(c["metric"], c["verdict"]) for c in own} == {("FID", "agrees"), ("LPIPS", "no run")}
    assert "LOST" in reproduce("xfavot.table2")[1]


def test_nisqa_decides_nothing_on_espeak_voices(make: Make, document: Document) -> None:
    for seed in (0, 1, 2):
        means = {s: {"nisqa@nisqa.tar": 2.0} for s in LADDER}
        make("audio_guided_vc", "pocket_av", means, seed=seed)
    found = document("xfavot.table5", "--profile", "pocket")
    own = [c for c in found["claims"] if c["metric"] == "NISQA" and c["guidance"] == "audio"]
    assert {(c["verdict"], c["why"]) for c in own} == {("undecided", "NISQA cannot judge espeak voices")}


def test_missing_runs_are_commands_in_the_order_of_the_table(make: Make, document: Document) -> None:
    ladder(make, 0)
    found = document("xfavot.table5", "--profile", "pocket", "--seeds", "0", "1")
    commands = [c["command"] for c in found["commands"]]
    image = rows(found, model="A3_XFaVoT", guidance="image", paper_metric="SpkSim", split="seen")[0]["command"]
    assert image in commands
    assert image.startswith("python -m benchmark run --task image_guided_vc --profile pocket --systems ")
    assert image.endswith(" --corpus pocket_av --seed 0")
    seen = [(c["task"], c["seed"]) for c in found["commands"]]
    assert ("audio_guided_vc", 1) in seen
    assert seen.index(("audio_guided_vc", 1)) < seen.index(("image_guided_vc", 0))


def test_commands_of_profile_paper_name_corpora_and_a_published_recogniser(make: Make, document: Document) -> None:
    found = document("xfavot.table5", "--corpus", "grid=/data/my grid", "--seeds", "7")
    command = found["commands"][0]["command"]
    assert "--corpus 'grid=/data/my grid' --corpus lrs3=FOLDER" in command
    assert "wer@espnet:librispeech_conformer6" in command
    assert command.endswith("--seed 7")


def test_a_system_of_a_later_version_is_named_and_left_out_of_make(
    make: Make, reproduce: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.reporting.reproduce.papers.SYSTEMS", {**_systems(), "CAE": "of_tomorrow"})
    code, text = reproduce("cae.retrieval", "--profile", "tiny", "--seeds", "0")
    assert code == 0
    assert "(this version does not have of_tomorrow): python -m benchmark run --task face_from_voice" in text


def _systems() -> dict[str, str]:
    from benchmark.reporting.reproduce.papers import SYSTEMS

    return dict(SYSTEMS)


def test_make_runs_what_is_missing_and_then_reads_it(
    make: Make, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def fake(plan: Any) -> None:
        made.append((plan.task.name, [s.full for s in plan.systems], [c for c, _ in plan.corpora], plan.settings.seed))
        make("face_from_voice", "pocket_av_many", CAE, seed=plan.settings.seed, profile="tiny")

    monkeypatch.setattr("benchmark.runner.run.run", fake)
    found = document("cae.table3", "--profile", "tiny", "--seeds", "0", "4", "--make")
    assert made == [("face_from_voice", ["cae"], ["pocket_av_many"], seed) for seed in (0, 4)]
    assert found["commands"] == []
    assert {r["seeds"] for r in found["rows"]} == {2}


def test_a_run_whose_corpus_gave_no_trials_is_not_asked_for_again(make: Make, document: Document) -> None:
    means = {"cae": {"retrieval_top5@own": 0.21}, "random_reference": {"retrieval_top5@own": 0.01}}
    folder = make("face_from_voice", "voxceleb_vggface", means, profile="paper")
    kept = [line for line in (folder / "trials.csv").read_text().splitlines() if "-unseen-" not in line]
    (folder / "trials.csv").write_text("\n".join(kept) + "\n")
    scores = [line for line in (folder / "scores.jsonl").read_text().splitlines() if "-unseen-" not in line]
    (folder / "scores.jsonl").write_text("\n".join(scores) + "\n")
    found = document("cae.retrieval", "--seeds", "0")
    (row,) = rows(found, split="unseen")
    assert (row["value"], row["command"], row["note"]) == (None, None, "no such trial could be drawn (seed 0)")
    assert found["commands"] == []


def test_what_needs_a_reference_of_another_corpus_is_no_command(
    make: Make, document: Document, reproduce: Command
) -> None:
    make("audio_guided_vc", "pocket_av", {"ground_truth": {SPKSIM: 0.9}})
    why = "source and reference are of two corpora, and trials are drawn within one"
    across = []
    for table in ("xfavot.table2", "xfavot.table3", "xfavot.figure5"):
        found = document(table)
        own = [r for r in found["rows"] if r["note"] == why]
        assert all(r["value"] is r["command"] is r["corpus"] is None for r in own)
        across += [(r["dataset"], r["task"], r["paper_metric"]) for r in own if r["split"] == "seen"]
        assert all(r["command"] for r in found["rows"] if not r["note"])
        claims = [c for c in found["claims"] if c["why"]]
        assert {(c["verdict"], c["why"]) for c in claims} == {("no run", why)}
        assert why in reproduce(table)[1]
    assert sorted({*across}) == [
        ("CelebA-HQ", "audio_guided_translation", "FID"),
        ("CelebA-HQ", "audio_guided_translation", "LPIPS"),
        ("CelebA-HQ+VCTK", "audio_guided_translation", "CPR"),
        ("CelebA-HQ+VCTK", "image_guided_vc", "CPR"),
        ("VCTK+CelebA-HQ", "image_guided_vc", "NISQA"),
        ("VCTK+CelebA-HQ", "image_guided_vc", "WER"),
    ]
    assert {r["note"] for r in rows(document("xfavot.table3"), dataset="VCTK+CelebA-HQ", paper_metric="SpkSim")} == {
        "not defined in the paper"
    }


def test_unfinished_and_partial_runs(make: Make, document: Document) -> None:
    ladder(make, 1, "paper")
    make("audio_guided_vc", "grid", {"xfavot": {SPKSIM: 0.9}}, profile="paper", status="interrupted")
    make("audio_guided_vc", "grid", {"xfavot": {SPKSIM: 0.8}}, seed=2, profile="paper", partial=["grid"])
    found = document("xfavot.table5")
    (row,) = rows(found, model="A3_XFaVoT", guidance="audio", paper_metric="SpkSim", split="seen")
    assert sorted(row["values"]) == ["1", "2"]
    assert (row["paper_value"], row["unlike"]) == (None, "fewer trials than asked for")
    assert "Passed over, not finished: 1." in found["notes"]


def test_of_two_runs_of_a_seed_the_last_counts(make: Make, document: Document) -> None:
    for value, hour in ((0.5, 12), (0.8, 14), (0.6, 13)):
        finished = f"2026-11-20T{hour}:00:00+00:00"
        make("audio_guided_vc", "pocket_av", {"xfavot": {SPKSIM: value}}, finished=finished)
    (row,) = rows(
        document("xfavot.table5", "--profile", "pocket"),
        model="A3_XFaVoT",
        guidance="audio",
        paper_metric="SpkSim",
        split="seen",
    )
    assert row["value"] == pytest.approx(0.8, abs=0.03)


def test_runs_elsewhere_are_read_and_a_folder_without_any_is_an_error(
    make: Make, document: Document, reproduce: Command
) -> None:
    ladder(make, 0)
    Path("results").rename("elsewhere")
    assert document("xfavot.table5", "--profile", "pocket")["runs"] == []
    assert len(document("xfavot.table5", "--profile", "pocket", "--runs", "elsewhere")["runs"]) == 1
    (one,) = Path("elsewhere").iterdir()
    assert len(document("xfavot.table5", "--profile", "pocket", "--runs", one, "elsewhere")["runs"]) == 1
    Path("nothing").mkdir()
    code, text = reproduce("xfavot.table5", "--runs", "nothing")
    assert (code, text) == (2, "error: --runs nothing: neither a run folder nor a folder of run folders.\n")


def test_files_hold_what_is_printed(make: Make, reproduce: Command, document: Document) -> None:
    ladder(make, 0)
    _, text = reproduce("xfavot.table5", "--profile", "pocket", "--out", "tables")
    assert Path("tables/xfavot.table5.md").read_text().strip() == text.strip()
    with open("tables/xfavot.table5.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    found = document("xfavot.table5", "--profile", "pocket")
    assert len(lines) == len(found["rows"]) == 42
    assert [float(x["value"]) for x in lines if x["value"]] == [r["value"] for r in found["rows"] if r["value"]]
    latex = Path("tables/xfavot.table5.tex").read_text()
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") > 5
    assert max(len(line) for line in text.splitlines() if line.startswith("|")) <= 120


@pytest.mark.parametrize("arguments", [("xfavot.table9",), ("xfavot.table3", "--profile", "pokcet")])
def test_unknown_names_are_errors(arguments: tuple[str, ...], reproduce: Command) -> None:
    code, text = reproduce(*arguments)
    assert code == 2
    assert text.startswith("error: Unknown ")
    assert "xfavot.table3" in text or "pocket" in text


def test_the_verb_loads_no_torch(make: Make) -> None:
    ladder(make, 0)
    code = (
        "import sys, benchmark.cli as c\n"
        "try: c.main(['reproduce', 'xfavot.table5', '--profile', 'pocket', '--json'])\n"
        "except SystemExit as e: assert not e.code, e.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
