"""The command line: quick to answer, clear about mistakes, JSON alone on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli import main


def test_help_and_list_load_no_torch() -> None:
    code = (
        "import sys, benchmark.cli as c\n"
        "for line in (['--help'], ['run', '--help'], ['list', 'tasks'], ['list', 'systems'], ['list', 'corpora'],\n"
        "             ['list', 'metrics'], ['list', 'profiles']):\n"
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
        (["run", "--task", "face_from_voice"], ["No system of this version"]),
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


def test_unknown_toml_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text("[systms.adain_cvc]\nlr = 1e-3\n")
    with pytest.raises(SystemExit):
        main(["run", "--task", "image_guided_vc", "--profile", str(profile)])
    assert "'systms'" in capsys.readouterr().err


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
