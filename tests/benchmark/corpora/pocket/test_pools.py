from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.corpora.manifest import SPLITS
from benchmark.corpora.pocket.pools import POOLS, SMALLEST, pool_named
from benchmark.errors import BenchmarkError


def women(pool: str, split: str) -> int:
    return sum(1 - p.gender for p in POOLS[pool].identities(split, 0))


def test_sizes_that_were_promised() -> None:
    av, many = POOLS["pocket_av"], POOLS["pocket_av_many"]
    assert av.train >= 64
    assert av.unseen >= 32
    assert women("pocket_av", "unseen") == 16
    assert many.train >= 200
    assert POOLS["pocket_faces"].modalities == ("face",)
    assert POOLS["pocket_voices"].modalities == ("audio",)
    assert POOLS["pocket_voices"].unseen > 0


def test_sizes_that_judges_of_faces_need() -> None:
    """A Frechet distance of 64 features needs 1,000 real pictures of each gender, and a judge many people."""
    faces, judges = POOLS["pocket_faces"], POOLS["pocket_judge_faces"]
    assert faces.train // 2 * faces.recordings[0] >= 1000
    assert judges.modalities == ("face",)
    assert judges.train >= 1000
    assert judges.unseen >= 100
    assert min(judges.recordings[0], judges.recordings[2]) >= 5, "who somebody is shows in several pictures alone"


def test_the_table_of_the_docs_is_what_the_pools_are() -> None:
    page = Path(__file__).parents[4] / "docs" / "pocket.md"
    rows = [line.strip("| ").split(" | ") for line in page.read_text(encoding="utf-8").splitlines()]
    table = {row[0].strip("`"): row[3:8] for row in rows if row[0].strip("`") in POOLS and len(row) == 9}
    assert table == {
        name: [str(p.train), str(p.unseen), f"{p.recordings[0]} + {p.recordings[1]}", str(p.recordings[2]), str(p.size)]
        for name, p in POOLS.items()
    }


@pytest.mark.parametrize("pool", POOLS)
def test_half_of_every_split_are_women(pool: str) -> None:
    for split in SPLITS:
        assert 2 * women(pool, split) == len(POOLS[pool].speakers(split))


def test_nobody_is_in_two_pools_or_on_two_sides() -> None:
    vectors = [
        tuple(person.vector)
        for pool in POOLS.values()
        for split in ("train", "unseen")
        for person in pool.identities(split, 0)
    ]
    assert len(vectors) == sum(pool.train + pool.unseen for pool in POOLS.values())
    assert len({v[1:] for v in vectors}) == len(vectors)


@given(st.sampled_from(list(POOLS)), st.floats(0.0, 1.0, exclude_min=True))
def test_a_scaled_pool_keeps_people_on_their_side(name: str, factor: float) -> None:
    full = POOLS[name]
    small = full.scaled(factor)
    assert SMALLEST <= small.train <= full.train
    assert SMALLEST <= small.unseen <= full.unseen
    assert small.train % 2 == small.unseen % 2 == 0
    for split in SPLITS:
        assert set(small.speakers(split)) <= set(full.speakers(split))
    assert not set(small.speakers("train")) & set(full.speakers("unseen"))


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.5, float("nan")])
def test_scale_out_of_range(factor: float) -> None:
    with pytest.raises(BenchmarkError, match="scale"):
        POOLS["pocket_av"].scaled(factor)


def test_unknown_pool_suggests() -> None:
    with pytest.raises(BenchmarkError, match="Did you mean pocket_voices"):
        pool_named("pocket_voice")
