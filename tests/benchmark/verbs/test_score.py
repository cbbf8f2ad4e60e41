"""The verb `score`: which options go together, and where they lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cli import main


def go(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["score", *arguments])
    return int(str(stop.value.code or 0))


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "either a trial list (--trials FILE) or ratings"),
        (["--trials", "a.csv", "--ratings", "b.csv", "--key", "c.csv"], "either a trial list"),
        (["--ratings", "b.csv"], "--ratings and --key go together"),
        (["--trials", "a.csv", "--key", "c.csv"], "--ratings and --key go together"),
        (["--ratings", "b.csv", "--key", "c.csv", "--root", "."], "ratings need none"),
        (["--trials", "a.csv", "--metrics", "x", "x"], "a name stands twice"),
        (["--trials", "a.csv", "--out", "."], "current folder"),
        (["--trials", "/no/such/list.csv"], "No trial list at /no/such/list.csv"),
        (["--trials", "a.csv", "--metrics", "spksim@resembly"], "Did you mean spksim@resemblyzer"),
    ],
)
def test_mistakes_are_named(arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert go(*arguments) == 2
    said = capsys.readouterr()
    assert not said.out
    assert part in said.err


def test_ratings_go_to_their_own_scoring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmark.runner import ratings

    asked: list[tuple[Path, Path, Path | None]] = []

    def score_ratings(found: Path, key: Path, out: Path | None = None) -> Path:
        asked.append((found, key, out))
        (tmp_path / "table.md").write_text("said of humans")
        return tmp_path

    monkeypatch.setattr(ratings, "score_ratings", score_ratings)
    assert go("--ratings", "r.csv", "--key", "k.csv", "--out", "o") == 0
    assert asked == [(Path("r.csv"), Path("k.csv"), Path("o"))]
    assert "said of humans" in capsys.readouterr().out
