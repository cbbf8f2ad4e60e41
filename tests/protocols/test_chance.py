"""What guessing gives, as the line under a table says it."""

from __future__ import annotations

from dataclasses import replace

from protocols.chance import chance, chances, sought, top
from protocols.trial import Trial


def test_the_rank_is_in_the_key() -> None:
    assert [top(f"retrieval_top{k}@pocket") for k in (1, 5, 10)] == [1, 5, 10]
    assert top("cos_target@pocket:centred") is None


def test_chance_worked_by_hand() -> None:
    """8 women and 2 men; two outputs for a woman and two for a man."""
    people = [0] * 8 + [1] * 2
    (said,) = chance({"a": 1, "b": 4}, "seen", [0, 0, 1, 1], people)
    assert said == (
        "a, b: seen: 4 outputs, the target searched for among 10 people (8 women, 2 men). Chance 10 %, 40 %; of one "
        "who knows the gender alone 31.2 %, 75 %."
    )


def test_who_is_searched_for_is_the_target_or_whose_face_the_proposal_is() -> None:
    """Three rows of one man's voice over a woman's face; a stranger's face is nobody's of the gallery."""
    row = Trial(
        output="o.png", system="s", task="face_from_voice", source_id="w", target_id="m", trial="0", split="seen"
    )
    rows = [row, replace(row, trial="1"), replace(row, trial="2", source_id="stranger")]
    keys = ("retrieval_top1@a", "retrieval_top1@a:source", "cos_target@a")
    assert [sought(key, row) for key in keys] == ["m", "w", "m"]
    heard, proposed = chances(keys, rows, {"w": 0, "v": 0, "u": 0, "m": 1})
    assert heard.startswith("retrieval_top1@a: seen: 3 outputs, the target searched for among 4 people")
    assert heard.endswith("gender alone 100 %.")
    assert proposed.startswith("retrieval_top1@a:source: seen: 2 outputs, the person of the proposal searched for")
    assert proposed.endswith("gender alone 33.3 %.")
    assert not list(chances(("cos_target@a",), rows, {"w": 0}))


def test_people_of_unknown_gender_count_as_the_others() -> None:
    (said,) = chance({"a": 1}, "seen", [0, None], [0, 0, 0, 1] + [None] * 4)
    assert "8 people (3 women, 1 men, 4 whose gender the list does not name)" in said
    assert said.endswith("of one who knows the gender alone 14.6 %."), "the mean of 1 of 6 and 1 of 8"


def test_a_rank_that_holds_everybody_is_no_metric() -> None:
    first, second = chance({"a": 1, "b": 3}, "unseen", [0], [0, 0, 1])
    assert first == "b: unseen: no value, as all of the 3 people are within that rank."
    assert second.startswith("a: unseen: 1 outputs")
    assert chance({"a": 1}, "seen", [], []) == []
