"""`reproduce --all`: every table of both papers, LOST values with their orders, every missing run once."""

from __future__ import annotations

import csv
import json
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.reporting.html.extras import read_reproduced
from benchmark.reporting.paper import printed
from benchmark.reporting.reproduce.papers import NAMES

Make = Callable[..., Path]
Document = Callable[..., dict[str, Any]]
Command = Callable[..., tuple[int, str]]


def test_every_printed_value_of_both_papers_stands_in_a_table(make: Make, document: Document) -> None:
    found = document("--all")
    assert [table["table"] for table in found["tables"]] == list(NAMES)
    ours = [row for table in found["tables"] for row in table["rows"] if row["split"] == "seen"]
    shown = {(r["dataset"], r["guidance"], r["model"], r["paper_metric"]) for r in ours}
    for row in (r for r in printed() if r["paper"] in ("XFaVoT", "CAE")):
        guidances = {row["guidance"], *(("audio->image", "image->audio") if row["metric"] == "CPR" else ())}
        assert any((row["dataset"], g, row["model"], row["metric"]) in shown for g in guidances), row
    values = Counter(str(r["paper_value"]) for r in ours if r["paper_value"] is not None)
    assert values["0.83"] == 1
    assert values["54.9"] == 1


def test_a_lost_value_stands_with_the_order_that_the_text_claims_and_our_verdict(
    make: Make, document: Document, reproduce: Command
) -> None:
    for seed in (0, 1, 2):
        means = {"xfavot": {"fid@starganv2": 30.0 + seed / 10}, "sgsim": {"fid@starganv2": 50.0 + seed / 10}}
        make("audio_guided_translation", "grid", means, seed=seed, profile="paper")
    found = document("--all", "--out", "tables")
    (table,) = [t for t in found["tables"] if t["table"] == "xfavot.table2"]
    lost = [r for r in table["rows"] if r["corpus"] == "grid" and r["paper_metric"] == "FID" and r["split"] == "seen"]
    (row,) = [r for r in lost if (r["guidance"], r["model"]) == ("audio", "SGSIM")]
    assert (row["lost"], row["paper_printed"], row["paper_value"]) == (True, "LOST", None)
    assert row["orders"] == ["XFaVoT better than SGSIM: agrees"]
    (row,) = [r for r in lost if (r["guidance"], r["model"]) == ("image", "StarGANv2")]
    assert row["orders"][0] == "XFaVoT at most 25% behind StarGANv2: no run"
    line = next(x for x in Path("tables/papers.md").read_text().splitlines() if "| SGSIM " in x and "agrees" in x)
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "FID, audio",
        "SGSIM",
        "LOST",
        "XFaVoT better than SGSIM",
        "agrees",
        "agrees",
    ]
    with open("tables/papers.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {r["orders"] for r in rows if (r["model"], r["paper_metric"], r["corpus"]) == ("SGSIM", "FID", "grid")} == {
        "XFaVoT better than SGSIM: agrees"
    }
    summary = {s["table"]: s for s in found["summary"]}
    assert summary["xfavot.table2"]["LOST"] == summary["xfavot.table2"]["values"] == 64
    assert summary["xfavot.table2"]["agrees"] == 2
    assert summary["cae.table3"]["LOST"] == 0


def test_a_run_that_several_tables_lack_is_one_command(make: Make, document: Document) -> None:
    found = document("--all", "--profile", "pocket", "--seeds", "0")
    texts = [c["command"] for c in found["commands"]]
    assert len(texts) == len({(c["task"], *_corpora(c["command"])) for c in found["commands"]}) > 5
    alone = document("xfavot.table5", "--profile", "pocket", "--seeds", "0")["commands"]
    (voices,) = [_systems(c["command"]) for c in alone if c["task"] == "audio_guided_vc"]
    (merged,) = [t for t in texts if "audio_guided_vc" in t and _corpora(t) == ["pocket_av"]]
    assert {*voices} < {*_systems(merged)}, "table 3 adds its baselines to the run of table 5"
    (table,) = [t for t in found["tables"] if t["table"] == "xfavot.table5"]
    assert {c["command"] for c in table["commands"]} < {*texts}
    asked = {r["command"] for t in found["tables"] for r in t["rows"] if r["command"]}
    assert asked <= {*texts}


def test_the_page_numbers_what_is_missing_as_its_tables_do(make: Make, reproduce: Command) -> None:
    _, text = reproduce("--all", "--profile", "pocket", "--out", "tables")
    assert Path("tables/papers.md").read_text().strip() == text.strip()
    runs = {word for line in text.splitlines() if line.startswith("- run ") for word in [line.split(":")[0][2:]]}
    assert {f"run {n}" for n in range(1, 8)} <= runs
    for line in (x for x in text.splitlines() if "no run → " in x):
        for cell in (c.strip() for c in line.split("|") if "no run → " in c):
            assert cell.removeprefix("no run → ") in runs
    summary = text.split("\n### ")[0]
    assert max(map(len, summary.splitlines())) <= 120
    latex = Path("tables/papers.tex").read_text()
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") > 40
    assert json.loads(Path("tables/papers.json").read_text())["summary"][0]["table"] == "xfavot.table2"
    assert sorted(p.stem for p in Path("tables").glob("*.json")) == sorted([*NAMES, "papers"])


def test_the_report_begins_with_what_is_said_of_all(make: Make, reproduce: Command) -> None:
    reproduce("--all", "--profile", "pocket", "--out", "tables")
    first, *others = read_reproduced(Path("tables"))
    assert first.title.startswith("Both papers")
    assert [row[0] for row in first.tables[0].rows] == list(NAMES)
    assert first.total.startswith("at least ")
    assert first.how.startswith("Times: ")
    assert len(others) == len(NAMES)
    (two,) = [paper for paper in others if "Table 2: image" in paper.title]
    assert {row[two.tables[0].heads.index("paper")] for row in two.tables[0].rows} == {"LOST"}


@pytest.mark.parametrize("arguments", [(), ("xfavot.table5", "--all")])
def test_one_table_or_all(arguments: tuple[str, ...], reproduce: Command) -> None:
    assert reproduce(*arguments)[0] == 2


def _systems(command: str) -> list[str]:
    words = shlex.split(command)
    start = words.index("--systems") + 1
    return words[start : next(i for i in range(start, len(words)) if words[i].startswith("--"))]


def _corpora(command: str) -> list[str]:
    words = shlex.split(command)
    return [words[i + 1] for i, word in enumerate(words) if word == "--corpus"]
