"""Centred cosines and retrieval as a protocol, with a judge whose verdicts can be told beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from benchmark.registry import PROTOCOLS
from protocols import vision
from protocols.likeness import Likeness
from protocols.pictures import Pictures
from protocols.protocol import Doubting, RealPictures, Together
from protocols.trial import Score, Trial
from protocols.vision import Face, Look, Vision

KEYS = tuple(key for key, entry in PROTOCOLS.items() if entry.target == "protocols.likeness:Likeness")
CENTRED = tuple(key for key in KEYS if key.startswith("cos"))
PROPOSED = "retrieval_top5@pocket:source"
RETRIEVAL = tuple(key for key in KEYS if key.startswith("retrieval") and key != PROPOSED)
PEOPLE = 12


@pytest.fixture(autouse=True)
def judge(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The identity of a picture is its mean colour; returns how many were looked at in each pass."""
    looked: list[int] = []

    def look(pictures: Sequence[np.ndarray], pixels: int) -> Look:
        looked.append(len(pictures))
        rows = [p.reshape(-1, 3).mean(0) for p in pictures]
        return Look(faces=[Face(0.0, np.zeros(3), (row / np.linalg.norm(row)).astype(np.float32)) for row in rows])

    monkeypatch.setitem(vision.NETWORKS, "pocket", Vision(look, (), "made"))  # type: ignore[misc]
    return looked


def colour(number: int) -> tuple[int, int, int]:
    red, green, blue = np.random.default_rng(number).integers(20, 256, 3).tolist()
    return red, green, blue


def paint(path: Path, shade: tuple[int, int, int]) -> str:
    Image.new("RGB", (16, 16), shade).save(path)
    return path.name


def made_rows(folder: Path, system: str = "s", split: str = "seen", n: int = 2 * PEOPLE) -> list[Trial]:
    """Everybody is a target; even numbers are women; the source is the next person or the one after that."""
    rows = []
    for number in range(n):
        target, source = number % PEOPLE, (number + 1 + number // PEOPLE) % PEOPLE
        rows.append(
            Trial(
                output=paint(folder / f"{system}{split}{number}.png", colour(1000 + number)),
                system=system,
                task="face_from_voice",
                source=paint(folder / f"source{source}.png", colour(100 + source)),
                reference=f"voice{number}.flac",
                source_id=f"p{source}",
                source_gender=source % 2,
                target_id=f"p{target}",
                target_gender=target % 2,
                trial=f"pocket_made-{split}-{number:04d}",
                split=split,
                other_target_face=paint(folder / f"{split}p{target}_{number}.png", colour(10 * target + number)),
                other_face=paint(folder / f"other{number}.png", colour(500 + number)),
            )
        )
    return rows


def judged(rows: Sequence[Trial], root: Path, keys: Sequence[str] = KEYS) -> dict[tuple[str, str], Score]:
    protocol = Likeness(*keys)
    protocol.compare_with([])
    return {(s.metric, s.trial): s for s in protocol.score(rows, root)}


def seen(root: Path, name: str) -> np.ndarray:
    shade = np.asarray(Image.open(root / name))[0, 0].astype(np.float64)
    return np.asarray(shade / np.linalg.norm(shade))


def test_it_is_a_protocol_of_several_keys() -> None:
    together: Together = Likeness(*KEYS)
    doubting: Doubting = Likeness(*KEYS)
    assert together.metrics == doubting.metrics == KEYS
    assert len(KEYS) == 7
    assert together.weights == ("pocket/face_judge.safetensors",)
    assert all(PROTOCOLS[key].tasks == ("face_from_voice",) for key in KEYS)


def test_centred_cosines_are_less_those_of_third_people_of_that_gender(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    found = judged(rows, tmp_path, CENTRED)
    assert len(found) == 3 * len(rows)
    gallery = {row.target_id: row for row in reversed(rows)}  # the first trial of everybody
    for row in rows:
        for key, picture, gender in (
            ("cos_target@pocket:centred", row.other_target_face, row.target_gender),
            ("cos_input@pocket:centred", row.source, row.source_gender),
            ("cos_random@pocket:centred", row.other_face, row.target_gender),
        ):
            third = [
                float(seen(tmp_path, row.output) @ seen(tmp_path, other.other_target_face))
                for person, other in gallery.items()
                if other.target_gender == gender and person not in (row.source_id, row.target_id)
            ]
            assert len(third) in (PEOPLE // 2 - 1, PEOPLE // 2 - 2)
            expected = float(seen(tmp_path, row.output) @ seen(tmp_path, picture)) - np.mean(third)
            assert found[key, row.trial].value == pytest.approx(expected, abs=1e-6)


def test_the_raw_cosines_are_those_that_are_centred(tmp_path: Path) -> None:
    """`target - random` is the same in both, because the same mean is taken off."""
    rows = made_rows(tmp_path)
    centred = judged(rows, tmp_path, CENTRED)
    raw = {(s.metric, s.trial): s for s in Pictures("cos_target@pocket", "cos_random@pocket").score(rows, tmp_path)}
    for row in rows:
        a, b = (
            (f[f"cos_{n}@pocket{c}", row.trial].value or 0.0) for f, n, c in ((raw, "target", ""), (raw, "random", ""))
        )
        c, d = (centred[f"cos_{n}@pocket:centred", row.trial].value or 0.0 for n in ("target", "random"))
        assert c - d == pytest.approx(a - b, abs=1e-6)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_retrieval_against_a_sorted_list(tmp_path: Path, k: int) -> None:
    rows = made_rows(tmp_path)
    found = judged(rows, tmp_path, RETRIEVAL)
    gallery = {row.target_id: row.other_target_face for row in reversed(rows)}
    values = []
    for row in rows:
        output = seen(tmp_path, row.output)
        line = sorted(gallery, key=lambda person: -float(output @ seen(tmp_path, gallery[person])))
        values.append(found[f"retrieval_top{k}@pocket", row.trial].value)
        assert values[-1] == float(row.target_id in line[:k])
    assert set(values) == {0.0, 1.0}, "otherwise this test says nothing"


def test_the_person_of_the_proposal_is_searched_for_in_the_same_gallery(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    rows[0] = replace(rows[0], source_id="nobody's target")
    found = judged(rows, tmp_path, (PROPOSED,))
    assert len(found) == len(rows) - 1
    gallery = {row.target_id: row.other_target_face for row in reversed(rows)}
    for row in rows[1:]:
        output = seen(tmp_path, row.output)
        line = sorted(gallery, key=lambda person: -float(output @ seen(tmp_path, gallery[person])))
        assert found[PROPOSED, row.trial].value == float(row.source_id in line[:5])
    assert {score.value for score in found.values()} == {0.0, 1.0}, "otherwise this test says nothing"


def test_outputs_that_are_the_gallery_are_all_found_and_ties_are_not(tmp_path: Path) -> None:
    rows = made_rows(tmp_path, n=PEOPLE)
    truth = [replace(row, output=row.other_target_face) for row in rows]
    assert {s.value for s in judged(truth, tmp_path, RETRIEVAL).values()} == {1.0}
    paint(tmp_path / rows[3].other_target_face, colour(5))
    paint(tmp_path / rows[4].other_target_face, colour(5))
    tied = judged(truth, tmp_path, RETRIEVAL)
    assert [tied["retrieval_top1@pocket", rows[i].trial].value for i in (2, 3, 4, 5)] == [1.0, 0.0, 0.0, 1.0]
    assert {tied["retrieval_top5@pocket", row.trial].value for row in rows} == {1.0}


def test_galleries_are_of_one_split_corpus_and_repeat(tmp_path: Path) -> None:
    rows = made_rows(tmp_path) + made_rows(tmp_path, split="unseen")
    together = judged(rows, tmp_path)
    apart = judged(rows[: 2 * PEOPLE], tmp_path) | judged(rows[2 * PEOPLE :], tmp_path)
    assert together == apart
    again = [replace(row, repeat=1, trial=f"{row.trial}r", other_target_face=row.source) for row in rows]
    assert {k: s for k, s in judged(rows + again, tmp_path).items() if k in together} == together
    corpora = [RealPictures(name, "", {}, lambda gender: iter(())) for name in ("pocket_made", "pocket_also")]
    others = [replace(row, trial=row.trial.replace("made", "also"), other_target_face=row.source) for row in rows]
    protocol = Likeness(*KEYS)
    protocol.compare_with(corpora)
    found = {(s.metric, s.trial): s for s in protocol.score(rows + others, tmp_path)}
    assert {k: s for k, s in found.items() if k in together} == together
    protocol.compare_with([])
    mixed = {(s.metric, s.trial): s for s in protocol.score(rows + others, tmp_path)}
    assert {k: s for k, s in mixed.items() if k in together} != together, "the two corpora are one without names"


def test_the_order_of_rows_is_no_matter(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    expected = judged(rows, tmp_path)
    for seed in range(3):
        assert judged(Random(seed).sample(rows, len(rows)), tmp_path) == expected


def test_a_file_is_looked_at_once(tmp_path: Path, judge: list[int]) -> None:
    rows = made_rows(tmp_path)
    protocol = Likeness(*KEYS)
    list(protocol.score(rows, tmp_path))
    once = sum(judge)
    names = {name for row in rows for name in (row.output, row.source, row.other_target_face, row.other_face)}
    assert once <= len(names)
    more = [replace(row, system="t", output=row.source) for row in rows]
    list(protocol.score(more, tmp_path))
    assert sum(judge) == once


def test_what_cannot_be_read_is_an_error_of_every_row_that_needs_it(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    (tmp_path / rows[0].output).write_bytes(b"no picture")
    rows[1] = replace(rows[1], output="")
    (tmp_path / rows[2].other_face).unlink()
    found = judged(rows, tmp_path)
    errors = {key: s.error for key, s in found.items() if s.error is not None}
    assert {trial for _, trial in errors} == {rows[i].trial for i in (0, 1, 2)}
    assert [metric for metric, trial in errors if trial == rows[2].trial] == ["cos_random@pocket:centred"]
    assert sum(trial == rows[0].trial for _, trial in errors) == len(KEYS)
    assert errors["retrieval_top1@pocket", rows[1].trial] == "The row names no output."
    assert rows[2].other_face in (errors["cos_random@pocket:centred", rows[2].trial] or "")
    (tmp_path / rows[5].other_target_face).write_bytes(b"")
    found = judged(rows, tmp_path, RETRIEVAL)
    assert all(s.error is not None for s in found.values()), "with somebody less in the gallery it would be easier"
    assert rows[5].other_target_face in (found["retrieval_top5@pocket", rows[9].trial].error or "")


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"other_target_face": ""}, {"cos_input@pocket:centred", "cos_random@pocket:centred", *RETRIEVAL, PROPOSED}),
        ({"target_id": ""}, {PROPOSED}),
        ({"target_gender": None}, {"cos_input@pocket:centred", *RETRIEVAL, PROPOSED}),
        ({"source_id": ""}, set(KEYS) - {"cos_input@pocket:centred", PROPOSED}),
        ({"source": ""}, set(KEYS) - {"cos_input@pocket:centred"}),
        ({"other_face": ""}, set(KEYS) - {"cos_random@pocket:centred"}),
        ({"output": "voice.flac"}, set()),
    ],
)
def test_a_row_is_judged_by_what_it_has(tmp_path: Path, change: dict[str, str], left: set[str]) -> None:
    """The person has another row, so that the gallery still knows her."""
    rows = made_rows(tmp_path)
    rows[PEOPLE] = replace(rows[PEOPLE], **change)  # type: ignore[arg-type]
    assert {metric for metric, trial in judged(rows, tmp_path) if trial == rows[PEOPLE].trial} == left


def test_it_plans_what_it_gives(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    rows[3] = replace(rows[3], target_gender=None)
    rows[4] = replace(rows[4], output="")
    planned = Likeness(*KEYS).planned([*rows, *made_rows(tmp_path, "other", n=8)])
    found = judged(rows, tmp_path)
    for key in KEYS:
        assert sorted(planned["s", key]) == sorted(trial for metric, trial in found if metric == key)
    assert ("other", "retrieval_top10@pocket") not in planned, "8 people"


def test_a_rank_that_holds_everybody_has_no_value(tmp_path: Path) -> None:
    rows = made_rows(tmp_path, n=5)
    assert {metric for metric, _ in judged(rows, tmp_path, RETRIEVAL)} == {"retrieval_top1@pocket"}
    said = Likeness(*RETRIEVAL).remarks(rows)
    assert said[0].startswith("retrieval_top5@pocket, retrieval_top10@pocket: seen: no value")


def test_what_a_reader_has_to_know_is_said(tmp_path: Path) -> None:
    rows = made_rows(tmp_path) + made_rows(tmp_path, split="unseen") + made_rows(tmp_path, "t")
    protocol = Likeness(*KEYS)
    seen_line, proposed, unseen_line, _ = protocol.remarks(rows)
    assert proposed.startswith(f"{PROPOSED}: seen: 24 outputs, the person of the proposal searched for among 12 people")
    assert seen_line.startswith(", ".join(RETRIEVAL) + ": seen: 24 outputs, the target searched for among 12 people")
    assert "(6 women, 6 men). Chance 8.33 %, 41.7 %, 83.3 %" in seen_line
    assert seen_line.endswith("of one who knows the gender alone 16.7 %, 83.3 %, 100 %.")
    assert ": unseen: " in unseen_line
    assert protocol.fits(rows)
    strange = [replace(row, trial=f"mine-{i}", target_id="") for i, row in enumerate(rows)]
    assert not protocol.fits(strange)
    first, last = protocol.remarks(strange)
    assert "of photographs these values mean nothing" in first
    assert "72 of 72 rows have no value: a row needs other_target_face and target_id" in last
