"""Who is drawn: properties that hold for every seed and step."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.system import Draw, FixedPartner, Pick
from benchmark.training.plan import Plan
from benchmark.training.records import Records, heard_speakers, speaker_codes

SEED = st.integers(0, 2**40)
STEP = st.integers(0, 10**7)

VOICE = Pick("audio", ("band",), crop=16)
FACE = Pick("face", ("face",))


@pytest.fixture(scope="module")
def stores(kit: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Two corpora: speakers of both modalities (with one who is heard in all records and seen in one only), faces
    only, voices only; names repeat between corpora; held-out records and speakers in both."""
    root = tmp_path_factory.mktemp("stores")
    first = [
        *kit.people(6, records=3),
        ("p0", 0, "av", 2, "seen"),
        ("mixed", 1, "a", 5, "train"),
        ("mixed", 1, "v", 1, "train"),
        *kit.people(4, split="unseen", prefix="u"),
        *kit.people(5, modalities="v", records=2, prefix="f"),
    ]
    second = [*kit.people(7, modalities="a", records=6), *kit.people(3, modalities="a", split="unseen", prefix="u")]
    return [kit.make_store(root / "one", first, "one"), kit.make_store(root / "two", second, "two", seed=1)]


@pytest.fixture(scope="module")
def plan_of(kit: ModuleType, stores: list[Any]) -> Any:
    def make(size: int, seed: int = 0, **columns: Pick) -> Plan:
        return Plan(stores, {"d": Draw(size, columns)}, seed, features=kit.FEATURES)

    return make


def pick(base: Pick, **changes: Any) -> Pick:
    return Pick(**{**{f: getattr(base, f) for f in Pick.__dataclass_fields__}, **changes})


def speakers(plan: Plan, rows: Any) -> np.ndarray:
    return plan.records.speaker[rows.record]


def test_codes_cover_training_speakers_of_all_corpora_once(stores: list[Any]) -> None:
    codes = speaker_codes(stores)
    assert sorted(codes.values()) == list(range(6 + 1 + 5 + 7))
    assert codes["one", "p0"] != codes["two", "p0"]
    assert not any(name.startswith("u") for _, name in codes)
    records = Records(stores)
    assert records.speakers == len(codes)
    for number, record in enumerate(r for store in stores for r in store.records):
        assert records.ids[number] == record.id
        assert records.speaker[number] == codes.get((record.corpus, record.speaker), -1)


def test_who_is_heard_has_the_first_codes(stores: list[Any]) -> None:
    codes = speaker_codes(stores)
    heard = {(r.corpus, r.speaker) for s in stores for r in s.records if r.split == "train" and r.audio}
    assert heard_speakers(stores) == len(heard) == 6 + 1 + 7
    assert {codes[who] for who in heard} == set(range(len(heard)))
    assert [who for who, code in codes.items() if code < 7] == [who for who in codes if who in heard][:7]


@settings(max_examples=60, deadline=None)
@given(seed=SEED, step=STEP)
def test_a_draw_is_a_function_of_seed_step_and_name(
    plan_of: Any, stores: list[Any], kit: Any, seed: int, step: int
) -> None:
    columns = {"a": VOICE, "b": pick(FACE, pool="paired")}
    draws = {"x": Draw(6, columns), "y": Draw(6, columns)}
    first, second = (Plan(stores, draws, seed, features=kit.FEATURES) for _ in range(2))
    second.draw("x", step + 1)  # what was drawn before does not matter
    for key in columns:
        for field in ("record", "start"):
            a, b = (getattr(p.draw("x", step)[key], field) for p in (first, second))
            assert np.array_equal(a, b)
    others = [first.draw("y", step), first.draw("x", step + 1)]
    assert any(not np.array_equal(o["a"].record, first.draw("x", step)["a"].record) for o in others)


@settings(max_examples=60, deadline=None)
@given(
    step=STEP,
    pool=st.sampled_from(["any", "paired", "faces", "voices"]),
    balance=st.sampled_from([None, "gender", "speaker"]),
)
def test_pools_and_held_out_records(plan_of: Any, stores: list[Any], step: int, pool: Any, balance: Any) -> None:
    for base in (VOICE, FACE):
        if (base.modality, pool) in {("audio", "faces"), ("face", "voices")}:
            continue
        plan = plan_of(32, a=pick(base, pool=pool, balance=balance))
        rows = plan.draw("d", step)["a"]
        records = plan.records
        assert rows.record.shape == rows.start.shape == (32, 1)
        everyone = [record for store in stores for record in store.records]
        assert {everyone[i].split for i in rows.record.ravel()} == {"train"}
        assert (records.speaker[rows.record] >= 0).all()
        assert records.present[base.modality][rows.record].all()
        seen = {m: set(records.speaker[records.training & records.present[m]].tolist()) for m in ("face", "audio")}
        drawn = set(speakers(plan, rows).ravel().tolist())
        allowed = {
            "any": seen["face"] | seen["audio"],
            "paired": seen["face"] & seen["audio"],
            "faces": seen["face"] - seen["audio"],
            "voices": seen["audio"] - seen["face"],
        }[pool]
        assert drawn <= allowed
        lengths = np.diff(plan.columns["d"]["a"].windows[0].offsets)[rows.record]
        width = 16 if base is VOICE else 1
        assert ((rows.start >= 0) & (rows.start <= np.maximum(lengths - width, 0))).all()


def test_every_training_record_is_drawn_and_no_other(plan_of: Any) -> None:
    plan = plan_of(64, a=VOICE, b=FACE)
    drawn: dict[str, set[int]] = {"a": set(), "b": set()}
    for step in range(60):
        for key, rows in plan.draw("d", step).items():
            drawn[key] |= set(rows.record.ravel().tolist())
    for key, modality in (("a", "audio"), ("b", "face")):
        records = plan.records
        assert drawn[key] == set(np.flatnonzero(records.training & records.present[modality]).tolist())


@settings(max_examples=60, deadline=None)
@given(step=STEP, size=st.integers(1, 7), balance=st.sampled_from([None, "gender", "speaker"]))
def test_distinct(plan_of: Any, step: int, size: int, balance: Any) -> None:
    face = pick(FACE, same_speaker="a", distinct=True)
    drawn = (plan := plan_of(size, a=pick(VOICE, pool="paired", distinct=True, balance=balance), b=face)).draw(
        "d", step
    )
    codes = speakers(plan, drawn["a"]).ravel()
    assert len(set(codes.tolist())) == size
    assert np.array_equal(codes, speakers(plan, drawn["b"]).ravel())


@settings(max_examples=60, deadline=None)
@given(step=STEP, balance=st.sampled_from([None, "speaker"]))
def test_links(plan_of: Any, step: int, balance: Any) -> None:
    plan = plan_of(
        32,
        a=pick(VOICE, pool="paired"),
        same=pick(FACE, same_speaker="a"),
        other=pick(VOICE, other_speaker="a", balance=balance),
        gender=pick(FACE, same_gender="other", balance=balance),
        both=pick(VOICE, same_gender="a", other_speaker="a", balance=balance),
        balanced=pick(VOICE, other_speaker="a", balance="gender"),
    )
    drawn = plan.draw("d", step)
    code = {key: speakers(plan, rows).ravel() for key, rows in drawn.items()}
    gender = {key: plan.records.gender[rows.record].ravel() for key, rows in drawn.items()}
    assert np.array_equal(code["a"], code["same"])
    for key in ("other", "both", "balanced"):
        assert (code[key] != code["a"]).all()
    assert np.array_equal(gender["gender"], gender["other"])
    assert np.array_equal(gender["both"], gender["a"])


def test_same_speaker_is_not_always_the_same_record(plan_of: Any) -> None:
    rows = plan_of(256, a=pick(VOICE, pool="voices"), b=pick(VOICE, same_speaker="a")).draw("d", 0)
    share = (rows["a"].record == rows["b"].record).mean()
    assert 0.05 < share < 0.35  # six records a speaker


def test_a_speaker_with_one_picture_pairs_with_all_his_recordings(plan_of: Any, stores: list[Any]) -> None:
    plan = plan_of(512, a=pick(VOICE, pool="paired"), b=pick(FACE, same_speaker="a"))
    mixed = speaker_codes(stores)["one", "mixed"]
    rows = plan.draw("d", 0)
    here = speakers(plan, rows["a"]).ravel() == mixed
    assert len(set(rows["a"].record[here].ravel().tolist())) == 5
    assert len(set(rows["b"].record[here].ravel().tolist())) == 1


@pytest.mark.parametrize("count", [1, 3, 5])
def test_records_of_a_row_are_one_speaker_and_differ_while_they_last(plan_of: Any, count: int) -> None:
    plan = plan_of(64, a=pick(VOICE, count=count))
    rows = plan.draw("d", 1)["a"]
    codes = speakers(plan, rows)
    assert rows.record.shape == (64, count)
    assert (codes == codes[:, :1]).all()
    sizes = Counter(plan.records.speaker[plan.records.training & plan.records.present["audio"]].tolist())
    for row, code in zip(rows.record, codes[:, 0], strict=True):
        assert len(set(row.tolist())) == count or sizes[code] < count
    assert plan_of(8, a=pick(VOICE, count=count), b=pick(VOICE, same_speaker="a")).draw("d", 0)["b"].record.shape == (
        8,
        1,
    )


def shares(plan: Plan, key: str, of: Any, draws: int = 60) -> dict[int, float]:
    counts = Counter(v for step in range(draws) for v in of(plan.draw("d", step)[key].record).ravel().tolist())
    return {k: v / counts.total() for k, v in counts.items()}


def test_balance(plan_of: Any) -> None:
    """4 standard errors of 15,360 draws: 0.016 at a share of one half."""
    gender = plan_of(256, a=pick(VOICE, balance="gender"))
    assert shares(gender, "a", lambda r: gender.records.gender[r])[0] == pytest.approx(0.5, abs=0.016)
    speaker = plan_of(256, a=pick(VOICE, balance="speaker"))
    found = shares(speaker, "a", lambda r: speaker.records.speaker[r])
    assert len(found) == 14
    assert max(abs(v - 1 / 14) for v in found.values()) < 0.009
    plain = plan_of(256, a=VOICE)
    found = shares(plain, "a", lambda r: r)
    assert max(abs(v - 1 / len(found)) for v in found.values()) < 0.005
    excluded = plan_of(256, a=VOICE, b=pick(VOICE, other_speaker="a", balance="speaker"))
    found = shares(excluded, "b", lambda r: excluded.records.speaker[r])
    assert max(abs(v - 1 / 14) for v in found.values()) < 0.02


def test_balance_of_distinct_draws(kit: ModuleType, tmp_path: Path) -> None:
    """One of 12 women with 1 record each or of 3 men with 2: 4,000 single draws, 4 standard errors."""
    women = [(f"f{i}", 0, "a", 1, "train") for i in range(12)]
    men = [(f"m{i}", 1, "a", 2, "train") for i in range(3)]
    store = kit.make_store(tmp_path / "s", women + men)
    for balance, share in ((None, 6 / 18), ("gender", 1 / 2), ("speaker", 3 / 15)):
        draws = {"d": Draw(1, {"a": pick(VOICE, distinct=True, balance=balance)})}
        plan = Plan([store], draws, 0, features=kit.FEATURES)
        male = np.mean([plan.records.gender[plan.draw("d", step)["a"].record[0, 0]] for step in range(4000)])
        assert male == pytest.approx(share, abs=4 * (share * (1 - share) / 4000) ** 0.5), balance


def test_starts_cover_the_record(plan_of: Any) -> None:
    plan = plan_of(256, a=VOICE, b=FACE)
    lengths = np.diff(plan.columns["d"]["a"].windows[0].offsets)
    reached = {"first": 0, "last": 0}
    for step in range(40):
        rows = plan.draw("d", step)
        reached["first"] += int((rows["a"].start == 0).sum())
        reached["last"] += int((rows["a"].start == lengths[rows["a"].record] - 16).sum())
    assert min(reached.values()) > 0
    assert set(plan.draw("d", 0)["b"].start.ravel().tolist()) == {0, 1, 2}


def test_crops_of_two_features_start_on_rows_of_both(kit: ModuleType, stores: list[Any]) -> None:
    for features, crop, grid in ((("wave", "band"), 160, 10), (("band", "wave"), 16, 1)):
        draws = {"d": Draw(64, {"a": Pick("audio", features, crop=crop)})}
        plan = Plan(stores, draws, 0, features=kit.FEATURES)
        assert (plan.draw("d", 0)["a"].start % grid == 0).all()
        assert [w.rows for w in plan.columns["d"]["a"].windows] == ([160, 16] if grid == 10 else [16, 160])


REFUSED = {
    "pool 'faces' holds no audio record": {"a": pick(VOICE, pool="faces")},
    "a batch of 8 distinct speakers, but pool 'paired' has 7": {"a": pick(VOICE, pool="paired", distinct=True)},
    "crops of 500 rows of band, but the longest": {"a": pick(VOICE, crop=500)},
    "No feature is called mel80": {"a": pick(VOICE, features=("mel80",))},
    "is 1.500 rows of band": {"a": pick(VOICE, features=("wave", "band"), crop=15)},
    "refers to column 'z'": {"a": pick(VOICE, same_gender="z")},
    "7 of the 14 speakers of column 'a' have no face record": {"a": VOICE, "b": pick(FACE, same_speaker="a")},
    "decides alone": {"a": VOICE, "b": pick(VOICE, same_speaker="a", balance="speaker")},
    "which is not": {"a": VOICE, "b": pick(VOICE, same_speaker="a", distinct=True)},
    "face is a feature of face": {"a": pick(VOICE, features=("face",))},
    "taken whole": {"a": pick(FACE, crop=3)},
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused_before_training(plan_of: Any, message: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        plan_of(8, **REFUSED[message])
    assert message in str(caught.value)


def test_one_speaker_corpus(kit: ModuleType, tmp_path: Path) -> None:
    store = kit.make_store(tmp_path / "s", [("only", 0, "av", 3, "train")])
    for extra in ({}, {"same_gender": "a"}, {"balance": "gender"}):
        columns = {"a": VOICE, "b": pick(VOICE, other_speaker="a", **extra)}
        with pytest.raises(BenchmarkError, match="only one"):
            Plan([store], {"d": Draw(4, columns)}, 0, features=kit.FEATURES)
    Plan([store], {"d": Draw(4, {"a": VOICE, "b": pick(FACE, same_speaker="a")})}, 0, features=kit.FEATURES).draw(
        "d", 0
    )


def test_one_woman_is_refused_where_her_gender_is_wanted(kit: ModuleType, tmp_path: Path) -> None:
    speakers = [("f", 0, "av", 3, "train"), ("m", 1, "av", 3, "train"), ("n", 1, "av", 3, "train")]
    store = kit.make_store(tmp_path / "s", speakers)
    columns = {"a": VOICE, "b": pick(VOICE, other_speaker="a", same_gender="a")}
    with pytest.raises(BenchmarkError, match="only one female speaker"):
        Plan([store], {"d": Draw(4, columns)}, 0, features=kit.FEATURES)


def test_missing_genders_are_said(kit: ModuleType, tmp_path: Path) -> None:
    store = kit.make_store(tmp_path / "s", [("x", None, "av", 2, "train"), ("y", 1, "av", 2, "train")])
    for columns in ({"a": pick(VOICE, balance="gender")}, {"a": VOICE, "b": pick(FACE, same_gender="a")}):
        with pytest.raises(
            BenchmarkError,
            match=r"goes by gender, but that of 1 of the 2 speakers here is not known \(record \S*x\S*, for one\)",
        ):
            Plan([store], {"d": Draw(4, columns)}, 0, features=kit.FEATURES)


def test_a_fixed_partner_is_a_permutation_within_the_gender_for_all_steps(plan_of: Any, stores: list[Any]) -> None:
    columns = {"a": pick(FACE, balance="gender"), "b": FixedPartner("face", ("face",), same_gender="a")}
    plan, again, other = plan_of(64, **columns), plan_of(64, **columns), plan_of(64, seed=1, **columns)
    partner: dict[int, int] = {}
    for step in range(60):
        drawn = plan.draw("d", step)
        for mine, theirs in zip(drawn["a"].record[:, 0], drawn["b"].record[:, 0], strict=True):
            assert partner.setdefault(int(mine), int(theirs)) == theirs
        assert np.array_equal(again.draw("d", step)["b"].record, drawn["b"].record)
    gender = plan.records.gender
    assert all(gender[a] == gender[b] for a, b in partner.items())
    assert set(partner) == set(partner.values()) == set(plan.columns["d"]["a"].group.records.tolist())
    assert any(a != b for a, b in partner.items())
    drawn = other.draw("d", 0)
    assert any(partner[int(a)] != b for a, b in zip(drawn["a"].record[:, 0], drawn["b"].record[:, 0], strict=True))


@pytest.mark.parametrize(
    "partner",
    [
        FixedPartner("face", ("face",)),
        FixedPartner("face", ("face",), same_gender="a", pool="faces"),
        FixedPartner("face", ("face",), same_gender="a", count=2),
        FixedPartner("audio", ("band",), same_gender="a"),
    ],
)
def test_a_fixed_partner_needs_a_column_of_its_own_pool(plan_of: Any, partner: Pick) -> None:
    with pytest.raises(BenchmarkError, match="fixed partner"):
        plan_of(4, a=FACE, b=partner)


def test_a_speaker_held_out_elsewhere_is_refused(kit: ModuleType, tmp_path: Path) -> None:
    one = kit.make_store(tmp_path / "a", kit.people(3))
    two = kit.make_store(tmp_path / "b", [("p1", 1, "av", 2, "unseen"), ("q", 0, "av", 2, "train")])
    with pytest.raises(BenchmarkError, match="p1 of toy is held out in one store"):
        Records([one, two])


def test_two_genders_of_one_speaker_are_refused(kit: ModuleType, tmp_path: Path) -> None:
    store = kit.make_store(tmp_path / "s", [("x", 0, "a", 1, "train"), ("x", 1, "v", 1, "train")])
    with pytest.raises(BenchmarkError, match="different gender"):
        Records([store])


def test_nothing_to_train_on(kit: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="at least one"):
        Records([])
    with pytest.raises(BenchmarkError, match="No record of toy is in split train"):
        Records([kit.make_store(tmp_path / "s", kit.people(2, split="unseen"))])
