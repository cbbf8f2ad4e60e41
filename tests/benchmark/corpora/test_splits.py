from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.corpora.manifest import Record
from benchmark.corpora.splits import assign
from benchmark.errors import BenchmarkError


def people(sizes: dict[str, int], genders: dict[str, int | None] | None = None) -> list[Record]:
    known = genders or {}
    return [Record(f"{s}_{i:03d}", "c", s, known.get(s), "train") for s, n in sizes.items() for i in range(n)]


corpora = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=4),
    st.tuples(st.integers(1, 40), st.sampled_from([0, 1, None])),
    min_size=2,
    max_size=14,
).map(lambda d: people({s: n for s, (n, _) in d.items()}, {s: g for s, (_, g) in d.items()}))


@given(corpora, st.one_of(st.integers(1, 20), st.floats(0.01, 0.99)), st.integers(0, 2**32))
@settings(deadline=None)
def test_held_out_speakers_never_leak(records, held_out, seed):
    result = assign(records, held_out, seed)
    spoken: dict[str, set[str]] = {}
    for record in result.records:
        spoken.setdefault(record.speaker, set()).add(record.split)
    assert {s for s, splits in spoken.items() if "unseen" in splits} == set(result.held_out)
    assert all(splits == {"unseen"} for s, splits in spoken.items() if s in result.held_out)
    assert 1 <= len(result.held_out) < len(spoken)
    assert all("train" in splits for s, splits in spoken.items() if s not in result.held_out)
    assert [r.id for r in result.records] == [r.id for r in records]


@given(corpora, st.integers(1, 6), st.integers(0, 99), st.randoms())
@settings(deadline=None)
def test_the_order_of_records_plays_no_part(records, held_out, seed, random):
    shuffled = random.sample(records, len(records))
    one, other = assign(records, held_out, seed), assign(shuffled, held_out, seed)
    assert set(one.records) == set(other.records)
    assert one.held_out == other.held_out


@given(st.integers(1, 300), st.integers(0, 99))
@settings(deadline=None)
def test_a_tenth_of_a_training_speaker_is_seen_and_three_where_that_is_at_most_a_third(count, seed):
    splits = Counter(r.split for r in assign(people({"a": count}), 0, seed).records)
    assert splits["seen"] == max(round(count / 10), min(3, count // 3))
    assert splits["train"] == count - splits["seen"]


@given(st.integers(40, 60), st.integers(0, 99))
@settings(deadline=None)
def test_a_lost_recording_moves_hardly_any_other(count, seed):
    before = {r.id: r.split for r in assign(people({"a": count, "b": 50, "c": 50}), 1, seed).records}
    after = {r.id: r.split for r in assign(people({"a": count + 1, "b": 50, "c": 50}), 1, seed).records}
    assert sum(before[i] != after[i] for i in before) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_hold_out_takes_turns_between_the_genders(seed):
    genders = {f"s{i}": int(i > 4) for i in range(1, 34)}  # 4 women, 29 men
    held_out = assign(people(dict.fromkeys(genders, 2), genders), 6, seed).held_out
    assert Counter(genders[s] for s in held_out) == {0: 3, 1: 3}
    more = assign(people(dict.fromkeys(genders, 2), genders), 12, seed).held_out
    assert Counter(genders[s] for s in more) == {0: 3, 1: 9}  # the last woman stays


def test_the_seed_decides_who_is_held_out():
    records = people({f"s{i}": 2 for i in range(30)})
    assert len({assign(records, 4, seed).held_out for seed in range(10)}) > 5
    assert assign(records, 4, 3) == assign(records, 4, 3)


def test_names_and_shares():
    records = people({f"s{i}": 2 for i in range(20)})
    assert assign(records, ["s7", "s3"], 0).held_out == ("s3", "s7")
    assert assign(records, "s7", 0).held_out == ("s7",)
    assert len(assign(records, 0.25, 0).held_out) == 5
    assert assign(records, 0, 0).held_out == ()
    assert assign(people({"only": 9}), 0, 0).held_out == ()


def test_a_corpus_too_small_gives_up_its_smallest_speaker_and_says_so():
    records = people({"s1": 8, "s2": 2, "s31": 10}, {"s1": 1, "s2": 1, "s31": 0})
    result = assign(records, 4, 0)
    assert result.held_out == ("s2",)
    assert result.notes == ["Held-out speakers: 4 wanted, 1 taken of the 3 there are (s2)."]
    assert assign(records, 1, 0).notes == []


def test_a_small_corpus_holds_out_somebody_who_can_be_a_target():
    genders = {f"s{i}": i % 2 for i in range(11)}
    sizes = {s: 6 if i < 4 else 1 for i, s in enumerate(genders)}
    for seed in range(20):
        result = assign(people(sizes, genders), 30, seed)
        assert sorted(sizes[s] for s in result.held_out) == [1, 1, 6]
        assert sorted(genders[s] for s in result.held_out if sizes[s] == 1) == [0, 1]
    assert len(assign(people(dict.fromkeys(genders, 1)), 30, 0).held_out) == 3
    assert assign(people({"a": 1, "b": 9}), 4, 0).held_out == ("a",)


def test_pictures_and_voices_of_a_speaker_are_split_apart():
    for seed in range(20):
        voices = [Record(f"v{i}", "c", "a", 0, "train", audio="v") for i in range(30)]
        faces = [Record(f"f{i}", "c", "a", 0, "train", image="f") for i in range(9)]
        splits = Counter((r.id[0], r.split) for r in assign(voices + faces, 0, seed).records)
        assert splits == {("v", "train"): 27, ("v", "seen"): 3, ("f", "train"): 6, ("f", "seen"): 3}


@pytest.mark.parametrize(
    ("sizes", "held_out", "message"),
    [
        ({"one": 5}, 4, "Cannot hold out 4 .* got 1 speaker\\."),
        ({}, 1, "got 0 speakers"),
        ({"a": 1, "b": 1}, ["a", "b"], "Cannot hold out all 2"),
        ({"anna": 1, "b": 1}, ["ana"], "Unknown speaker to hold out 'ana'. Did you mean anna"),
        ({"a": 1, "b": 1}, -1, "got -1"),
        ({"a": 1, "b": 1}, 1.5, "got 1.5"),
    ],
)
def test_errors_say_what_was_got(sizes, held_out, message):
    with pytest.raises(BenchmarkError, match=message):
        assign(people(sizes), held_out, 0)


def test_doubled_ids_and_two_genders_are_refused():
    with pytest.raises(BenchmarkError, match="2 records share 1 ids"):
        assign(people({"a": 1}) * 2, 0, 0)
    with pytest.raises(BenchmarkError, match="'a' has two genders"):
        assign([*people({"a": 1}, {"a": 0}), Record("x", "c", "a", 1, "train")], 0, 0)
