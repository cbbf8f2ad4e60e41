"""A report as a whole: what stands in its folder, what it leaves alone, and what it says where things are missing."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.html.write import write_report
from benchmark.reporting.layout import blocks
from benchmark.reporting.store import RunFolder, ScoreLog
from benchmark.reporting.tables import read_rows, remake
from protocols.trial import read_trials

EVIL = "<script>alert(1)</script>$x$"


def change(folder: Path, **values: Any) -> None:
    files = RunFolder(folder)
    files.write(files.read().model_copy(update=values))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_page_has_all_that_it_names_and_asks_nobody(heard: Path, page_of: Callable[[Path], Any]) -> None:
    before = tree(heard)
    report = write_report(heard)
    page = page_of(heard / "report")
    named = [e[k] for _, e in page.elements for k in ("src", "href") if k in e]
    assert len(page.all("audio")) >= 8 * 4
    assert len(named) > 60
    for address in named:
        assert "//" not in address
        assert address.startswith("#") or (heard / "report" / unquote(address)).exists(), address
    anchors = {e["id"] for _, e in page.elements if "id" in e}
    assert not {a[1:] for a in named if a.startswith("#")} - anchors - {a for a in anchors}
    assert "@import" not in page.source
    assert "url(" not in page.source.replace("url(#", "")
    assert {k: v for k, v in tree(heard).items() if not k.startswith("report/")} == before
    files = [p for p in (heard / "report").rglob("*") if p.is_file() and p.name != "report.json"]
    assert report.bytes == sum(p.stat().st_size for p in files)
    assert json.loads((heard / "report" / "report.json").read_text())["trials"] == report.trials == 8


def test_every_cell_of_the_tables_stands_on_the_page(heard: Path, page_of: Callable[[Path], Any]) -> None:
    write_report(heard)
    text = page_of(heard / "report").text
    cells = [c for b in blocks(read_rows(heard / "table.json"), []) for line in (b.heads, *b.rows) for c in line]
    assert len(cells) > 60
    for cell in cells:
        assert " ".join(cell.split()) in text.replace(" :", ":").replace(": ", ":") or cell in text, cell


def test_papers_values_stand_beside_ours(heard: Path, page_of: Callable[[Path], Any]) -> None:
    names = {"ground_truth": "ground_truth", "copy_source": "copy_source", "adain_cvc": "adain_cvc"}
    change(heard, profile="paper", corpora=["grid"], systems=names)
    remake(heard)
    ours = next(r for r in read_rows(heard / "table.json") if r.paper_value is not None)
    write_report(heard)
    page = page_of(heard / "report")
    assert f"{ours.metric}, paper" in page.text
    assert f"{ours.paper_value:.3f}" in page.text


def test_copies_are_the_very_files_that_were_scored(heard: Path) -> None:
    write_report(heard)
    kept = {p.read_bytes() for p in (heard / "report" / "media").iterdir() if p.suffix in (".flac", ".png")}
    shown = {p.name.split("-", 2)[2] for p in (heard / "report" / "media").iterdir() if "made" in p.name}
    shown = {name for name in shown if name.endswith(".flac")}
    assert len(shown) == 8
    for row in read_trials(heard / "outputs.csv"):
        assert (f"{row.trial}.flac" in shown) == ((heard / row.output).read_bytes() in kept)


def test_the_limit_holds_and_the_rest_is_linked(heard: Path, page_of: Callable[[Path], Any]) -> None:
    whole = write_report(heard)
    limit = whole.media_bytes / 2
    half = write_report(heard, limit_mb=limit / 1e6)
    folder = heard / "report"
    used = sum(p.stat().st_size for p in (folder / "media").iterdir())
    assert used == half.media_bytes <= limit
    assert half.linked > 0
    assert half.copied + half.linked == whole.copied
    page = page_of(folder)
    links = [e["href"] for e in page.all("a") if e.get("class") == "outside" and e["href"].endswith(".flac")]
    assert len(links) >= half.linked / 2
    assert all((folder / unquote(link)).resolve().is_relative_to(heard / "media") for link in links)
    per_trial = {}
    for audio in page.all("audio"):
        trial = audio["aria-label"].split(", ")[1]
        per_trial[trial] = per_trial.get(trial, 0) + 1
    assert set(per_trial.values()) == {4}  # of a trial everything can be heard, or nothing
    none = write_report(heard, limit_mb=0)
    assert (none.media_bytes, none.copied) == (0, 0)
    assert not page_of(folder).all("audio")


def test_names_are_no_markup(heard: Path, page_of: Callable[[Path], Any]) -> None:
    systems = dict(RunFolder(heard).read().systems)
    change(heard, systems={**systems, "adain_cvc": EVIL}, notes=[EVIL], command=EVIL)
    remake(heard)
    write_report(heard)
    page = page_of(heard / "report")
    assert "<script>alert" not in page.source
    assert len(page.all("script")) == 1
    assert page.text.count("<script>alert(1)</script>$x$") > 10


def test_a_run_that_broke_off_says_so(heard: Path, page_of: Callable[[Path], Any]) -> None:
    change(heard, status="failed", finished=None)
    for name in ("table.json", "differences.json", "table.csv"):
        (heard / name).unlink()
    log = ScoreLog(heard / "scores.jsonl")
    kept = [s for s in log.read() if s.metric == "spksim@resemblyzer"]
    (heard / "scores.jsonl").unlink()
    ScoreLog(heard / "scores.jsonl").append(kept)
    write_report(heard)
    text = page_of(heard / "report").text
    assert "not finished (status: failed)" in text
    assert "spksim@resemblyzer" in text
    (heard / "scores.jsonl").unlink()
    write_report(heard)
    assert "Nothing was scored yet" in page_of(heard / "report").text
    (heard / "outputs.csv").unlink()
    write_report(heard)
    assert "names no outputs" in page_of(heard / "report").text
    (heard / "trials.csv").unlink()
    report = write_report(heard)
    page = page_of(heard / "report")
    assert report.trials == 0
    assert "had not drawn its trials yet" in page.text
    assert {e["href"] for e in page.all("a") if e["href"].startswith("#")} == {"#main", "#provenance"}


def test_removed_media_are_a_note_and_the_sheet_stands_in(heard: Path, page_of: Callable[[Path], Any]) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40), "red").save(heard / "grid.png")
    there = write_report(heard)
    assert there.missing == 0
    assert not [e for e in page_of(heard / "report").all("img") if "grid" in e["src"]]
    shutil.rmtree(heard / "media")
    gone = write_report(heard)
    page = page_of(heard / "report")
    assert gone.missing == there.copied
    assert f"{gone.missing} files of the trials shown are not there" in page.text
    assert [e for e in page.all("img") if "grid" in e["src"]]
    assert not page.all("audio")


def test_failed_and_absent_values_are_named(made_run: Callable[..., Path], page_of: Callable[[Path], Any]) -> None:
    from dataclasses import replace

    def fail(score: Any) -> Any:
        if score.metric == "odd@made":
            return None
        broken = score.system == "adain_cvc" and score.trial.endswith("0003")
        return replace(score, value=None, error="the <b>voice</b> is silent") if broken else score

    folder = made_run("run", fail)
    change(folder, metric_notes={"odd@made": "no weights; get them"})
    remake(folder)
    write_report(folder)
    page = page_of(folder / "report")
    assert "no weights; get them" in page.text
    assert page.text.count("the <b>voice</b> is silent") >= 2
    assert "ᶠ(1)" in page.text
    assert "items failed" in page.text


@pytest.mark.parametrize("made", ["nothing", "a folder", "a broken record"])
def test_what_is_no_run_is_an_error(tmp_path: Path, made: str) -> None:
    folder = tmp_path / "x"
    if made != "nothing":
        folder.mkdir()
    if made == "a broken record":
        (folder / "run.json").write_text("{}")
    with pytest.raises(BenchmarkError, match=r"run\.json"):
        write_report(folder)
    assert not (folder / "report").exists()


def test_a_report_is_replaced_and_nothing_else_ever(heard: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years")
    with pytest.raises(BenchmarkError, match=r"mine is there already and is no report.*--out"):
        write_report(heard, mine)
    assert tree(mine) == {"thesis.tex": b"years"}
    with pytest.raises(BenchmarkError, match="is a file"):
        write_report(heard, mine / "thesis.tex")
    write_report(heard, tmp_path / "out")
    (tmp_path / "out" / "stale").write_text("of the report before")
    write_report(heard, tmp_path / "out", limit_mb=0)
    assert not (tmp_path / "out" / "stale").exists()
    assert not (tmp_path / "out" / "media").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_full_disk_leaves_the_report_before(heard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(heard, tmp_path / "out")
    before = tree(tmp_path / "out")
    real, room = Path.write_bytes, 5

    def write(path: Path, data: bytes) -> int:
        nonlocal room
        room -= 1
        if room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        with pytest.raises(BenchmarkError, match=r"No space left on device.*make room"):
            write_report(heard, tmp_path / "out")
    assert tree(tmp_path / "out") == before
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_rename_that_fails_puts_the_old_report_back(
    heard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(heard, tmp_path / "out")
    before, real = tree(tmp_path / "out"), os.replace

    def replace(source: Path, target: Path) -> None:
        if str(source).endswith(".part") and target == tmp_path / "out":
            raise OSError(errno.EACCES, "Permission denied")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.reporting.html.write.os.replace", replace)
        with pytest.raises(BenchmarkError, match="Permission denied"):
            write_report(heard, tmp_path / "out")
    assert tree(tmp_path / "out") == before


def test_real_people_are_pointed_out(heard: Path, page_of: Callable[[Path], Any]) -> None:
    write_report(heard)
    assert "real people" in page_of(heard / "report").text
    change(heard, corpora=["pocket_av"])
    for name in ("table.json", "differences.json"):
        (heard / name).unlink()
    write_report(heard)
    assert "real people" not in page_of(heard / "report").text
