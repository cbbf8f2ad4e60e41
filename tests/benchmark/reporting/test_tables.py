from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.reporting.layout import Block, to_latex, to_markdown
from benchmark.reporting.schema import Device, DifferenceRow, Git, RunRecord, SystemFacts, TableRow
from benchmark.reporting.statistics import mean_interval, paired_difference
from benchmark.reporting.store import RunFolder, ScoreLog
from benchmark.reporting.strata import SPLITS
from benchmark.reporting.tables import caption, difference_rows, read_rows, remake, table_rows, write_tables
from protocols.trial import Score, Trial, write_trials

GOLDEN = Path(__file__).parent / "golden"
SPKSIM, NISQA, TTS = "spksim@resemblyzer", "nisqa@nisqa.tar", "nisqa@nisqa_tts.tar"
SYSTEMS = {
    "adain_cvc": "adain_cvc:pocket",
    "shuffled_reference:adain_cvc": "shuffled_reference:adain_cvc:pocket",
    "gender_only:adain_cvc": "gender_only:adain_cvc:pocket",
    "ground_truth": "ground_truth",
    "copy_source": "copy_source",
}
RECORD = RunRecord(
    command="python -m benchmark run --task image_guided_vc",
    task="image_guided_vc",
    profile="pocket",
    systems=SYSTEMS,
    corpora=["pocket"],
    metrics=[SPKSIM, NISQA, TTS],
    seeds=[0],
    settings={},
    git=Git(commit="0123456789abcdef", dirty=False),
    packages={},
    python="3.11.7",
    platform="Linux",
    host="here",
    device=Device(name="x", kind="cpu", threads=1, tf32_matmul=False, tf32_cudnn=False, cudnn_benchmark=False),
    facts={
        "adain_cvc": SystemFacts(
            parameters=4_892_880, train_seconds=83.2, real_time_factor=0.0312, vocoder="griffin_lim"
        )
    },
    metric_notes={TTS: "nisqa_tts.tar is missing; `python -m benchmark weights get nisqa_tts.tar`"},
    notes=["100 % of <this> & that_one is a note"],
    started="2026-11-20T11:00:00+00:00",
)


def trial_list(corpus: str = "pocket", n: int = 96, speakers: int = 16) -> list[Trial]:
    """Half seen, half unseen; genders alternate within speakers, half of the pairs cross."""
    rows = []
    for i in range(n):
        split = "seen" if i < n // 2 else "unseen"
        source = i % speakers
        target = (source + 1 + (i // speakers) % (speakers - 1)) % speakers
        rows.append(
            Trial(
                task="image_guided_vc",
                source_id=f"{split}{source}",
                source_gender=source % 2,
                target_id=f"{split}{target}",
                target_gender=target % 2,
                trial=f"{corpus}-{split}-{i:04d}",
                split=split,
            )
        )
    return rows


def score_list(trials: Sequence[Trial]) -> list[Score]:
    """A system that knows its reference, forms of it that do not; two items that failed, one metric without weights."""
    rng = np.random.default_rng(0)
    quality = {"adain_cvc": 0.70, "ground_truth": 0.85, "copy_source": 0.58}
    scores = []
    for system in SYSTEMS:
        for trial in trials:
            value = quality.get(system, 0.62) + 0.04 * rng.standard_normal()
            scores.append(Score(system, trial.trial, SPKSIM, round(float(value), 6)))
            scores.append(Score(system, trial.trial, NISQA, round(float(2 + value), 6)))
    for i in (3, 101):
        scores[i] = Score(scores[i].system, scores[i].trial, scores[i].metric, error="cannot decode media/x_y.flac")
    return scores


TRIALS = trial_list()
SCORES = score_list(TRIALS)


def find(rows: Sequence[TableRow], system: str, split: str, metric: str = SPKSIM) -> TableRow:
    (row,) = [r for r in rows if (r.system, r.split, r.metric) == (system, split, metric)]
    return row


# --- rows -------------------------------------------------------------------------------------------------------------


def test_each_cell_is_the_statistic_of_its_own_trials() -> None:
    rows = table_rows(RECORD, TRIALS, SCORES)
    assert len(rows) == len(SYSTEMS) * 3 * len(SPLITS)
    value = {(s.system, s.trial): s.value for s in SCORES if s.metric == SPKSIM}
    for split, keep in {
        "all": lambda t: True,
        "unseen": lambda t: t.split == "unseen",
        "seen/cross": lambda t: t.split == "seen" and t.source_gender != t.target_gender,
        "unseen/same": lambda t: t.split == "unseen" and t.source_gender == t.target_gender,
    }.items():
        kept = [t for t in TRIALS if keep(t)]
        expected = mean_interval(
            [value["ground_truth", t.trial] for t in kept],  # type: ignore[misc]
            [t.source_id for t in kept],
            [t.target_id for t in kept],
        )
        row = find(rows, "ground_truth", split)
        assert 0 < len(kept) == row.n < 97
        assert (row.value, row.low, row.high) == (expected.mean, expected.low, expected.high)


def test_differences_are_paired_with_the_systems_own_forms_alone() -> None:
    rows = difference_rows(RECORD, TRIALS, SCORES)
    assert {(r.system, r.against) for r in rows} == {
        ("adain_cvc:pocket", "shuffled_reference:adain_cvc:pocket"),
        ("adain_cvc:pocket", "gender_only:adain_cvc:pocket"),
    }
    value = {(s.system, s.trial): s.value for s in SCORES if s.metric == SPKSIM}
    kept = [t for t in TRIALS if t.split == "unseen"]
    expected = paired_difference(
        [value["adain_cvc", t.trial] for t in kept],  # type: ignore[misc]
        [value["gender_only:adain_cvc", t.trial] for t in kept],  # type: ignore[misc]
        [t.source_id for t in kept],
        [t.target_id for t in kept],
    )
    (row,) = [r for r in rows if (r.against.split(":")[0], r.split, r.metric) == ("gender_only", "unseen", SPKSIM)]
    assert (row.difference, row.low, row.high, row.p, row.n) == (
        expected.mean,
        expected.low,
        expected.high,
        expected.p,
        48,
    )
    assert row.low is not None
    assert row.low > 0


def test_a_failed_score_is_counted_and_named_and_in_no_mean() -> None:
    rows = table_rows(RECORD, TRIALS, SCORES)
    failed = [s for s in SCORES if s.error]
    row = find(rows, "adain_cvc:pocket", "all", NISQA)
    assert (row.n, row.failed) == (94, 2)
    assert all(s.trial in row.note for s in failed)
    good = [s.value for s in SCORES if s.system == "adain_cvc" and s.metric == NISQA and s.value is not None]
    assert row.value == pytest.approx(np.mean(good))
    pairs = [r for r in difference_rows(RECORD, TRIALS, SCORES) if r.metric == NISQA and r.split == "all"]
    assert [r.n for r in pairs] == [94, 94]


def test_when_everything_failed_there_is_no_value() -> None:
    scores = [replace(s, value=None, error="no") if s.system == "copy_source" else s for s in SCORES]
    row = find(table_rows(RECORD, TRIALS, scores), "copy_source", "all")
    assert (row.value, row.low, row.n, row.failed) == (None, None, 0, 96)
    assert "93 more in scores.jsonl" in row.note


def test_missing_weights_and_missing_scores_say_why() -> None:
    rows = table_rows(RECORD, TRIALS, [s for s in SCORES if s.system != "copy_source"])
    assert find(rows, "ground_truth", "all", TTS).note == RECORD.metric_notes[TTS]
    assert find(rows, "copy_source", "all").note == "no scores"
    assert not [r for r in difference_rows(RECORD, TRIALS, SCORES) if r.metric == TTS]


def test_few_speakers_or_no_names_leave_the_mean_without_interval() -> None:
    few = trial_list(n=24, speakers=6)
    row = find(table_rows(RECORD, few, score_list(few)), "ground_truth", "seen")
    assert (row.low, row.high, row.clusters) == (None, None, 6)
    assert "6 source and 6 target speakers" in row.note
    nameless = [replace(t, source_id="") for t in TRIALS]
    row = find(table_rows(RECORD, nameless, SCORES), "ground_truth", "seen")
    assert row.value is not None
    assert row.low is None
    assert "source_id" in row.note
    for trials in (few, nameless):
        rows = [r for r in difference_rows(RECORD, trials, score_list(trials)) if r.split != "all"]
        assert rows
        assert all(r.low is None and r.p is None for r in rows)


def test_a_list_without_splits_or_genders_has_the_row_all() -> None:
    trials = [replace(t, split="", source_gender=None) for t in TRIALS]
    assert {r.split for r in table_rows(RECORD, trials, SCORES)} == {"all"}


def test_a_third_partys_list_has_rows_of_each_system_on_its_own_trials() -> None:
    trials = [replace(t, system=s) for i, t in enumerate(TRIALS) for s in (["ground_truth", "copy_source"][i % 2],)]
    owner = {t.trial: t.system for t in trials}
    rows = table_rows(RECORD, trials, [s for s in SCORES if owner[s.trial] == s.system])
    assert {(r.system, r.n) for r in rows if r.split == "all" and r.metric == SPKSIM} == {
        ("ground_truth", 48),
        ("copy_source", 48),
    }


def test_corpora_are_told_apart_by_the_trials_names() -> None:
    record = RECORD.model_copy(update={"corpora": ["pocket", "pocket-two"], "partial": ["pocket-two"]})
    other = trial_list("pocket-two", n=48)
    scores = SCORES + score_list(other)
    rows = table_rows(record, TRIALS + other, scores)
    counts = {(r.corpus, r.n, r.partial) for r in rows if r.split == "all" and r.metric == SPKSIM}
    assert counts == {("pocket", 96, False), ("pocket-two", 48, True)}
    with pytest.raises(BenchmarkError, match="begins with none of the run's corpora"):
        table_rows(record, [*TRIALS, replace(other[0], trial="grid-1")], scores[: len(SCORES)])


def test_scores_and_trials_that_do_not_belong_together_are_an_error() -> None:
    for stray in (Score("x", TRIALS[0].trial, SPKSIM, 1.0), Score("copy_source", "x", SPKSIM, 1.0)):
        with pytest.raises(BenchmarkError, match="belongs to no row"):
            table_rows(RECORD, TRIALS, [*SCORES, stray])
    with pytest.raises(BenchmarkError, match="two of its rows alike"):
        table_rows(RECORD, [*TRIALS, TRIALS[0]], SCORES)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_trials_and_scores_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trials = [TRIALS[i] for i in rng.permutation(len(TRIALS))]
    scores = [SCORES[i] for i in rng.permutation(len(SCORES))]
    for a, b in zip(table_rows(RECORD, TRIALS, SCORES), table_rows(RECORD, trials, scores), strict=True):
        assert (a.system, a.split, a.metric, a.n, a.failed) == (b.system, b.split, b.metric, b.n, b.failed)
        assert (a.value, a.low) == pytest.approx((b.value, b.low))


def test_paper_values_stand_beside_the_papers_settings_alone() -> None:
    paper = {"adain_cvc": "adain_cvc", "ground_truth": "ground_truth"}
    record = RECORD.model_copy(update={"profile": "paper", "corpora": ["grid"], "systems": paper})
    scores = [s for s in SCORES if s.system in paper]
    rows = table_rows(record, TRIALS, scores)
    assert find(rows, "adain_cvc", "all").paper_value == 0.61
    assert find(rows, "ground_truth", "all", NISQA).paper_value == 4.61
    assert find(rows, "adain_cvc", "seen").paper_value is None
    for other in (
        record.model_copy(update={"profile": "pocket"}),
        record.model_copy(update={"systems": {k: f"{v}:small" for k, v in paper.items()}}),
        record.model_copy(update={"corpora": ["pocket"]}),
    ):
        assert all(r.paper_value is None for r in table_rows(other, TRIALS, scores))


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with RunFolder(tmp_path / "run") as run:
        run.open(RECORD)
        write_trials(run.trials, TRIALS)
        ScoreLog(run.scores).append(SCORES)
    remake(run.path)
    return run.path


@pytest.mark.parametrize("name", ["table.md", "table.tex", "table.csv", "table.json", "differences.json"])
def test_files_are_golden(folder: Path, name: str) -> None:
    """To accept a change of looks: BENCHMARK_WRITE_GOLDEN=1, then read the diff."""
    if os.environ.get("BENCHMARK_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        shutil.copyfile(folder / name, GOLDEN / name)
    got, golden = (folder / name).read_text(encoding="utf-8"), (GOLDEN / name).read_text(encoding="utf-8")
    if name.endswith((".md", ".tex")):
        assert got == golden
    else:  # numbers to the last few bits, which may differ between processors
        read = json.loads if name.endswith(".json") else lambda text: list(csv.DictReader(text.splitlines()))
        for a, b in zip(read(got), read(golden), strict=True):
            assert list(a) == list(b)
            for key in a:
                same = a[key] == b[key]
                assert same or float(a[key]) == pytest.approx(float(b[key]), rel=1e-9, abs=1e-15), (key, a, b)


def test_a_table_is_remade_from_the_folder_alone_and_survives_json(folder: Path) -> None:
    moved = folder.with_name("elsewhere")
    shutil.copytree(folder, moved)
    for file in moved.glob("table.*"):
        file.unlink()
    rows = remake(moved)
    assert rows == table_rows(RECORD, TRIALS, SCORES) == read_rows(moved / "table.json")
    for file in folder.glob("*.*"):
        assert file.read_bytes() == (moved / file.name).read_bytes()
    differences = [DifferenceRow(**d) for d in json.loads((moved / "differences.json").read_text())]
    assert differences == difference_rows(RECORD, TRIALS, SCORES)


def test_remaking_loads_no_network(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from benchmark.reporting.tables import remake\n"
        "remake(Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)], cwd=Path(__file__).parents[3]).returncode == 0


def test_the_printed_table_fits_a_terminal(folder: Path) -> None:
    lines = [line for line in (folder / "table.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert len(lines) > 30
    assert max(map(len, lines)) <= 120
    heads = {len(line) for line in lines[:7]}
    assert len(heads) == 1, "columns are aligned"


def test_a_full_disk_is_a_clear_error_and_keeps_the_old_tables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(BenchmarkError, match=r"No space left on device\. The scores are kept"):
            remake(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_partial_corpus_is_marked(tmp_path: Path) -> None:
    rows = table_rows(RECORD.model_copy(update={"partial": ["pocket"]}), TRIALS, SCORES)
    write_tables(tmp_path, rows, [], "caption")
    assert "· pocket (partial)" in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert all(row["partial"] for row in json.loads((tmp_path / "table.json").read_text()))


def test_the_caption_says_what_a_reader_must_know() -> None:
    text = caption(RECORD.model_copy(update={"partial": ["pocket"]}), TRIALS)
    for words in (
        "pocket (96 trials)",
        "seed 0",
        "griffin_lim",
        "0123456789",
        "NISQA cannot judge espeak",
        "weights get",
    ):
        assert words in text
    assert "Partial" in text
    words = {"metrics": ["wer@espnet:pocket:en1"], "systems": {"random_reference": "random_reference"}}
    assert "says another sentence: the floor" in caption(RECORD.model_copy(update=words), TRIALS)
    both = {**words, "metrics": ["wer@espnet:pocket:en1", "f0_corr@world", "f0_target@world"]}
    assert "WER, F0 correlation: ground_truth is the source" in caption(RECORD.model_copy(update=both), TRIALS)
    assert "the floor" not in text, "without the metric there is nothing to say"
    grid = caption(RECORD.model_copy(update={"corpora": ["grid"]}), TRIALS)
    assert "espeak" not in grid


def test_a_cell_says_how_many_failed_and_why_it_has_no_interval(tmp_path: Path) -> None:
    few = trial_list(n=24, speakers=6)
    scores = [replace(s, value=None, error="no") if s.system == "copy_source" else s for s in score_list(few)]
    rows = table_rows(RECORD, few, scores)
    write_tables(tmp_path, rows, difference_rows(RECORD, few, scores), "caption")
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "—ᶠ(24)" in text
    assert "(6<8 clusters)" in text
    assert "— nisqa_tts.tar is missing" in text


@settings(deadline=None)
@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=40))
def test_latex_leaves_no_special_character_bare(text: str) -> None:
    out = to_latex([Block("t", ("a", "b"), ((text, "x"),))], "")
    (line,) = [line for line in out.splitlines() if line.endswith(r" & x \\")]
    bare = line.removesuffix(r" & x \\")
    for known in (r"\textbackslash{}", r"\textasciitilde{}", r"\textasciicircum{}", r"\textsuperscript{f}"):
        bare = bare.replace(known, "")
    for known in (r"\textless{}", r"\textgreater{}", r"\textbar{}", r"$\hookrightarrow$", r"$\cdot$", "$-$"):
        bare = bare.replace(known, "")
    for character in "&%$#_{}":
        bare = bare.replace(f"\\{character}", "")
    assert not set(bare) & set("\\&%$#_{}~^<>|")


def test_markdown_escapes_what_would_end_a_cell() -> None:
    assert "a\\|b" in to_markdown([Block("t", ("x", "y"), (("a|b", "1"),))], "")


@pytest.mark.parametrize("text", ["{}", "[1]", '[{"task": "x"}]', "nonsense"])
def test_a_broken_table_is_a_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(BenchmarkError, match=r"no table\.json"):
        read_rows(tmp_path / "table.json")


def test_a_missing_table_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="No table at"):
        read_rows(tmp_path / "table.json")
