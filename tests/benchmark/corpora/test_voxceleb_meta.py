"""The table that joins voices to names: as VoxCeleb1 gives it out, and what it may not be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmark.corpora.voxceleb_meta import Person, read_meta
from benchmark.errors import BenchmarkError

REAL = Path(__file__).parents[4] / "shared" / "data" / "voxceleb1" / "vox1_meta.csv"
HEADER = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_are_people(tmp_path: Path, start: str, end: str) -> None:
    rows = "id10001\tA.J._Buckley\tm\tIreland\tdev\n\nid10270\tEartha_Kitt\tF\tTrinidad and Tobago\ttest\n"
    path = written(tmp_path / "m.csv", start + (HEADER + rows).replace("\n", end))
    assert read_meta(path) == [
        Person("id10001", "A.J._Buckley", 1, "Ireland"),
        Person("id10270", "Eartha_Kitt", 0, "Trinidad and Tobago"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "first line is not there"),
        ("VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set\n", "tab-separated columns"),
        (HEADER.replace("\t", ","), "tab-separated columns"),
        (HEADER + "id1\tAnn\tf\tUK\n", r"line 2: .*expected a value in each"),
        (HEADER + "id1\tAnn\tf\t\tdev\n", "line 2: .*expected a value in each"),
        (HEADER + "id1\tAnn\tf\tUK\tdev\nid2\tBen\tx\tUK\tdev\n", "line 3: gender 'x'; expected f or m"),
        (HEADER + "id1\t1st_Ann\tf\tUK\tdev\n", "line 2: name '1st_Ann'"),
        (HEADER + "id1\tAnn/..\tf\tUK\tdev\n", "line 2: name 'Ann/..'"),
        (HEADER + "id1\tAnn\tf\tUK\tdev\nid2\tAnn\tf\tUK\tdev\n", "line 3: id2, Ann stands in an earlier line"),
        (HEADER + "id1\tAnn\tf\tUK\tdev\nid1\tBen\tm\tUK\tdev\n", "line 3: id1, Ben stands in an earlier line"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BenchmarkError, match=told):
        read_meta(written(tmp_path / "m.csv", text))


def test_no_table_and_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"Put VoxCeleb1's vox1_meta\.csv there"):
        read_meta(tmp_path / "m.csv")
    (tmp_path / "m.csv").write_bytes(HEADER.encode() + b"id1\t\xff\tf\tUK\tdev\n")
    with pytest.raises(BenchmarkError, match="no table of UTF-8 text"):
        read_meta(tmp_path / "m.csv")


def test_initials_part_people() -> None:
    parts = {name: Person("i", name, 0, "UK").part for name in ("Al", "bo", "Cy", "Di", "Ed", "Fay", "Zoe")}
    assert parts == {
        **dict.fromkeys(("Al", "bo"), "validation"),
        **dict.fromkeys(("Cy", "Di", "Ed"), "test"),
        **dict.fromkeys(("Fay", "Zoe"), "train"),
    }


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_file(), reason="no ../shared/data/voxceleb1")
def test_the_real_table_has_the_counts_of_wens_repository() -> None:
    people = read_meta(REAL)
    assert len(people) == 1251
    assert Counter(p.part for p in people) == {"train": 942, "validation": 116, "test": 193}
    assert Counter(p.gender for p in people) == {0: 561, 1: 690}
    assert len({p.nationality for p in people}) == 36
    assert people[0] == Person("id10001", "A.J._Buckley", 1, "Ireland")
