"""Every verb has an example to copy, and CI runs it: those of README.md and of `--help`, at the profile tiny.

An example is run as it stands where it is quick and needs nothing that is not here. Of the others `LEFT_OUT` says why,
or `INSTEAD` what is run in its place. An example that is in neither list, and is not run, fails a test.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tyro

from benchmark.cli import VERBS

ROOT = Path(__file__).parents[1]
CHAIN = "tests/test_examples_run.py runs it on a tiny run"
LEFT_OUT = {
    r"(grid|vctk|celeba_hq|voxceleb_vggface|lrs3|lip2wav|folder)=|--real celeba_hq": "needs a corpus that is not here",
    r"^run(?!.*--profile tiny)": "takes minutes to hours; CI runs the default runs and a tiny one of every task",
    r"^train |^upstream (?!.*--help)": "trains for minutes to hours; CI trains the shortest, tests a few steps of all",
    r"^styles ": "needs a run with a network of styles",
    r"^ship ": "needs a finished training; tests/benchmark/runner/test_ship*.py ships one",
    r"^reproduce ": f"needs runs; tests/benchmark/reporting/reproduce makes them, {CHAIN}",
    r"^report ": f"needs a run with media; {CHAIN}",
    r"^speed": "measures against the reference packages for minutes",
    r"^weights get": "downloads",
    r"^questionnaire ": f"needs a list with outputs; {CHAIN}",
    r"^score ": f"needs outputs; CI scores results/golden/media, {CHAIN}",
    r"^compare .*(results/monday|--write)": f"needs two runs; {CHAIN}",
    r"^avatars .*pocket_av": "draws a whole pool; a smaller one is drawn here",
    r"^prepare ": "makes a whole pool; the runs of CI do",
    r"^matching$": "makes a whole pool; CI runs it",
    r"^matching my": "needs embeddings; tests/benchmark/runner/test_matching.py makes them",
    r"^run .*--profile tiny": "CI runs it for every task",
}
"""Pattern of a command -> why it is not run here."""
INSTEAD = {
    "compare results/golden/image_guided_vc-tiny.json results/my_run": (
        "compare results/golden/controls-tiny.json results/golden/controls-tiny.json"
    ),
}
"""Command -> the same with what is here, for what a user makes first."""


def commands(text: str) -> list[str]:
    """What follows `python -m benchmark` in lines of code, indented or in backticks, without comments and names."""
    found = re.findall(r"(?:^ {4,}|`)(?:uv run )?python -m benchmark ([^`\n]+)", text, flags=re.MULTILINE)
    return [re.sub(r"\s+#.*", "", line).strip() for line in found]


EXAMPLES = {
    **{
        f"--help of {verb}": commands(inspect.cleandoc(settings.__doc__ or "")) for verb, (settings, _) in VERBS.items()
    },
    "README.md": commands((ROOT / "README.md").read_text()),
}
EVERY = list(dict.fromkeys(line for lines in EXAMPLES.values() for line in lines))


def why_left_out(line: str) -> str | None:
    return next((why for pattern, why in LEFT_OUT.items() if re.search(pattern, line)), None)


RUN = [line for line in EVERY if line in INSTEAD or why_left_out(line) is None]


def go(line: str, place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *shlex.split(line)],
        cwd=place,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "BENCHMARK_OFFLINE": "1"},
    )


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_an_example_in_its_help_and_in_the_readme(verb: str) -> None:
    assert any(line.split()[0] == verb for line in EXAMPLES[f"--help of {verb}"])
    assert any(line.split()[0] == verb for line in EXAMPLES["README.md"]), f"README.md lacks {verb}"


def test_no_reason_is_left_over() -> None:
    for pattern in LEFT_OUT:
        assert any(re.search(pattern, line) for line in EVERY), f"nothing is left out for {pattern!r}"
    assert all(line in EVERY for line in INSTEAD)
    assert {line.split()[0] for line in RUN} >= {"list", "weights", "doctor", "compare"}


@pytest.mark.parametrize("line", EVERY)
def test_an_example_names_verbs_options_and_names_that_there_are(line: str) -> None:
    """Parsed by the command line itself, up to where the work would begin."""
    verb, *arguments = shlex.split(line)
    assert isinstance(tyro.cli(VERBS[verb][0], args=arguments), VERBS[verb][0])


@pytest.mark.slow
@pytest.mark.parametrize("line", RUN)
def test_an_example_runs(line: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "results/golden", tmp_path / "results/golden")
    done = go(INSTEAD.get(line, line), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    if "--json" in line:
        json.loads(done.stdout)
