"""Genders that a user tells: what is read, what is refused, and who is named as lacking one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.corpora.speaker_table import NAME, gender_notes, named_genders, read_genders
from benchmark.errors import BenchmarkError


def test_a_table_is_read_in_any_case_and_order(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text("\ufeffgender,note,speaker\nF,x, anna \nm,,-ben\nfemale,,cleo\nF,again,anna\n", encoding="utf-8")
    assert read_genders(path) == {"anna": 0, "-ben": 1, "cleo": 0}
    assert read_genders(tmp_path / "none.csv") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"speaker,gender\nanna,\n", "expected columns speaker and gender"),
        (b"speaker,gender\nanna,x\n", "expected columns speaker and gender"),
        (b"speaker,gender\n,F\n", "expected columns speaker and gender"),
        (b"name,gender\nanna,F\n", "expected columns speaker and gender"),
        (b"anna,F\nben,M\n", "expected columns speaker and gender"),
        (b"speaker,gender\nanna,F\nanna,M\n", "anna stands there as F and as M"),
        (b"speaker,gender\n\xff\xfe,F\n", "no CSV of UTF-8 text"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path: Path, text: bytes, told: str) -> None:
    (tmp_path / NAME).write_bytes(text)
    with pytest.raises(BenchmarkError, match=told):
        read_genders(tmp_path / NAME)


def test_a_table_that_was_named_must_be_there_and_may_lie_elsewhere(tmp_path: Path) -> None:
    root, other = tmp_path / "corpus", tmp_path / "mine.csv"
    root.mkdir()
    assert named_genders(root, NAME) == {}
    other.write_text("speaker,gender\nanna,F\n")
    assert named_genders(root, str(other)) == {"anna": 0}
    for name in ("mine.csv", str(tmp_path / "lost.csv")):
        with pytest.raises(BenchmarkError, match="There is no table of genders"):
            named_genders(root, name)


def test_notes_name_whom_the_table_lacks() -> None:
    assert gender_notes(["anna", "ben"], {"anna": 0, "ben": 1}, NAME) == []
    (note,) = gender_notes(["anna", "ben"], {"anna": 0}, "/home/me/mine.csv")
    assert "not known of ben," in note
    assert "in mine.csv (" in note
    assert "/" not in note
