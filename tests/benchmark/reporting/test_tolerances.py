from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.changes import direction
from benchmark.reporting.tolerances import DEFAULT, Tolerances, default, read_tolerances

SUBJECTS = [("spksim@resemblyzer", "copy_source"), ("spksim@resemblyzer", "shuffled_reference:adain_cvc:tiny")]


def test_the_most_specific_key_decides() -> None:
    told = Tolerances(({"spksim@resemblyzer *adain_cvc*": 0.15, "spksim@*": 0.01, "spksim@resemblyzer": 0.002},))
    assert told("spksim@resemblyzer", "shuffled_reference:adain_cvc:tiny") == 0.15
    assert told("spksim@resemblyzer", "copy_source") == 0.002
    assert told("spksim@other", "copy_source") == 0.01
    assert told("wer@x", "copy_source") == DEFAULT
    assert told.find("wer@x", "copy_source") is None


def test_the_first_table_that_knows_decides() -> None:
    told = Tolerances(({"spksim@*": 0.5}, {"spksim@resemblyzer copy_source": 0.1, "wer@*": 0.3}))
    assert told("spksim@resemblyzer", "copy_source") == 0.5
    assert told("wer@x", "copy_source") == 0.3


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "tolerances.toml"
    file.write_text('[tolerances]\n"spksim@*" = 0.1\n"* copy_source" = 1\n')
    assert read_tolerances(file, SUBJECTS) == {"spksim@*": 0.1, "* copy_source": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tolerances]\n"spksin@resemblyzer" = 0.1\n', "'spksin@resemblyzer' fits nothing"),
        ('[tolerances]\n"spksim@resemblyzer copy_sauce" = 0.1\n', "fits nothing"),
        ('[tolerances]\n"spksim@*" = -1\n', "expected a number >= 0"),
        ('[tolerances]\n"spksim@*" = nan\n', "expected a number >= 0"),
        ('[tolerances]\n"spksim@*" = true\n', "expected a number >= 0"),
        ('[tolerances]\n"spksim@*" = "0.1"\n', "expected a number >= 0"),
        ('[tolerances]\n"spksim@*" = 0.1\n[other]\n', "expected the one table"),
        ("", "got nothing"),
        ("tolerances = 3\n", "expected the one table"),
        ("[tolerances\n", "is no TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "tolerances.toml"
    file.write_text(text)
    with pytest.raises(BenchmarkError, match=said):
        read_tolerances(file, SUBJECTS)


def test_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="No tolerance file"):
        read_tolerances(tmp_path / "x.toml", SUBJECTS)


def test_both_ends_of_f0_are_known() -> None:
    assert (direction("f0_corr@world"), direction("f0_target@world"), direction("odd@made")) == (1, -1, 0)
    assert (default("f0_corr@world"), default("f0_target@world")) == (DEFAULT, 0.02)
