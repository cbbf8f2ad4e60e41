"""Answers of raters: read strictly, and errors name the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from protocols.questionnaire import Item
from protocols.ratings import Rating, agreement, read_ratings


def item(number: int, answer: str = "left") -> Item:
    side = "left" if answer == "left" else "right"
    return Item(
        f"0a1b2c3d-{number:03d}",
        "cpr",
        "image_guided_vc",
        "xfavot",
        str(number),
        "",
        "a",
        0,
        "b",
        1,
        side,
        "v",
        "",
        "l",
        "r",
    )


ITEMS = [item(1), item(2, "right"), item(3)]


def write(path: Path, *lines: str, head: str = "rater,item,answer,time", end: str = "\n") -> Path:
    path.write_bytes((end.join([head, *lines]) + end).encode())
    return path


def test_answers_are_held_against_the_key(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "anna,0a1b2c3d-001,left,4", "anna,0a1b2c3d-002,left,", "bo,0a1b2c3d-001,right,2")
    found = read_ratings(path, ITEMS)
    assert [(r.rater, r.item.item[-3:], r.value) for r in found] == [
        ("anna", "001", 1.0),
        ("anna", "002", 0.0),
        ("bo", "001", 0.0),
    ]


def test_a_skipped_question_is_no_answer_and_time_is_optional(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "anna,0a1b2c3d-001,", "anna,0a1b2c3d-002,right", head="rater,item,answer")
    assert [r.item.item for r in read_ratings(path, ITEMS)] == ["0a1b2c3d-002"]


def test_spreadsheets_may_leave_a_byte_order_mark_crlf_and_blanks(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "anna , 0a1b2c3d-001, left ,1", head="﻿rater,item,answer,time", end="\r\n")
    assert [(r.rater, r.value) for r in read_ratings(path, ITEMS)] == [("anna", 1.0)]


def test_a_folder_holds_a_file_for_each_rater(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "anna,0a1b2c3d-001,left,1")
    write(tmp_path / "b.csv", "bo,0a1b2c3d-001,right,1")
    (tmp_path / "notes.txt").write_text("not a rating")
    assert {r.rater for r in read_ratings(tmp_path, ITEMS)} == {"anna", "bo"}


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        (["anna,0a1b2c3d-001,left,1", "anna,0a1b2c3d-009,left,1"], ["r.csv:3", "0a1b2c3d-009", "not in the key"]),
        (["anna,ffffffff-001,left,1"], ["r.csv:2", "study ffffffff", "study 0a1b2c3d"]),
        (["anna,,left,1"], ["r.csv:2", "''"]),
        (["anna,0a1b2c3d-001,both,1"], ["r.csv:2", "'both'", "left, right"]),
        (["anna,0a1b2c3d-001,Left,1"], ["r.csv:2", "'Left'"]),
        ([",0a1b2c3d-001,left,1"], ["r.csv:2", "without a rater"]),
        (
            ["anna,0a1b2c3d-001,left,1", "bo,0a1b2c3d-001,left,1", "anna,0a1b2c3d-001,left,1"],
            ["'anna'", "r.csv:2", "r.csv:4", "twice"],
        ),
        (["anna,0a1b2c3d-001,,1"], ["no answer"]),
        (["anna", "bo"], ["r.csv:2", "not in the key"]),
        ([], ["no answer"]),
    ],
)
def test_wrong_answers_are_refused_with_their_lines(tmp_path: Path, lines: list[str], parts: list[str]) -> None:
    path = write(tmp_path / "r.csv", *lines)
    with pytest.raises(BenchmarkError) as error:
        read_ratings(path, ITEMS)
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"rater,item\nanna,0a1b2c3d-001\n", "column answer missing"),
        (b"rater;item;answer\nanna;0a1b2c3d-001;left\n", "separated by commas"),
        (b"", "missing"),
        ("rater,item,answer\nanna,0a1b2c3d-001,left\n".encode("utf-16"), "UTF-8"),
        (b"PK\x03\x04\x00\x00" * 20, "r.csv"),
    ],
)
def test_files_that_are_no_ratings_are_refused(tmp_path: Path, data: bytes, part: str) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(data)
    with pytest.raises(BenchmarkError, match=part):
        read_ratings(path, ITEMS)


def test_no_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(BenchmarkError, match="No ratings"):
            read_ratings(path, ITEMS)


def test_the_same_rater_in_two_files_is_refused_with_both(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "anna,0a1b2c3d-001,left,1")
    write(tmp_path / "b.csv", "anna,0a1b2c3d-001,right,1")
    with pytest.raises(BenchmarkError, match=r"a\.csv:2 and .*b\.csv:2"):
        read_ratings(tmp_path, ITEMS)


def test_agreement_is_with_the_majority_of_the_others() -> None:
    answers = {"a": "LLL", "b": "LLR", "c": "LRR", "d": "RLR"}
    ratings = [
        Rating(rater, ITEMS[k], {"L": "left", "R": "right"}[letter])
        for rater, letters in answers.items()
        for k, letter in enumerate(letters)
    ]
    # Item 1: others of a, b, c are 2 L : 1 R, of d 3 L. Item 2: the same with c alone. Item 3: a alone is against.
    assert agreement(ratings) == {"a": 2 / 3, "b": 1.0, "c": 2 / 3, "d": 2 / 3}
    assert agreement(ratings[:3]) == {"a": None}
    assert agreement([ratings[0], ratings[3], ratings[9]]) == {"a": None, "b": None, "d": 0.0}
