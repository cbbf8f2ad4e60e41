"""Questions for raters: what the papers ask, blind to who made what, drawn by a seed alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from protocols.questionnaire import Item, Kind, build, read_key, write_key
from protocols.trial import Trial


def conversions(system: str = "xfavot", targets: int = 12, sources: int = 2) -> list[Trial]:
    """Image-guided conversion: every source in the voice of every face; even targets are female."""
    return [
        Trial(
            output=f"{system}/s{s}_t{t}.flac",
            system=system,
            task="image_guided_vc",
            source=f"s{s}.flac",
            reference=f"t{t}.png",
            source_id=f"s{s}",
            target_id=f"t{t}",
            target_gender=t % 2,
            trial=f"pocket_av-{'seen' if t < targets // 2 else 'unseen'}-{s:02d}{t:02d}",
            split="seen" if t < targets // 2 else "unseen",
        )
        for s in range(sources)
        for t in range(targets)
    ]


def faces(system: str = "cae", task: str = "face_from_voice", targets: int = 12, sources: int = 2) -> list[Trial]:
    """Every proposal face s made like the voice of every target t."""
    return [
        replace(
            row, task=task, output=f"{system}/s{i}.png", source=f"{row.source_id}.png", reference=f"{row.target_id}.wav"
        )
        for i, row in enumerate(conversions(system, targets, sources))
    ]


def wrong_face(item: Item) -> str:
    return item.right if item.answer == "left" else item.left


def right_face(item: Item) -> str:
    return item.left if item.answer == "left" else item.right


def test_a_triplet_of_conversion_is_the_converted_voice_its_face_and_another_persons() -> None:
    rows = {row.output: row for row in conversions()}
    items = build(list(rows.values()), "cpr", 20, 0)
    assert len(items) == 20
    for item in items:
        row = rows[item.voice]
        assert right_face(item) == row.reference
        assert wrong_face(item) != row.reference
        assert (item.target_id, item.other_id) == (row.target_id, wrong_face(item).removesuffix(".png"))
        assert not item.second_voice
        assert item.split == row.split == ("seen" if int(item.other_id[1:]) < 6 else "unseen")


def test_a_triplet_of_faces_has_two_outputs_of_one_source_and_the_voice_of_one() -> None:
    rows = {row.output: row for row in faces(task="audio_guided_translation", sources=3)}
    for item in build(list(rows.values()), "cpr", 30, 0):
        right, wrong = rows[right_face(item)], rows[wrong_face(item)]
        assert right.source == wrong.source
        assert right.target_id != wrong.target_id
        assert item.voice == right.reference


def test_mapping_sets_a_generated_face_against_another_of_the_same_gender() -> None:
    rows = {row.output: row for row in faces()}
    items = build(list(rows.values()), "mapping", 20, 0)
    for item in items:
        right, wrong = rows[right_face(item)], rows[wrong_face(item)]
        assert right.target_gender == wrong.target_gender
        assert right.target_id != wrong.target_id
        assert item.voice == right.reference
        assert not item.second_voice
    assert any(rows[i.left].source != rows[i.right].source for i in items)  # the source is no part of the test


def test_mapping_of_recordings_shows_both_voices_of_any_genders() -> None:
    rows = {row.output: row for row in conversions("ground_truth")}
    items = build(list(rows.values()), "mapping", 20, 0)
    for item in items:
        assert rows[item.voice].reference == right_face(item)
        assert rows[item.second_voice].reference == wrong_face(item)
    assert {item.genders for item in items} == {"same", "cross"}


def test_recordings_need_no_common_source() -> None:
    rows = [replace(r, source=f"{i}.png", source_id=f"{i}") for i, r in enumerate(faces("ground_truth"))]
    assert len(build(rows, "cpr", 10, 0)) == 10
    with pytest.raises(BenchmarkError, match="0 of 10 from 24 rows"):
        build([replace(r, system="sgsim") for r in rows], "cpr", 10, 0)


@pytest.mark.parametrize("kind", ["cpr", "mapping"])
def test_building_is_a_pure_function_of_rows_and_seed(kind: Kind) -> None:
    rows = faces() + faces("voice2face")
    first = build(rows, kind, 10, 3)
    assert first == build(rows, kind, 10, 3)
    assert sorted(i.pair for i in first) == sorted(i.pair for i in build(list(reversed(rows)), kind, 10, 3))
    other = build(rows, kind, 10, 4)
    assert first[0].study != other[0].study
    assert sorted(i.pair for i in first) != sorted(i.pair for i in other)


def test_every_trial_is_right_once_and_others_are_spread() -> None:
    items = build(conversions(), "cpr", 24, 0)
    assert max(Counter(item.voice for item in items).values()) == 1
    assert max(Counter(item.pair.split(" | ")[1] for item in items).values()) <= 3


def test_sides_are_balanced_and_do_not_follow_the_order() -> None:
    items = build(conversions() + conversions("adain_cvc"), "cpr", 24, 0)
    for system in ("xfavot", "adain_cvc"):
        sides = [item.answer for item in items if item.system == system]
        assert sides.count("left") == 12
    assert len({tuple(i.answer for i in items[k : k + 4]) for k in range(40)}) > 8
    assert {i.system for i in items[:12]} == {"xfavot", "adain_cvc"}


def test_systems_with_the_same_trials_are_asked_about_the_same_pairs_with_sides_of_their_own() -> None:
    items = build(conversions() + conversions("adain_cvc"), "cpr", 20, 0)
    by_system = {s: {i.pair: i for i in items if i.system == s} for s in ("xfavot", "adain_cvc")}
    assert by_system["xfavot"].keys() == by_system["adain_cvc"].keys()
    same = [by_system["xfavot"][p].answer == by_system["adain_cvc"][p].answer for p in by_system["xfavot"]]
    assert 0 < sum(same) < 20


def test_item_names_hold_the_study_and_a_number_that_says_nothing_of_the_system() -> None:
    items = build(conversions() + conversions("adain_cvc"), "cpr", 20, 0)
    assert [i.item for i in items] == [f"{items[0].study}-{n:03d}" for n in range(1, 41)]
    assert 4 <= sum(i.system == "xfavot" for i in items[:20]) <= 16


@pytest.mark.parametrize(
    ("rows", "kind", "count", "parts"),
    [
        ([], "cpr", 30, ["No cpr item", "0 rows"]),
        (conversions(), "mapping", 5, ["No mapping item", "24 of image_guided_vc"]),
        (conversions(), "cpr", 30, ["24 of 30 from 24 rows (12 targets)", "--items 24"]),
        (conversions(targets=1), "cpr", 1, ["0 of 1 from 2 rows (1 targets)"]),
        ([replace(r, target_gender=None) for r in faces()], "mapping", 5, ["0 of 5", "same known gender"]),
        ([r for r in faces() if r.target_id in ("t0", "t1")], "mapping", 2, ["0 of 2 from 4 rows (2 targets)"]),
        ([replace(r, target_id="") for r in faces()], "cpr", 5, ["No cpr item", "target_id"]),
        ([replace(r, reference="face.mp4") for r in conversions()], "cpr", 5, ["No cpr item"]),
        ([replace(r, task="audio_guided_vc") for r in conversions()], "cpr", 5, ["24 of audio_guided_vc"]),
        (conversions(), "cpr", 0, ["0 items", "at least 1"]),
    ],
)
def test_a_list_that_gives_too_few_items_is_refused_with_numbers(
    rows: list[Trial], kind: Kind, count: int, parts: list[str]
) -> None:
    with pytest.raises(BenchmarkError) as error:
        build(rows, kind, count, 0)
    for part in parts:
        assert part in str(error.value)


def test_a_key_comes_back_as_it_was_written(tmp_path: Path) -> None:
    items = build(conversions("a, b\nc") + [replace(r, target_gender=None) for r in faces()], "cpr", 8, 0)
    write_key(tmp_path / "key.csv", items)
    assert read_key(tmp_path / "key.csv") == items


def test_a_key_that_a_spreadsheet_saved_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    write_key(path, build(conversions("\u00e9ditions"), "cpr", 4, 0))
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    with pytest.raises(BenchmarkError, match="not a CSV file in UTF-8"):
        read_key(path)


def test_a_broken_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    items = build(conversions(), "cpr", 8, 0)

    def refused(part: str) -> None:
        with pytest.raises(BenchmarkError, match=part):
            read_key(path)

    refused("No key")
    path.write_text("item,answer\n")
    refused("no key of a questionnaire")
    write_key(path, [items[0], replace(items[1], item="ffffffff-001")])
    refused("2 studies")
    write_key(path, [])
    refused("0 studies")
    write_key(path, [items[0], items[0]])
    refused("twice")
    write_key(path, [replace(items[0], answer="middle")])  # type: ignore[arg-type]
    refused("key.csv:2")
    write_key(path, items)
    path.write_text(path.read_text() + "cut,off\n")
    refused("key.csv:10")
