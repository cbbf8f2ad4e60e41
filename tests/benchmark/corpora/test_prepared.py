import json

import numpy as np
import pytest
import torch

from benchmark.corpora.manifest import Record, manifest_sha256, write_manifest
from benchmark.corpora.prepared import Store, build_index, cache_root, write_feature
from benchmark.errors import BenchmarkError
from benchmark.media.features import Feature


def pairs(version: int = 1) -> Feature:
    return Feature("pairs", "audio", "int16", (2,), 10.0, None, None, torch.Tensor.float, {"version": version})


ROWS = [np.arange(6).reshape(3, 2), None, np.array([[7, -8]])]


@pytest.fixture
def store(tmp_path):
    records = [
        Record(str(i), "c", s, g, split)
        for i, (s, g, split) in enumerate([("b", 1, "train"), ("a", None, "unseen"), ("b", 1, "seen")])
    ]
    write_manifest(tmp_path / "manifest.jsonl", records)
    write_feature(tmp_path, pairs(), ROWS)
    index = build_index(records, np.array([3, 0, 1]), np.array([0, 1, 0]))
    np.savez(tmp_path / "index.npz", **index)
    meta = {"corpus": "c", "manifest_sha256": manifest_sha256(records)}
    (tmp_path / "store.json").write_text(json.dumps(meta))
    return Store(tmp_path)


def test_rows_come_back_record_by_record(store):
    flat, offsets = store.flat(pairs())
    assert offsets.tolist() == [0, 3, 3, 4]
    assert flat.dtype == np.int16
    for i, rows in enumerate(ROWS):
        np.testing.assert_array_equal(store.rows(pairs(), i), np.zeros((0, 2)) if rows is None else rows)
    with pytest.raises(ValueError, match="read-only"):
        flat[0] = 1


def test_the_index_groups_records(store):
    assert {k: v.tolist() for k, v in store.index.items()} == {
        "gender": [1, -1, 1],
        "speaker": [0, 1, 0],
        "split": [0, 2, 1],
        "audio": [True, False, True],
        "face": [False, True, False],
    }


def test_a_feature_of_another_spec_is_absent(store):
    assert store.has(pairs())
    assert not store.has(pairs(2))
    with pytest.raises(BenchmarkError, match="no 'pairs' of the present spec"):
        store.flat(pairs(2))


def test_a_write_that_fails_leaves_no_feature(store):
    def broken():
        yield ROWS[0]
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        write_feature(store.folder, pairs(), broken())
    assert not store.has(pairs())
    with pytest.raises(ValueError, match=r"expected \(2,\)"):
        write_feature(store.folder, pairs(), [np.zeros((4, 3))])
    assert not store.has(pairs())


def test_a_feature_nobody_has_is_an_empty_array(store):
    write_feature(store.folder, pairs(), [None, None, None])
    assert store.flat(pairs())[0].shape == (0, 2)


def test_a_folder_that_is_no_store(tmp_path):
    with pytest.raises(BenchmarkError, match=r"not a prepared corpus.*benchmark prepare"):
        Store(tmp_path)


def test_the_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("BENCHMARK_CACHE")
    assert cache_root().name == "face-voice-benchmark"
