"""Ratings -> tables: a known preference is found again, and the intervals cover it as often as they say."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.store import read_scores
from benchmark.runner.ratings import caption, difference_rows, score_ratings, table_rows
from protocols.questionnaire import SIDES, Item, Side, write_key
from protocols.ratings import Rating


def item(system: str, number: int, total: int, kind: str = "cpr") -> Item:
    answer: Side = SIDES[number % 2]
    split = "seen" if number % 4 < 2 else "unseen"
    name = f"0a1b2c3d-{total:03d}"
    return Item(
        name,
        kind,
        "image_guided_vc",
        system,
        f"pair {number}",
        split,
        "a",
        0,
        "b",
        number % 2,
        answer,
        "v",
        "",
        "l",
        "r",  # type: ignore[arg-type]
    )


def items_of(*systems: str, count: int = 30, kind: str = "cpr") -> list[Item]:
    return [item(s, n, k * count + n + 1, kind) for k, s in enumerate(systems) for n in range(count)]


def simulate(items: list[Item], raters: int, shares: dict[str, float], seed: int, spread: float = 0.0) -> list[Rating]:
    """Raters who are right with their system's share, give or take what a rater and an item add (each +- spread)."""
    rng = np.random.default_rng(seed)
    of_rater = rng.uniform(-spread, spread, raters)
    ratings = []
    for one in items:
        chance = shares[one.system] + of_rater + rng.uniform(-spread, spread)
        for rater, right in enumerate(rng.random(raters) < chance):
            answer = one.answer if right else SIDES[1 - SIDES.index(one.answer)]
            ratings.append(Rating(f"r{rater:02d}", one, answer))
    return ratings


def write(folder: Path, items: list[Item], ratings: list[Rating]) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    write_key(folder / "key.csv", items)
    with (folder / "ratings.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("rater", "item", "answer"))
        rows.writerows((r.rater, r.item.item, r.answer) for r in ratings)
    return folder / "ratings.csv", folder / "key.csv"


def test_a_known_preference_is_found_again(tmp_path: Path) -> None:
    items = items_of("xfavot", "adain_cvc", "ground_truth", count=60)
    ratings = simulate(items, 24, {"xfavot": 0.8, "adain_cvc": 0.5, "ground_truth": 0.9}, 1)
    folder = score_ratings(*write(tmp_path, items, ratings), tmp_path / "out")
    rows = {(r["system"], r["split"]): r for r in json.loads((folder / "table.json").read_text())}
    for system, share in {"xfavot": 0.8, "adain_cvc": 0.5, "ground_truth": 0.9}.items():
        row = rows[system, "all"]
        assert row["metric"] == "cpr@human"
        assert row["corpus"] == "0a1b2c3d"
        assert (row["n"], row["failed"]) == (24 * 60, 0)
        assert row["value"] == pytest.approx(share, abs=0.03)
        assert row["low"] < share < row["high"]
    assert list(dict.fromkeys(system for system, _ in rows)) == ["adain_cvc", "xfavot", "ground_truth"]
    assert {split for _, split in rows} == {"all", "seen", "unseen", "same", "cross"}
    assert rows["xfavot", "seen"]["n"] + rows["xfavot", "unseen"]["n"] == 24 * 60
    assert rows["xfavot", "same"]["n"] == 24 * 30


def test_scores_are_one_an_answer_and_the_folder_is_whole(tmp_path: Path) -> None:
    items = items_of("xfavot", count=10)
    ratings = simulate(items, 9, {"xfavot": 0.7}, 0)[:-3]
    folder = score_ratings(*write(tmp_path, items, ratings), tmp_path / "out")
    scores = {(s.system, s.trial, s.metric): s.value for s in read_scores(folder / "scores.jsonl")}
    assert scores == {("xfavot", f"{r.item.item}/{r.rater}", "cpr@human"): r.value for r in ratings}
    assert all((folder / f"table.{kind}").is_file() for kind in ("md", "csv", "tex", "json"))
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["counts"] == {"cpr@human": {"planned": 90, "scored": 87, "failed": 0}}
    assert (folder / "key.csv").read_bytes() == (tmp_path / "key.csv").read_bytes()
    rows = {row["rater"]: row for row in csv.DictReader((folder / "raters.csv").open())}
    assert len(rows) == 9
    assert sum(int(row["skipped"]) for row in rows.values()) == 3


def test_the_default_folder_is_named_by_study_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    items = items_of("cae", count=8, kind="mapping")
    ratings = simulate(items, 8, {"cae": 0.7}, 0)
    paths, fewer = write(tmp_path / "a", items, ratings), write(tmp_path / "b", items, ratings[1:])
    first = score_ratings(*paths)
    assert first.name.startswith("mapping-human-0a1b2c3d-")
    assert "mapping@human" in (first / "table.md").read_text()
    assert score_ratings(*paths) == first
    assert score_ratings(*fewer) != first
    with pytest.raises(BenchmarkError, match="holds another run"):
        score_ratings(*fewer, out=first)


def test_the_interval_covers_at_about_its_level() -> None:
    items = items_of("xfavot")
    hits = 0
    for seed in range(300):
        row = table_rows(items, simulate(items, 23, {"xfavot": 0.7}, seed, spread=0.15))[0]
        assert row.low is not None
        assert row.high is not None
        hits += row.low <= 0.7 <= row.high
    assert 0.92 <= hits / 300 <= 0.98


def test_raters_who_agree_do_not_make_the_interval_narrower() -> None:
    """Thirty items that every rater answers alike are thirty observations, not 690."""
    items = items_of("xfavot")
    alike = [Rating(f"r{k}", i, "left") for i in items for k in range(23)]
    row = table_rows(items, alike)[0]
    assert row.value == 0.5
    assert row.low is not None
    assert row.low < 0.5 - 0.15


def test_too_few_raters_or_items_have_no_interval_and_say_so() -> None:
    items = items_of("xfavot", count=12)
    for ratings, few, text in (
        (simulate(items, 7, {"xfavot": 0.7}, 0), 7, "7 raters and 12 items"),
        (simulate(items[:6], 9, {"xfavot": 0.7}, 0), 6, "9 raters and 6 items"),
    ):
        row = table_rows(items, ratings)[0]
        assert row.value is not None
        assert (row.low, row.high, row.clusters) == (None, None, few)
        assert text in row.note


def test_systems_are_compared_on_the_pairs_they_share() -> None:
    items = items_of("xfavot", "ground_truth")
    ratings = simulate(items, 23, {"xfavot": 0.6, "ground_truth": 0.9}, 1)
    rows = {(r.system, r.against, r.split): r for r in difference_rows(items, ratings)}
    row = rows["xfavot", "ground_truth", "all"]
    assert row.n == 23 * 30
    assert row.difference == pytest.approx(-0.3, abs=0.07)
    assert row.high is not None
    assert row.high < 0
    assert row.p is not None
    assert row.p < 0.001
    assert not [key for key in rows if key[0] == "ground_truth"]


def test_the_caption_counts_and_names_who_disagrees() -> None:
    items = items_of("xfavot", count=10)
    ratings = [Rating(f"r{k}", i, i.answer) for i in items for k in range(8)]
    ratings += [Rating("contrary", i, SIDES[1 - SIDES.index(i.answer)]) for i in items[:5]]
    text = caption(items, ratings)
    assert "Raters: 9; items: 10; answers: 85; questions skipped: 5." in text
    assert "median 1.00, lowest 0.00 (contrary)" in text
    assert "chance is 0.5" in text
