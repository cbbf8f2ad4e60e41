"""Reading a trial list: what third parties' files look like, and every way in which one can be wrong."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from protocols.trial import Trial, TrialFile, read_trial_file, read_trials, write_trials

HEAD = "output,system,task,source,reference,natural_target_voice,source_id,source_gender,target_id,target_gender\n"
NEEDED = ("output", "system", "task")


def read(tmp_path: Path, data: str | bytes, required: tuple[str, ...] = NEEDED) -> TrialFile:
    path = tmp_path / "list.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_trial_file(path, required)


def row(tmp_path: Path, cells: str) -> Trial:
    (found,) = read(tmp_path, HEAD + cells + "\n").rows.values()
    return found


def test_what_excel_and_pandas_write(tmp_path: Path) -> None:
    data = (
        b"\xef\xbb\xbf output ,system, task,source_gender,target_gender,natural_target_voice,transcript,extra\r\n"
        b' a.wav , My System ,audio_guided_vc, F ,1.0, b.wav ; c d.wav;,"He said, ""no"".",7\r\n'
        b",,,,,,,\r\n"
        b"\r\n"
        b"b.wav,My System,audio_guided_vc,male,,,,\r\n"
    )
    file = read(tmp_path, data)
    assert file.ignored == ("extra",)
    assert list(file.rows) == [2, 5]
    first, second = file.rows.values()
    assert first == Trial(
        output="a.wav",
        system="My System",
        task="audio_guided_vc",
        source_gender=0,
        target_gender=1,
        natural_target_voice=("b.wav", "c d.wav"),
        transcript='He said, "no".',
    )
    assert (second.source_gender, second.target_gender, second.pairing) == (1, None, "")


@pytest.mark.parametrize(
    ("text", "gender"), [("F", 0), ("f", 0), ("0", 0), ("Female", 0), ("M", 1), ("1", 1), ("MALE", 1), ("", None)]
)
def test_genders(tmp_path: Path, text: str, gender: int | None) -> None:
    assert row(tmp_path, f"a.wav,s,t,,,,,{text},,").source_gender == gender


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("a.wav", "a.wav"),
        ("./b/../a.wav", "a.wav"),
        ("b//a.wav", "b/a.wav"),
        (r"b\a.wav", "b/a.wav"),
        ("..a/b..wav", "..a/b..wav"),
    ],
)
def test_a_path_comes_out_in_its_shortest_form(tmp_path: Path, written: str, path: str) -> None:
    assert row(tmp_path, f"{written},s,t,,,,,,,").output == path


OUTSIDE = ["/etc/passwd", "../a.wav", "b/../../a.wav", "..", r"..\a.wav", r"b\..\..\a.wav", r"C:\a.wav", "C:a.wav"]
OUTSIDE += [r"\\host\share\a.wav", r"\a.wav", "//host/a.wav", "./../a.wav"]


@pytest.mark.parametrize("column", ["output", "source", "reference", "natural_target_voice"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_outside_the_root_is_refused(tmp_path: Path, path: str, column: str) -> None:
    cells = {"output": "x.wav", "system": "s", "task": "t", column: path}
    if column == "natural_target_voice":
        cells[column] = f"fine.wav; {path}"
    data = ",".join(cells) + "\n" + "x.wav,s,t" + "," * (len(cells) - 3) + "\n" + ",".join(cells.values()) + "\n"
    with pytest.raises(BenchmarkError) as said:
        read(tmp_path, data)
    assert f"list.csv:3: {column} is {path!r}, outside the root" in str(said.value)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="ab./\\:C", min_size=1, max_size=12))
def test_what_is_read_never_leaves_the_root(tmp_path: Path, text: str) -> None:
    leaves, root = False, Path("/root/of/all")
    try:
        found = row(tmp_path, f"{text},s,t,,,,,,,").output
    except BenchmarkError:
        leaves, found = True, text.replace("\\", "/")
    climbed = not Path(root, posixpath.normpath(found)).resolve().is_relative_to(root)
    assert climbed == leaves or (leaves and ":" in text)  # a drive of Windows is a plain name here


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ("", ["is empty"]),
        ("\n\n", ["is empty"]),
        (HEAD, ["a header and no rows"]),
        ("output,task\na,b\n", ["column system missing", "its header line has output, task"]),
        ("system;output;task\na;b;c\n", ["output and system and task missing", "parted by semicolons"]),
        ("system\toutput\ttask\na\tb\tc\n", ["output and system and task missing", "parted by tabs"]),
        ("output,system,task,task\na,b,c,d\n", ["column task stands twice"]),
        (HEAD + "a,b,c\n", [":2 has 3 cells, the header 10"]),
        (HEAD + "a,b,c,,,,,,,\na,b,c,,,,,,,,too,many\n", [":3 has 12 cells"]),
        (HEAD + "a,b,c,,,,,woman,,\n", [":2: source_gender is 'woman'"]),
        ("output,system,task,draw\na,b,c,first\n", [":2: draw is 'first'"]),
        (HEAD + 'a,b,c,,,,,,,\n"a,b,c,,,,,,,\na,b,c,,,,,,,\n', [":3 is no CSV"]),
        (HEAD + 'a,"b"x,c,,,,,,,\n', [":2 is no CSV"]),
        (HEAD + "a\0,b,c,,,,,,,\n", [":2 has a NUL byte"]),
        (HEAD.encode() + b"a,caf\xe9,c,,,,,,,\n", [":2 is not UTF-8"]),
        (HEAD.encode("utf-16"), [":1 is not UTF-8"]),
        (HEAD + "a,b,c" + "x" * 200_000 + ",,,,,,,\n", [":2 is no CSV"]),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, data: str | bytes, parts: list[str]) -> None:
    with pytest.raises(BenchmarkError) as said:
        read(tmp_path, data)
    for part in ["list.csv", *parts]:
        assert part in str(said.value)


def test_a_folder_and_nothing_are_no_lists(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="is a folder"):
        read_trial_file(tmp_path, NEEDED)
    with pytest.raises(BenchmarkError, match="No trial list at"):
        read_trial_file(tmp_path / "none.csv", NEEDED)


def test_a_line_is_where_a_row_begins(tmp_path: Path) -> None:
    data = 'output,system,task,transcript\na.wav,s,t,"two\nlines"\n\nb.wav,s,t,one\n'
    assert list(read(tmp_path, data).rows) == [2, 5]


def test_what_we_write_we_read(tmp_path: Path) -> None:
    rows = [
        Trial(output="a.wav", system="s", task="t", source="b.wav", source_gender=0, transcript='a, "b"; c', trial="x"),
        Trial(
            task="t", source="c.wav", natural_target_voice=("d.wav", "e.wav"), draw=3, split="unseen", content="f.wav"
        ),
    ]
    write_trials(tmp_path / "list.csv", rows)
    assert read_trials(tmp_path / "list.csv") == rows


def test_a_cell_that_cannot_be_a_path_is_refused_with_its_line(tmp_path: Path) -> None:
    text = "a sentence of many words " * 12
    with pytest.raises(BenchmarkError, match=r"list\.csv:2: output is 'a sentence .*too long .* columns swapped"):
        read(tmp_path, f"output,system,task\n{text},s,t\n")
    assert read(tmp_path, f"output,system,task\n{'f' * 255}/{'g' * 255},s,t\n")
