"""Tables of a given list: several tasks in one record, a list's own strata, rows that do not count alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.layout import blocks
from benchmark.reporting.schema import Device, Git, Given, RunRecord, TableRow
from benchmark.reporting.statistics import mean_interval, paired_difference
from benchmark.reporting.tables import caption, difference_rows, table_rows
from protocols.trial import Score, Trial

VC, LATENT, WER, NISQA = "audio_guided_vc", "latent_guided_vc", "wer@espnet:some", "nisqa@nisqa.tar"
CONTROL = "shuffled_reference:adain_vc"
RECORD = RunRecord(
    kind="score",
    command="python -m benchmark score --trials list.csv",
    task="",
    profile="",
    systems={"adain_vc": "AdaIN-VC", CONTROL: "shuffled_reference:AdaIN-VC"},
    corpora=["list"],
    metrics=[WER, NISQA],
    seeds=[],
    settings={},
    git=Git(commit="0123456789abcdef", dirty=False),
    packages={},
    python="3.11.7",
    platform="Linux",
    host="here",
    device=Device(name="x", kind="cpu", threads=1, tf32_matmul=False, tf32_cudnn=False, cudnn_benchmark=False),
    given=Given(path="some/list.csv", sha256="ab" * 32, root="/data", tasks={VC: [WER, NISQA], LATENT: [NISQA]}),
    started="2026-11-20T11:00:00+00:00",
)
WORDS = [3.0, 9.0, 5.0] * 8


def listed(system: str, task: str = VC, split: str = "") -> list[Trial]:
    return [
        Trial(
            output=f"{system}{i}.wav",
            system=system,
            task=task,
            source_id=f"s{i % 12}",
            source_gender=i % 2,
            target_id=f"t{i // 2}",
            target_gender=0,
            trial=f"row{i}",
            split=split,
        )
        for i in range(24)
    ]


def judged(system: str, shift: float = 0.0, weighted: bool = True) -> list[Score]:
    values = np.random.default_rng(3).uniform(0, 0.5, 24) + shift * np.arange(24)
    return [
        Score(system, f"row{i}", WER, float(v), weight=WORDS[i] if weighted else None) for i, v in enumerate(values)
    ]


def cell(rows: list[TableRow], split: str = "all", metric: str = WER) -> TableRow:
    (row,) = [r for r in rows if (r.system, r.split, r.metric) == ("AdaIN-VC", split, metric)]
    return row


def test_rows_that_weigh_make_a_weighted_mean_with_its_interval() -> None:
    trials, scores = listed("adain_vc"), judged("adain_vc")
    values = [s.value for s in scores]
    row = cell(table_rows(RECORD, trials, scores))
    assert row.value == pytest.approx(np.average(values, weights=WORDS))
    assert row.value != pytest.approx(np.mean(values), abs=1e-4)
    ids = [t.source_id for t in trials], [t.target_id for t in trials]
    expected = mean_interval(values, *ids, weights=WORDS)
    assert (row.low, row.high) == (expected.low, expected.high)
    same = [i for i, t in enumerate(trials) if t.pairing == "same"]
    within = cell(table_rows(RECORD, trials, scores), "same")
    assert within.value == pytest.approx(np.average([values[i] for i in same], weights=[WORDS[i] for i in same]))


def test_they_do_so_without_ids_too() -> None:
    trials, scores = [replace(t, source_id="") for t in listed("adain_vc")], judged("adain_vc")
    row = cell(table_rows(RECORD, trials, scores))
    assert row.value == pytest.approx(np.average([s.value for s in scores], weights=WORDS))
    assert (row.low, row.note) == (None, "no interval: a row has no source_id or target_id")


def test_paired_differences_weigh_as_well() -> None:
    trials = [*listed("adain_vc"), *listed(CONTROL)]
    ours, theirs = judged("adain_vc"), judged(CONTROL, 0.01)
    (row,) = [r for r in difference_rows(RECORD, trials, [*ours, *theirs]) if r.split == "all"]
    values = [[s.value for s in side] for side in (ours, theirs)]
    ids = [t.source_id for t in listed("a")], [t.target_id for t in listed("a")]
    expected = paired_difference(*values, *ids, weights=WORDS)
    assert (row.n, row.difference, row.low, row.p) == (24, expected.mean, expected.low, expected.p)
    bare = [replace(t, target_id="") for t in trials]
    (row,) = [r for r in difference_rows(RECORD, bare, [*ours, *theirs]) if r.split == "all"]
    assert row.difference == pytest.approx(expected.mean)
    assert row.low is None


def test_scores_of_which_only_some_weigh_are_refused() -> None:
    scores = judged("adain_vc")
    scores[5] = replace(scores[5], weight=None)
    with pytest.raises(BenchmarkError, match="trial row5 has no weight and others have"):
        table_rows(RECORD, listed("adain_vc"), scores)


@pytest.mark.parametrize("weighted", [True, False])
def test_a_pair_that_weighs_two_ways_is_refused(weighted: bool) -> None:
    trials, theirs = [*listed("adain_vc"), *listed(CONTROL)], judged(CONTROL, weighted=weighted)
    if weighted:
        theirs[7] = replace(theirs[7], weight=100.0)
    with pytest.raises(
        BenchmarkError, match="row7: weight 9.0 for adain_vc, 100.0" if weighted else "row0: weight 3.0"
    ):
        difference_rows(RECORD, trials, [*judged("adain_vc"), *theirs])


def test_a_task_has_its_own_trials_and_metrics() -> None:
    other = [replace(t, trial=f"latent{t.trial}") for t in listed("adain_vc", LATENT)[:5]]
    scores = [Score("adain_vc", t.trial, NISQA, 4.0) for t in other]
    rows = table_rows(RECORD, [*listed("adain_vc"), *other], [*judged("adain_vc"), *scores])
    assert {(r.task, r.metric) for r in rows} == {(VC, WER), (VC, NISQA), (LATENT, NISQA)}
    assert {r.n for r in rows if (r.task, r.split) == (LATENT, "all")} == {5}
    assert {r.n for r in rows if (r.task, r.metric, r.split) == (VC, WER, "all")} == {24}


def test_a_score_of_a_row_that_is_another_systems_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="belongs to no row"):
        table_rows(RECORD, listed("adain_vc"), judged(CONTROL))


def test_strata_of_a_list() -> None:
    plain = table_rows(RECORD, listed("adain_vc"), judged("adain_vc"))
    assert [r.split for r in plain if r.metric == WER] == ["all", "same", "cross"]
    own = table_rows(RECORD, listed("adain_vc", split="dev"), judged("adain_vc"))
    assert [r.split for r in own if r.metric == WER] == ["all", "dev", "dev/same", "dev/cross"]
    first, second = (b for b in blocks(own, []) if b.title.startswith("wer"))
    assert [head.split()[0] for head in (*first.heads[1:], *second.heads[1:])] == [
        "all",
        "dev",
        "dev/same",
        "dev/cross",
    ]


def test_every_system_is_shown_once_whatever_it_is_called() -> None:
    names = ["z", "y:z", "x:y:z", "w", "x:w", ":", "a:b"]
    rows = [
        cell(table_rows(RECORD, listed("adain_vc"), judged("adain_vc"))).model_copy(update={"system": n}) for n in names
    ]
    (block,) = blocks(rows, [])
    assert [line[0] for line in block.rows] == ["z", "↳ y", "↳ x", "w", "↳ x", ":", "a:b"]


def test_the_caption_says_what_was_scored() -> None:
    said = caption(RECORD, listed("adain_vc"))
    assert "Outputs made elsewhere, scored from list.csv (sha256 ababababab): 24 rows; commit 0123456789." in said
    assert "profile" not in said


def test_an_older_record_is_a_runs() -> None:
    old = RECORD.model_dump(mode="json", exclude={"kind", "given"}) | {"task": VC, "profile": "pocket"}
    record = RunRecord.model_validate(old)
    assert (record.kind, record.given) == ("run", None)
    assert record.identity()["given"] is None


def test_identity_is_the_list_and_not_where_it_lay() -> None:
    assert RECORD.given is not None
    moved = RECORD.model_copy(update={"given": RECORD.given.model_copy(update={"path": "elsewhere/list.csv"})})
    other = RECORD.model_copy(update={"given": RECORD.given.model_copy(update={"sha256": "cd" * 32})})
    assert moved.identity() == RECORD.identity() != other.identity()
