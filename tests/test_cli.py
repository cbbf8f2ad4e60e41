"""The command line: quick to answer, clear about mistakes, JSON alone on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli import VERBS, main


def test_help_and_list_load_no_torch() -> None:
    code = (
        "import sys, benchmark.cli as c\n"
        "for line in (['--help'], ['run', '--help'], ['list'], *(['list', k] for k in ('tasks', 'systems', 'corpora',\n"
        "             'metrics', 'profiles'))):\n"
        "    try: c.main(line)\n"
        "    except SystemExit as e: assert e.code in (0, None), (line, e.code)\n"
        "heavy = {'torch', 'numpy', 'lightning', 'librosa', 'scipy', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["run", "--task", "image_guided_cv"], ["task", "image_guided_vc"]),
        (["run", "--task", "image_guided_vc", "--systems", "adain_cv"], ["system", "adain_cvc"]),
        (["run", "--task", "image_guided_vc", "--systems", "adain_vc"], ["adain_vc does audio_guided_vc"]),
        (["run", "--task", "audio_guided_vc", "--systems", "adain_vc:oficial"], ["variant", "official"]),
        (["run", "--task", "image_guided_vc", "--systems", "gender_only:copy_source"], ["control"]),
        (["run", "--task", "image_guided_vc", "--corpus", "gird=/tmp"], ["corpus", "grid"]),
        (["run", "--task", "image_guided_vc", "--corpus", "grid"], ["grid=FOLDER"]),
        (["run", "--task", "image_guided_vc", "--corpus", "grid=/no/such"], ["no folder"]),
        (["run", "--task", "image_guided_vc", "--metrics", "spksim@resembly"], ["metric", "spksim@resemblyzer"]),
        (["run", "--task", "image_guided_vc", "--profile", "pockt"], ["profile", "pocket"]),
        (["run", "--task", "latent_guided_vc"], ["no systems by default", "--systems xfavot"]),
        (["run", "--task", "image_guided_vc", "--seed", "-1"], ["--seed -1", "at least 0"]),
        (["run", "--task", "image_guided_vc", "--limit", "0"], ["--limit 0", "at least 1"]),
        (["run", "--task", "image_guided_vc", "--out", "."], ["current folder"]),
        (["run", "--task", "image_guided_vc", "--systems", "copy_source", "copy_source"], ["stands twice"]),
        (["run", "--task", "image_guided_vc", "--corpus", "pocket=/tmp"], ["made, not read"]),
        (["prepare", "pocket", "--jobs", "0"], ["--jobs 0"]),
        (["prepare", "vctkk"], ["corpus"]),
        (["weights", "get", "nisqua.tar"], ["nisqa.tar"]),
    ],
)
def test_mistakes_are_named(arguments: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith("error: ")
    for part in parts:
        assert part in said.err


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[systms.adain_cvc]\nlr = 1e-3\n", "'systms'"),
        ("[systems.adain_cvcc]\nlr = 1e-3\n", "'adain_cvcc'. Did you mean adain_cvc"),
        ("[trials.image_guided_cv]\ntrials = 3\n", "'image_guided_cv'"),
        ("[corpora.pocket_avv]\nscale = 0.1\n", "'pocket_avv'"),
        ("[systems.adain_cvc]\nlearning = 1e-3\n[systems.adain_cvc.train]\nsteps = 1\n", "'learning'"),
        ("[systems.adain_cvc]\nlr = 'fast'\n[systems.adain_cvc.train]\nsteps = 1\n", "lr = 'fast'"),
        ("[systems.adain_cvc]\nlr = 1e-3\n", "steps is not set"),
        ("[systems.adain_cvc.train]\nsteps = 1\nseed = 3\n", "seed is said on the command line"),
        ("[systems]\nadain_cvc = 3\n", "expected a table"),
        ("name = 'paper'\n", "named by its file"),
        ("[systems.adain_cvc.train]\nsteps = 1\n[trials.image_guided_vc]\ntrails = 8\n", "'trails'"),
        ("[systems.adain_cvc.train]\nsteps = 1\n[corpora.pocket_av]\nscale = 'a'\n", "scale = 'a'"),
        ("[systems.adain_cvc.train]\nsteps = 1\n[corpora.pocket_av]\nsize = 2\n", "'size'"),
    ],
)
def test_mistakes_in_a_profile_are_named_before_anything_long(
    tmp_path: Path, text: str, part: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    profile = tmp_path / "mine.toml"
    profile.write_text(text)
    line = ["run", "--task", "image_guided_vc", "--profile", str(profile), "--systems", "adain_cvc"]
    with pytest.raises(SystemExit) as stop:
        main([*line, "--metrics", "spksim@resemblyzer", "--out", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert part in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()


def test_nobody_poses_as_the_papers_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "paper.toml"
    profile.write_text("[systems.adain_cvc]\nchannels = 8\n")
    with pytest.raises(SystemExit):
        main(["run", "--task", "image_guided_vc", "--profile", str(profile)])
    assert "is a profile of the suite" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    said = capsys.readouterr().out
    assert "Examples:" in said
    assert f"python -m benchmark {verb}" in said


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["list", "systems", "--json"])
    assert stop.value.code == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"adain_vc", "adain_vc:official", "adain_cvc", "ground_truth"} <= {row["name"] for row in rows}
    assert all({"name", "kind", "tasks"} <= row.keys() for row in rows)


def test_parameters_of_the_paper_profile(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list", "systems", "--profile", "paper", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert sum(rows["adain_vc"]["parameters"].values()) == 4_892_880
    assert sum(rows["adain_vc:official"]["parameters"].values()) == 9_040_512
    assert rows["copy_source"]["parameters"] == {}


def test_a_reader_that_has_enough_is_no_error() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; from benchmark.cli import main; main(['list', 'all'])"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    assert b"Traceback" not in child.stderr.read()
    assert child.wait() == 141
