"""`doctor` on machines that lack something: what is marked, and whether the command it gives mends it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import pytest

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.runner.doctor import Report, check, machine, packages, tasks
from benchmark.runner.doctor.check import Check, text
from benchmark.tasks import TASKS
from benchmark.verbs import doctor

Usage = namedtuple("Usage", "total used free")
GOOD = Check("corpus", "pocket", "ok", "prepared")
PLENTY = Usage(1 << 40, 0, 1 << 40)


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without weights of its own, and no memory of earlier questions."""
    for name in machine.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    tasks._needs.cache_clear()


def one(checks: list[Check] | tuple[Check, ...], name: str) -> Check:
    (found,) = (c for c in checks if c.name == name)
    return found


def test_a_missing_and_a_wrong_package_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"torch": "2.11.0+cu130", "lpips": "0.1.3", "soxr": "1.1.0"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(
        packages, "required", lambda: ["torch==2.11.0", "lpips==0.1.4", "espnet==202511", "soxr==1.1.0"]
    )
    monkeypatch.setattr(packages, "optional", lambda: {"video": ["facenet-pytorch==2.6.0"]})
    found = packages.packages()
    assert one(found, "as pinned").what == "2 of 4: torch, soxr"
    assert (one(found, "lpips").state, one(found, "lpips").what) == ("wrong", "0.1.3; 0.1.4 is pinned")
    assert (one(found, "espnet").state, one(found, "espnet").mend) == ("missing", "uv sync")
    assert one(found, "facenet-pytorch").mend == "uv sync --group video"


def test_the_pins_are_those_of_the_project() -> None:
    assert "torch==2.11.0" in packages.required()
    assert set(packages.optional()) == {"dev", "video"}


def test_outside_a_checkout_the_groups_are_not_guessed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "PROJECT", tmp_path / "pyproject.toml")
    assert {c.section for c in packages.packages()} == {"packages"}


def test_absent_weights_come_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tasks.metric_check("task", "nisqa@nisqa.tar")
    assert (found.state, found.what) == ("missing", "absent: nisqa.tar")
    assert found.mend == "python -m benchmark weights get nisqa.tar"
    assert one(tasks.weight_checks(), "nisqa.tar").state == "missing"
    assert "nisqa@nisqa.tar" in one(tasks.weight_checks(), "nisqa.tar").what
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    assert tasks.metric_check("task", "nisqa@nisqa.tar").mend.startswith("BENCHMARK_OFFLINE=0 python -m")


def test_weights_that_nothing_uses_are_no_fault() -> None:
    assert one(tasks.weight_checks(), "bst.t7").state == "-"


def test_wrong_weights_are_removed_by_the_command_that_mends_them(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "weights" / "nisqa.tar"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another file")
    for found in (tasks.metric_check("task", "nisqa@nisqa.tar"), one(tasks.weight_checks(), "nisqa.tar")):
        assert found.state == "wrong"
        assert "sha256" in found.what
        assert found.mend == f"rm -r {path} && python -m benchmark weights get nisqa.tar"
    subprocess.run(found.mend.split(" && ")[0], shell=True, check=True)
    assert tasks.metric_check("task", "nisqa@nisqa.tar").state == "missing"


def test_a_verified_file_makes_its_metric_ready() -> None:
    assert tasks.metric_check("task", "spksim@resemblyzer").state == "ok"
    assert one(tasks.weight_checks(), "resemblyzer/pretrained.pt").what.startswith(
        "Verified, in the package resemblyzer"
    )


def test_code_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "protocols.spksim", None)
    found = tasks.metric_check("task", "spksim@resemblyzer")
    assert (found.state, found.mend) == ("wrong", "uv sync")
    assert "protocols.spksim" in found.what
    monkeypatch.setitem(sys.modules, "baselines.world_vc", None)
    assert tasks.system_check("task", "world_vc").state == "wrong"
    assert tasks.system_check("task", "copy_source").state == "ok"


def test_a_task_runs_when_one_system_and_one_metric_do(monkeypatch: pytest.MonkeyPatch) -> None:
    task = TASKS["audio_guided_vc"]
    state = tasks.task_state(task, [GOOD])
    assert state.runs  # SpkSim alone: NISQA's weights are absent
    assert one(state.checks, "default run").what == "python -m benchmark run --task audio_guided_vc"
    assert one(state.checks, f"systems ({len(task.systems)})").state == "ok"
    assert not tasks.task_state(task, [GOOD, Check("disk", "results", "wrong", "")]).runs
    monkeypatch.setattr(tasks, "metric_check", lambda section, name: Check(section, name, "missing", ""))
    state = tasks.task_state(task, [GOOD])
    assert not state.runs
    assert one(state.checks, "default run").state == "missing"
    assert not tasks.task_state(TASKS["latent_guided_vc"], [GOOD]).runs


def test_without_a_voice_or_a_cache_the_embedded_corpus_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = Check("", "", "ok", ""), Check("", "", "wrong", "")
    assert tasks.pocket_check(good, good).state == "ok"
    assert tasks.pocket_check(bad, good).state == tasks.pocket_check(good, bad).state == "missing"
    store = tmp_path / "cache" / "store" / "pocket_av-0123456789ab"
    store.mkdir(parents=True)
    (store / "store.json").write_text("{}")
    assert tasks.pocket_check(bad, bad).what.startswith("prepared")
    assert tasks.voice_check().state == "ok"

    def silent(*_: object) -> None:
        raise BenchmarkError("libespeak-ng cannot be loaded (gone)")

    monkeypatch.setattr("benchmark.corpora.pocket.espeak.speak", silent)
    assert tasks.voice_check().mend == "uv sync --reinstall-package espeakng-loader"


def test_a_full_disk_is_wrong_and_an_ordinary_one_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: PLENTY)
    assert one(machine.disk(tmp_path), "cache").state == "ok"
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(1 << 40, 1 << 40, 100 << 20))
    found = one(machine.disk(tmp_path), "cache")
    assert found.state == "wrong"
    assert "0.1 GiB free" in found.what
    assert "BENCHMARK_CACHE" in found.mend


def test_a_folder_that_refuses_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: PLENTY)
    real = machine.tempfile.TemporaryFile

    def refuse(dir: Path) -> object:  # root, whom tests may run as, writes into read-only folders
        if Path(dir).is_relative_to(tmp_path / "cache"):
            raise OSError(30, "Read-only file system")
        return real(dir=dir)

    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(machine.tempfile, "TemporaryFile", refuse)
    found = machine.disk(tmp_path / "results")
    assert one(found, "cache").state == "wrong"
    assert "cannot be written (Read-only file system)" in one(found, "cache").what
    assert one(found, "results").state == "ok"
    assert machine.refuses(Path("/proc")) is not None  # a folder that refuses everybody, root too


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    machine.disk(tmp_path / "results")
    tasks.weight_checks()
    assert list(tmp_path.iterdir()) == []


def test_the_size_of_the_cache_is_summed(tmp_path: Path) -> None:
    (tmp_path / "cache" / "store").mkdir(parents=True)
    with (tmp_path / "cache" / "store" / "large").open("wb") as file:
        file.truncate(3 << 30)
    assert "3.0 GiB in it" in one(machine.disk(tmp_path), "cache").what


def test_little_memory_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "GiB free of" in machine._memory().what
    monkeypatch.setattr(machine, "MEMORY", 1 << 60)
    assert machine._memory().state == "wrong"


def test_variables_that_nothing_reads_are_pointed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_WEIGHT", "/data")
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path / "nowhere"))
    found = machine.environment()
    assert one(found, "BENCHMARK_WEIGHT").mend == "did you mean BENCHMARK_WEIGHTS?"
    assert one(found, "BENCHMARK_WEIGHTS").state == "wrong"
    assert one(found, "BENCHMARK_CACHE").state == "ok"
    assert one(found, "BENCHMARK_OFFLINE").state == "-"


def test_every_variable_that_the_sources_read_is_known() -> None:
    root = Path(__file__).parents[3]
    sources = "".join(p.read_text() for room in ("benchmark", "protocols") for p in (root / room).rglob("*.py"))
    import re

    read = set(re.findall(r"environ(?:\.get\(|\[)\"(BENCHMARK_\w+)\"", sources))
    assert read == set(machine.VARIABLES)


def test_a_broken_torch_is_one_line_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [c.name for c in machine._torch()] == ["torch", "device"]
    monkeypatch.setitem(sys.modules, "torch", None)
    (found,) = machine._torch()
    assert (found.state, found.mend) == ("wrong", "uv sync --reinstall")


def test_lines_are_aligned_within_100_columns_and_commands_stay_whole() -> None:
    long = "python -m benchmark weights get " + "x" * 90
    shown = text(
        [
            Check("one", "short", "ok", "word " * 60),
            Check("one", "a name of much more than thirty characters", "missing", "what", long),
            Check("two", "b", "-", "d"),
        ]
    )
    lines = shown.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == ["one", "two"]
    assert max(len(line) for line in lines if "xxx" not in line) <= 100
    assert any(line.endswith("x" * 90) for line in lines)
    assert "  missing  a name of much more than thirty characters" in lines
    assert {len(line) - len(line.lstrip()) for line in lines if line.startswith("   ")} == {42}


def test_home_is_written_as_the_shell_reads_it() -> None:
    assert check.brief(Path.home() / "a" / "b") == "~/a/b"
    assert check.brief(Path("/elsewhere")) == "/elsewhere"


@pytest.mark.parametrize(("runs", "code"), [({"a": True, "b": False}, 0), ({"a": False}, 1)])
def test_the_verb(
    runs: dict[str, bool], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report((Check("disk", "cache", "wrong", "full", "make room"),), runs)
    monkeypatch.setattr("benchmark.runner.doctor.examine", lambda: report)
    assert doctor.main(doctor.Doctor(json=True)) == code
    document = json.loads(capsys.readouterr().out)
    assert document["runs"] == runs
    assert document["checks"] == [
        {"section": "disk", "name": "cache", "state": "wrong", "what": "full", "mend": "make room"}
    ]
    assert doctor.main(doctor.Doctor()) == code
    assert "  wrong    cache" in capsys.readouterr().out


@pytest.mark.slow
def test_the_whole_of_it_without_a_network(tmp_path: Path) -> None:
    """From the command line, with a cache of its own, where any socket of the internet is an error."""
    code = (
        "import socket, sys\n"
        "class Local(socket.socket):\n"
        "    def __init__(self, family=-1, *rest, **options):\n"
        "        assert family not in (-1, socket.AF_INET, socket.AF_INET6), 'a socket'\n"
        "        super().__init__(family, *rest, **options)\n"
        "socket.socket = Local\n"
        "from benchmark.cli import main\n"
        "assert 'torch' not in sys.modules\n"
        "main(['doctor', '--json'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["runs"]["audio_guided_vc"]
    assert {c["name"] for c in document["checks"] if c["section"] == "weights"} == set(weights.names())
    assert {c["state"] for c in document["checks"]} <= {"ok", "missing", "wrong", "-"}
    assert all(c["mend"] for c in document["checks"] if c["state"] in ("missing", "wrong"))
    assert not (tmp_path / "results").exists()
