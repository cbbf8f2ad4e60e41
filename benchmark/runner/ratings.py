"""What human raters answered -> scores and tables, like those of a run (`score --ratings`)."""

from __future__ import annotations

import csv
import hashlib
import io
import shlex
import statistics
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from benchmark.atomic import write_text
from benchmark.reporting.schema import Count, DifferenceRow, RunRecord, TableRow, provenance
from benchmark.reporting.statistics import MIN_CLUSTERS, mean_interval, paired_difference
from benchmark.reporting.store import RunFolder, ScoreLog
from benchmark.reporting.tables import write_tables
from benchmark.runner.session import noting_failure, now
from protocols.questionnaire import REAL, Item, read_key, write_key
from protocols.ratings import Rating, agreement, read_ratings
from protocols.trial import Score

SPLITS = ("all", "seen", "unseen", "same", "cross")
"""`same` and `cross` say whether the two faces of an item are of people of one gender."""


def score_ratings(ratings: Path, key: Path, out: Path | None = None) -> Path:
    """Score a study: one score for every answer, 1 where it names the right face.

    Args:
        ratings: a ratings.csv, or a folder of them, one file for each rater.
        key: the study's key.csv.
        out: the folder written; `results/<kind>-human-<study>-<hash of the ratings>` by default.

    Returns:
        That folder: table.{md,csv,tex,json}, differences.json, scores.jsonl, run.json, raters.csv, and key.csv.

    Raises:
        BenchmarkError: as `read_key` and `read_ratings`; the folder holds another run.
    """
    items = read_key(key)
    found = read_ratings(ratings, items)
    metric = f"{items[0].kind}@human"
    record = _record(items, found, metric)
    folder = out or Path("results") / f"{items[0].kind}-human-{items[0].study}-{record.settings['ratings_sha256'][:8]}"
    with RunFolder(folder) as run:
        record = run.open(record)
        with noting_failure(run, record):
            write_key(folder / "key.csv", items)
            scores = [Score(r.item.system, f"{r.item.item}/{r.rater}", metric, r.value) for r in found]
            ScoreLog(run.scores).append(scores)
            write_text(folder / "raters.csv", _raters(items, found))
            write_tables(folder, table_rows(items, found), difference_rows(items, found), caption(items, found))
        run.write(record.model_copy(update={"finished": now(), "status": "finished"}))
    return folder


def table_rows(items: Sequence[Item], ratings: Sequence[Rating]) -> list[TableRow]:
    """One row per task, system and split: the share of right answers, 0 to 1, with an interval over raters and items.

    The corpus of a row is its study.
    """
    rows = []
    for task, system in _systems(items):
        for split in SPLITS:
            own = [r for r in ratings if (r.item.task, r.item.system) == (task, system) and _in(r.item, split)]
            if not own:
                continue
            found = mean_interval([r.value for r in own], [r.rater for r in own], [r.item.item for r in own])
            few = min(found.clusters) < MIN_CLUSTERS
            counted = f"{found.clusters[0]} raters and {found.clusters[1]} items"
            rows.append(
                TableRow(
                    task=task,
                    corpus=items[0].study,
                    system=system,
                    split=split,
                    metric=f"{items[0].kind}@human",
                    value=found.mean,
                    low=found.low,
                    high=found.high,
                    n=found.n,
                    failed=0,
                    clusters=min(found.clusters) if few else None,
                    note=f"no interval: {counted}, {MIN_CLUSTERS} of each needed" if few else "",
                )
            )
    return rows


def difference_rows(items: Sequence[Item], ratings: Sequence[Rating]) -> list[DifferenceRow]:
    """Every two systems of a task, paired on (rater, the two trials compared); none where they share nothing."""
    rows = []
    for (task, first), (other_task, second) in combinations(_systems(items), 2):
        if task != other_task:
            continue
        for split in SPLITS:
            ours, theirs = (
                {
                    (r.rater, r.item.pair): r.value
                    for r in ratings
                    if (r.item.task, r.item.system) == (task, system) and _in(r.item, split)
                }
                for system in (first, second)
            )
            both = [k for k in ours if k in theirs]
            if not both:
                continue
            raters, pairs = [rater for rater, _ in both], [pair for _, pair in both]
            found = paired_difference([ours[k] for k in both], [theirs[k] for k in both], raters, pairs)
            rows.append(
                DifferenceRow(
                    task=task,
                    corpus=items[0].study,
                    system=first,
                    against=second,
                    split=split,
                    metric=f"{items[0].kind}@human",
                    difference=found.mean,
                    low=found.low,
                    high=found.high,
                    p=found.p,
                    n=found.n,
                    clusters=min(found.clusters) if found.low is None else None,
                )
            )
    return rows


def caption(items: Sequence[Item], ratings: Sequence[Rating]) -> str:
    """What a reader must know beside the numbers, one line a thing."""
    raters = {r.rater for r in ratings}
    shares = {rater: share for rater, share in agreement(ratings).items() if share is not None}
    lines = [
        f"{items[0].kind}@human, study {items[0].study}. Raters: {len(raters)}; items: {len(items)}; answers: "
        f"{len(ratings)}; questions skipped: {len(raters) * len(items) - len(ratings)}.",
        "Share of answers that name the right one of two faces, from 0 to 1; chance is 0.5.",
        f"Mean [95 % interval, clustered by rater and item]. (k<{MIN_CLUSTERS} clusters): too few raters or items for "
        f"an interval.",
        "same, cross: the two faces of an item are of people of one gender, or of two.",
    ]
    if items[0].kind == "mapping" and any(i.system == REAL for i in items):
        lines.append(f"{REAL}: two real faces and both voices, of any two genders; `same` compares with the systems.")
    if shares:
        lowest = min(shares, key=lambda rater: shares[rater])
        lines.append(
            f"Agreement of a rater with the majority of the others: median {statistics.median(shares.values()):.2f}, "
            f"lowest {shares[lowest]:.2f} ({lowest}); all in raters.csv."
        )
    return "\n".join(lines)


def _systems(items: Sequence[Item]) -> list[tuple[str, str]]:
    """(task, system) in the order of tables: the recordings, which systems are held against, last."""
    return sorted({(i.task, i.system) for i in items}, key=lambda key: (key[0], key[1] == REAL, key[1]))


def _in(item: Item, split: str) -> bool:
    return split in ("all", item.split, item.genders)


def _raters(items: Sequence[Item], ratings: Sequence[Rating]) -> str:
    """raters.csv: for every rater answers, skipped questions and the agreement with the majority of the others."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("rater", "answers", "skipped", "agreement"))
    for rater, share in agreement(ratings).items():
        count = sum(r.rater == rater for r in ratings)
        rows.writerow((rater, count, len(items) - count, "" if share is None else f"{share:.4f}"))
    return text.getvalue()


def _record(items: Sequence[Item], ratings: Sequence[Rating], metric: str) -> RunRecord:
    answers = sorted((r.rater, r.item.item, r.answer) for r in ratings)
    raters = len({r.rater for r in ratings})
    return RunRecord(
        command=shlex.join(["python", "-m", "benchmark", *sys.argv[1:]]),
        task=" + ".join(dict.fromkeys(task for task, _ in _systems(items))),
        profile="human",
        systems={system: system for _, system in _systems(items)},
        corpora=[items[0].study],
        metrics=[metric],
        seeds=[],
        settings={
            "key_sha256": hashlib.sha256(repr(items).encode()).hexdigest(),
            "ratings_sha256": hashlib.sha256(repr(answers).encode()).hexdigest(),
        },
        counts={metric: Count(planned=raters * len(items), scored=len(ratings), failed=0)},
        started=now(),
        **provenance(),
    )
