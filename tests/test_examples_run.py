"""The examples of `--help` that need a run, done one after another on one tiny run, in the order a user would.

What tests/test_examples.py runs as it stands is not repeated here. Each line below is an example word for word; what
follows it keeps it small (fewer systems, one metric, the tiny profile), or says where to write.
"""

from __future__ import annotations

import inspect
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.cli import VERBS, main

pytestmark = pytest.mark.slow
HELP = "\n".join(inspect.cleandoc(settings.__doc__ or "") for settings, _ in VERBS.values())
SMALL = "--metrics spksim@resemblyzer"
STEPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "run --task image_guided_vc --profile tiny --out results/try --json": (
        f"--systems adain_cvc copy_source {SMALL} --jobs 1",
        ("results/try/table.md", "results/try/run.json", "results/try/media"),
    ),
    "train --task image_guided_vc --systems adain_cvc": (
        "--profile tiny --jobs 1 --out results/trained",
        ("results/trained/systems/adain_cvc",),
    ),
    "report results/my_run": ("", ("results/my_run/report/index.html",)),
    "report results/my_run --out to_send --media-limit 15": ("", ("to_send/index.html",)),
    "reproduce xfavot.table5 --profile pocket --out tables": ("", ("tables/xfavot.table5.md",)),
    "report results/my_run --reproduced tables": ("", ("results/my_run/report/index.html",)),
    "reproduce --all --profile pocket --out tables/": ("", ("tables/papers.tex", "tables/cae.retrieval.csv")),
    "compare --write results/golden/mine.json results/my_run": ("", ("results/golden/mine.json",)),
    "compare results/monday results/tuesday --tolerances tolerances.toml": ("", ()),
    "score --trials results/my_run/outputs.csv": (f"{SMALL} --out results/scored", ("results/scored/table.md",)),
    "questionnaire --trials results/my_run/outputs.csv --kind cpr --out study": ("--items 4", ("study/key.csv",)),
}
"""Example -> (what is added here, what lies there afterwards)."""
Go = Callable[[str], str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_CACHE", str(folder / "cache"))
        patch.setenv("BENCHMARK_OFFLINE", "1")
        patch.chdir(folder)
        yield folder


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Go:
    def run(line: str) -> str:
        with pytest.raises(SystemExit) as stop:
            main(shlex.split(line))
        said = capsys.readouterr()
        assert not stop.value.code, said.err
        return said.out

    return run


@pytest.mark.parametrize("line", STEPS)
def test_an_example_does_what_its_verb_says(line: str, place: Path, go: Go) -> None:
    assert re.search(rf"python -m benchmark {re.escape(line)}$", HELP, re.MULTILINE), "it is no example any more"
    more, there = STEPS[line]
    said = go(f"{line} {more}")
    assert said.strip() or there
    if "--json" in line:
        json.loads(said)
    for path in there:
        assert (place / path).exists(), f"{path} is missing"
    if line.startswith("run "):  # under the names that the other examples have
        for name in ("my_run", "monday", "tuesday"):
            shutil.copytree(place / "results/try", place / "results" / name)
        (place / "tolerances.toml").write_text('[tolerances]\n"spksim@resemblyzer" = 0.002\n')
        (place / "results/golden").mkdir()


def test_what_the_examples_made_fits_together(place: Path, go: Go) -> None:
    """The run is its own golden file, its outputs score as they did, and the page shows the papers' tables."""
    assert "passed" in go("compare results/golden/mine.json results/my_run").lower()
    ours, again = (
        {(r["system"], r["metric"]): r["value"] for r in json.loads((place / path).read_text()) if r["split"] == "all"}
        for path in ("results/my_run/table.json", "results/scored/table.json")
    )
    shared = {key: value for key, value in ours.items() if key[0] == "copy_source"}
    assert shared
    assert {key: again[key] for key in shared} == pytest.approx(shared, abs=1e-6)
    page = (place / "results/my_run/report/index.html").read_text()
    assert "Table 5: ablation, voices" in page
