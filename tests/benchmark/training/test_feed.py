"""Batches as tensors: the same bytes wherever the rows lie and on however many devices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.system import Draw, Pick
from benchmark.training import placement
from benchmark.training.feed import Feed, silence
from benchmark.training.plan import Plan

CPU = torch.device("cpu")
COLUMNS = {
    "voice": Pick("audio", ("band", "wave"), balance="gender", crop=64),
    "face": Pick("face", ("face",), pool="paired"),
    "many": Pick("audio", ("wave",), same_speaker="face", count=3, crop=100),
    "whole": Pick("audio", ("band",)),
}


@pytest.fixture(scope="module")
def plan(kit: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    root = tmp_path_factory.mktemp("stores")
    one = kit.make_store(root / "one", [*kit.people(5), *kit.people(3, modalities="v", prefix="f")], "one")
    two = kit.make_store(root / "two", kit.people(4, modalities="a"), "two", seed=3)
    return Plan([one, two], {"d": Draw(8, COLUMNS), "e": Draw(4, COLUMNS)}, 5, features=kit.FEATURES)


def same(a: Any, b: Any) -> bool:
    return all(a[c].keys() == b[c].keys() and all(torch.equal(a[c][k], b[c][k]) for k in a[c]) for c in a) and len(
        a
    ) == len(b)


def test_shapes_and_labels(plan: Plan) -> None:
    with Feed(plan, CPU) as feed:
        batch = feed.batches("d", 3)[0]
    assert {k: tuple(t.shape) for k, t in batch["voice"].items()} == {
        "band": (8, 1, 4, 64), "wave": (8, 640), "gender": (8,), "speaker": (8,), "record": (8,),
    }  # fmt: skip
    assert batch["face"]["face"].shape == (8, 3, 4, 4)
    assert batch["many"]["wave"].shape == (8, 3, 100)
    assert batch["many"]["speaker"].shape == (8, 3)
    assert (batch["many"]["speaker"] == batch["face"]["speaker"][:, None]).all()
    assert batch["whole"]["band"].shape[-1] == batch["whole"]["band_rows"].max()
    for column in batch.values():
        assert {column[k].dtype for k in ("gender", "speaker", "record")} == {torch.int64}
        assert torch.equal(column["gender"], torch.from_numpy(plan.records.gender[column["record"].numpy()]))
        assert torch.equal(column["speaker"], torch.from_numpy(plan.records.speaker[column["record"].numpy()]))


def test_rows_are_those_of_the_records_padded_with_silence(plan: Plan, kit: ModuleType) -> None:
    stores = plan.records.stores
    padded = 0
    with Feed(plan, CPU) as feed:
        for step in range(8):
            drawn, batch = plan.draw("d", step), feed.batches("d", step)[0]
            for i, (record, start) in enumerate(
                zip(drawn["voice"].record[:, 0], drawn["voice"].start[:, 0], strict=True)
            ):
                s = int(np.searchsorted(plan.records.first, record, "right")) - 1
                local = int(record - plan.records.first[s])
                for feature, at, width in ((kit.BAND, start, 64), (kit.WAVE, start * 10, 640)):
                    rows = stores[s].rows(feature, local)[at : at + width]
                    missing = width - len(rows)
                    padded += missing > 0
                    rows = np.concatenate([rows, np.repeat(silence(feature, kit.FEATURES)[None], missing, axis=0)])
                    expected = feature.batch(torch.from_numpy(rows[None]))[0]
                    assert torch.equal(batch["voice"][feature.name][i], expected)
            for i, (record, frame) in enumerate(
                zip(drawn["face"].record[:, 0], drawn["face"].start[:, 0], strict=True)
            ):
                picture = stores[0].rows(kit.FACE, int(record))[frame]
                assert torch.equal(batch["face"]["face"][i], kit.FACE.batch(torch.tensor(picture[None, None]))[0])
    assert padded > 10


def test_a_feature_may_repeat_a_short_record_instead(plan: Plan, kit: ModuleType) -> None:
    repeating = replace(kit.BAND, short="repeat")
    columns = {"voice": Pick("audio", ("band",), crop=64)}
    again = Plan(plan.records.stores, {"d": Draw(8, columns)}, 5, features={**kit.FEATURES, "band": repeating})
    short = 0
    for placing in ("device", "mapped"):
        with Feed(again, CPU, placing) as feed:
            for step in range(4):
                drawn, batch = again.draw("d", step)["voice"], feed.batches("d", step)[0]
                for i, record in enumerate(drawn.record[:, 0]):
                    s = int(np.searchsorted(again.records.first, record, "right")) - 1
                    own = again.records.stores[s].rows(repeating, int(record - again.records.first[s]))
                    short += len(own) < 64
                    at = int(drawn.start[i, 0])
                    rows = np.concatenate([own] * 64)[at : at + 64]
                    assert torch.equal(batch["voice"]["band"][i], repeating.batch(torch.from_numpy(rows[None]))[0])
    assert short > 10


def test_silence_is_what_the_feature_makes_of_no_sound(kit: ModuleType) -> None:
    assert silence(kit.WAVE, kit.FEATURES) == 0
    np.testing.assert_allclose(silence(kit.BAND, kit.FEATURES), (np.log(1e-5) + 4) / 4, rtol=1e-3)
    relative = kit.Feature("r", "audio", "float32", (), 80, "wave", lambda w: w[::10] / np.abs(w).max(), kit.BAND.batch)
    with np.errstate(all="ignore"), pytest.raises(BenchmarkError, match="no finite value for silence"):
        silence(relative, {**kit.FEATURES, "r": relative})


def test_placements_give_the_same_bytes(plan: Plan) -> None:
    feeds = [Feed(plan, CPU, p) for p in ("device", "host", "mapped")]
    for step in (0, 1, 2, 7, 3):  # forward as the thread expects, and not
        for name in ("d", "e"):
            batches = [feed.batches(name, step)[0] for feed in feeds]
            assert same(batches[0], batches[1])
            assert same(batches[0], batches[2])
    for feed in feeds:
        feed.__exit__()


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("pieces", [1, 2])
def test_batches_do_not_depend_on_the_number_of_devices(plan: Plan, world: int, pieces: int) -> None:
    whole = Feed(plan, CPU).batches("d", 11, pieces)
    ranks = [Feed(plan, CPU, rank=r, world=world).batches("d", 11, pieces) for r in range(world)]
    assert len(whole) == pieces
    for i, piece in enumerate(whole):
        for column, tensors in piece.items():
            for key, tensor in tensors.items():
                assert torch.equal(tensor, torch.cat([rank[i][column][key] for rank in ranks])), (column, key)
    one = Feed(plan, CPU).batches("d", 11)[0]
    assert torch.equal(one["voice"]["band"], torch.cat([piece["voice"]["band"] for piece in whole]))


def test_planner(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"cuda": 1000, "cpu": 10_000}
    monkeypatch.setattr(placement, "free_bytes", lambda device: free[device.type])
    gpu = torch.device("cuda")
    assert [placement.choose(n, gpu) for n in (400, 401, 4000, 4001)] == ["device", "host", "host", "mapped"]
    assert [placement.choose(n, CPU) for n in (4000, 4001)] == ["device", "mapped"]
    assert [placement.choose(n, gpu, processes=8) for n in (400, 500, 501)] == ["device", "host", "mapped"]


def test_free_memory_is_known() -> None:
    assert placement.free_bytes(CPU) > 2**20


def test_missing_feature(kit: ModuleType, plan: Plan, tmp_path: Path) -> None:
    store = kit.make_store(tmp_path / "s", kit.people(2))
    (store.folder / "band.json").unlink()
    with pytest.raises(BenchmarkError, match="holds no 'band'"):
        Plan([store], {"d": Draw(2, {"a": COLUMNS["voice"]})}, 0, features=kit.FEATURES)
