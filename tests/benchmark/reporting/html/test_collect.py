"""Reading a run folder: logs that a full disk cut short, shipped networks, pictures and their captions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from benchmark.errors import BenchmarkError
from benchmark.reporting.html.collect import read_run
from benchmark.reporting.html.extras import read_reproduced, style_tables
from benchmark.reporting.schema import SystemFacts
from benchmark.reporting.store import RunFolder

SHIPPED = Path(__file__).parents[4] / "benchmark" / "weights" / "pocket" / "starganv2.json"


def test_a_torn_log_keeps_its_whole_lines(made_run: Callable[..., Path]) -> None:
    folder = made_run("run")
    log = folder / "systems" / "adain_cvc" / "train.jsonl"
    log.parent.mkdir(parents=True)
    lines = [{"step": s, "main/loss": 1.0 / (s + 1), "main/lr/all": 0.1, "main/grad_norm/all": 3.0} for s in (0, 9)]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 19, "main/lo')
    [training] = read_run(folder).trainings
    assert training.name == "adain_cvc"
    assert training.terms == {"main/loss": [(0, 1.0), (9, 0.1)]}


def test_an_empty_log_is_no_training(made_run: Callable[..., Path]) -> None:
    folder = made_run("run")
    (folder / "systems" / "x").mkdir(parents=True)
    (folder / "systems" / "x" / "train.jsonl").touch()
    assert read_run(folder).trainings == []


def test_a_shipped_network_brings_its_own_curve(made_run: Callable[..., Path]) -> None:
    folder, record = made_run("run"), json.loads(SHIPPED.read_text())
    files = RunFolder(folder)
    facts = SystemFacts(network="shipped", checkpoint_sha256=record["sha256"])
    files.write(files.read().model_copy(update={"facts": {"adain_cvc": facts}}))
    [training] = read_run(folder).trainings
    assert training.name == "starganv2"
    name, points = next(iter(training.terms.items()))
    assert points[-1] == (record["curve"][-1]["step"], record["curve"][-1][name])


def test_pictures_say_what_they_show(made_run: Callable[..., Path]) -> None:
    folder, text = made_run("run"), PngImagePlugin.PngInfo()
    text.add_text("Description", "Who is near whom")
    picture = Image.new("RGB", (20, 20))
    picture.save(folder / "near.png", pnginfo=text)
    for name in ("grid", "styles-xfavot-pocket_av-unseen", "some_thing"):
        picture.save(folder / f"{name}.png")
    (folder / "torn.png").write_bytes(b"\x89PNG")
    said = {p.path.stem: (p.caption, p.sheet) for p in read_run(folder).pictures}
    assert said["near"] == ("Who is near whom", False)
    assert said["grid"][1]
    assert "t-SNE" in said["styles-xfavot-pocket_av-unseen"][0]
    assert "xfavot-pocket_av-unseen" in said["styles-xfavot-pocket_av-unseen"][0]
    assert (said["some_thing"][0], said["torn"][0]) == ("some thing", "torn")


def test_tables_of_styles_are_read(tmp_path: Path) -> None:
    line = {"corpus": "pocket_av", "split": "seen", "value": 0.123456, "low": None, "n": 4}
    (tmp_path / "styles-xfavot.json").write_text(json.dumps([line]))
    (tmp_path / "styles-none.json").write_text("[]")
    [table] = style_tables(tmp_path)
    assert table.heads == tuple(line)
    assert table.rows == (("pocket_av", "seen", "0.1235", "", "4"),)


def test_reproduced_tables_are_read_as_they_are_written(tmp_path: Path) -> None:
    from benchmark.reporting.reproduce import page
    from benchmark.reporting.reproduce.lines import reproductions
    from benchmark.reporting.reproduce.papers import paper_table
    from benchmark.reporting.reproduce.runs import find_runs
    from benchmark.reporting.reproduce.times import paces
    from benchmark.settings import load_profile

    runs = find_runs("pocket", (), results=tmp_path)
    tables = [paper_table("xfavot.table5")]
    [made] = reproductions(tables, runs, (0, 1, 2), {}, paces(load_profile("pocket"), runs.runs))
    page.write(tmp_path / "tables", made)
    [paper] = read_reproduced(tmp_path / "tables")
    assert made.table.title in paper.title
    assert len(paper.tables[0].rows) == len(made.lines)
    assert len(paper.tables[1].rows) == len(made.judged)
    assert list(paper.commands) == [(c.text, c.time.text) for c in made.needed.values()]
    assert paper.total.startswith("at least ")
    with pytest.raises(BenchmarkError, match="No tables in"):
        read_reproduced(tmp_path / "nothing")
