import errno
import hashlib
import json
import logging
import multiprocessing
import os
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.corpora import prepare as module
from benchmark.corpora import prepared, workers
from benchmark.corpora.corpus import Media
from benchmark.corpora.prepare import SHARD, derive, prepare
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.audio import WAVE24K, to_int16
from benchmark.media.features import Feature
from benchmark.media.image import FACE128

sys.path.insert(0, str(Path(__file__).parent))  # pool workers get this path too
from prepare_fakes import FakeCorpus, decoded
from prepare_fakes import workers as pids

quiet = partial(prepare, progress=False)
fork = multiprocessing.get_context("fork")  # children of a warm parent: no second import of torch


def contents(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir()) if p.is_file()}


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_store_holds_what_the_corpus_decodes(tmp_path):
    corpus = FakeCorpus(notes=["three of four"])
    store = quiet(corpus, jobs=1, cache=tmp_path)
    records = corpus.records()
    assert store.records == records
    assert store.folder.parent == tmp_path / "store"
    assert store.folder.name.startswith("fake-")
    assert not (store.folder / ".parts").exists()
    for i, record in enumerate(records):
        media = corpus.load(record)
        np.testing.assert_array_equal(store.rows(WAVE24K, i), to_int16(media.wave))
        np.testing.assert_array_equal(store.rows(FACE128, i), media.faces)
    lists = json.loads((store.folder / "splits.json").read_text())
    for split in ("train", "seen", "unseen"):
        assert lists[split] == [r.id for r in records if r.split == split]
        assert lists[split]
    assert lists["held_out_speakers"] == sorted({r.speaker for r in records if r.split == "unseen"})
    assert store.meta["notes"] == ["three of four"]
    assert store.index["audio"].all()
    assert store.index["face"].all()


def test_a_made_store_is_opened_without_decoding(tmp_path):
    log = tmp_path / "log"
    quiet(FakeCorpus(log=log), jobs=1, cache=tmp_path)
    before = decoded(log)
    assert len(before) == 24
    quiet(FakeCorpus(log=log), jobs=1, cache=tmp_path)
    assert decoded(log) == before
    other = quiet(FakeCorpus(each=7, log=log), jobs=1, cache=tmp_path)  # another fingerprint: another store
    assert len(other.records) == 28
    assert len(decoded(log)) == 24 + 28


@pytest.mark.parametrize(("audio", "faces"), [(True, False), (False, True)])
def test_a_corpus_of_one_modality(tmp_path, audio, faces):
    store = quiet(FakeCorpus(audio=audio, faces=faces), jobs=1, cache=tmp_path)
    assert store.index["audio"].tolist() == [audio] * 24
    assert store.index["face"].tolist() == [faces] * 24
    assert store.flat(WAVE24K)[0].shape[0] > 0 if audio else store.flat(WAVE24K)[0].shape == (0,)
    assert store.flat(FACE128)[0].shape[0] > 0 if faces else store.flat(FACE128)[0].shape == (0, 128, 128, 3)


def test_unreadable_records_are_left_out_and_listed(tmp_path, caplog):
    corpus = FakeCorpus(broken=frozenset({"p0_03", "p2_00"}))
    store = quiet(corpus, jobs=1, cache=tmp_path)
    assert [r.id for r in store.records] == [r.id for r in corpus.records() if r.id not in corpus.broken]
    assert store.meta["skipped"] == [{"id": i, "reason": f"{i}.mpg: not a readable clip"} for i in ("p0_03", "p2_00")]
    assert "2 of 24 records" in caplog.text
    assert "p0_03" in caplog.text
    wave = corpus.load(store.records[3]).wave  # rows stay in step with the survivors
    np.testing.assert_array_equal(store.rows(WAVE24K, 3), to_int16(wave))


def test_nothing_readable_is_an_error_and_mended_files_are_read_again(tmp_path):
    everything = frozenset(r.id for r in FakeCorpus().records())
    with pytest.raises(BenchmarkError, match=r"None of the 24 records of fake can be read.*p0_00: p0_00.mpg"):
        quiet(FakeCorpus(broken=everything), jobs=1, cache=tmp_path)
    assert len(quiet(FakeCorpus(), jobs=1, cache=tmp_path).records) == 24


@pytest.mark.parametrize(
    "media",
    [
        Media(),
        Media(wave=np.zeros(0, np.float32)),
        Media(wave=np.array([0.0, np.nan], np.float32)),
        Media(wave=np.zeros((2, 4), np.float32)),
        Media(faces=np.zeros((1, 64, 64, 3), np.uint8)),
        Media(faces=np.zeros((1, 128, 128, 3), np.float32)),
    ],
)
def test_media_against_the_contract_are_left_out(tmp_path, monkeypatch, media):
    honest = FakeCorpus.load
    monkeypatch.setattr(FakeCorpus, "load", lambda self, r: media if r.id == "p1_01" else honest(self, r))
    store = quiet(FakeCorpus(), jobs=1, cache=tmp_path)
    assert [s["id"] for s in store.meta["skipped"]] == ["p1_01"]
    assert len(store.records) == 23


def test_a_bug_in_a_reader_is_not_taken_for_a_broken_file(tmp_path, monkeypatch):
    def load(self, record):
        raise KeyError("oops")

    monkeypatch.setattr(FakeCorpus, "load", load)
    with pytest.raises(KeyError) as caught:
        quiet(FakeCorpus(), jobs=1, cache=tmp_path)
    assert "p0_00" in caught.value.__notes__[0]


def test_a_killed_prepare_continues_without_decoding_shards_again(tmp_path):
    log = tmp_path / "log"
    whole = contents(quiet(FakeCorpus(each=10), jobs=1, cache=tmp_path / "whole").folder)
    ids = [r.id for r in FakeCorpus(each=10).records()]
    victim = ids[2 * SHARD + 3]
    child = fork.Process(
        target=quiet, args=(FakeCorpus(each=10, log=log, kill_at=victim),), kwargs={"jobs": 1, "cache": tmp_path}
    )
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert decoded(log) == ids[: 2 * SHARD + 3]
    (folder,) = (tmp_path / "store").iterdir()
    assert not (folder / "store.json").exists()
    (folder / ".wave24k.bin.1.part").write_bytes(b"half")  # as a kill in the last step leaves it
    log.unlink()
    store = quiet(FakeCorpus(each=10, log=log), jobs=1, cache=tmp_path)
    assert decoded(log) == ids[2 * SHARD :]
    assert contents(store.folder) == whole


@pytest.mark.slow
def test_jobs_change_no_bit_and_workers_die_with_a_killed_parent(tmp_path, monkeypatch):
    alone = contents(quiet(FakeCorpus(each=16), jobs=1, cache=tmp_path / "alone").folder)
    monkeypatch.setattr(workers, "WORTH_WORKERS", 0.0)
    log = tmp_path / "log"
    slow = FakeCorpus(each=16, log=log, pause=0.1)
    child = fork.Process(target=quiet, args=(slow,), kwargs={"jobs": 2, "cache": tmp_path})
    child.start()
    wait_until(lambda: len(pids(log)) == 3)  # itself, then two workers
    os.kill(child.pid, signal.SIGKILL)
    child.join(60)
    wait_until(lambda: not any(running(p) for p in pids(log)))
    first = decoded(log)
    log.unlink()
    store = quiet(FakeCorpus(each=16, log=log), jobs=2, cache=tmp_path)
    assert contents(store.folder) == alone
    assert len(decoded(log)) + 2 * SHARD <= 64  # what this process had saved before it had workers, at least
    assert set(first) | set(decoded(log)) == {r.id for r in store.records}


@pytest.mark.slow
def test_a_killed_worker_is_an_error_and_the_same_command_continues(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "WORTH_WORKERS", 0.0)
    last = FakeCorpus(each=16).records()[-1].id
    with pytest.raises(BenchmarkError, match=r"worker processes was killed.*fewer --jobs"):
        quiet(FakeCorpus(each=16, kill_at=last), jobs=2, cache=tmp_path)
    assert len(quiet(FakeCorpus(each=16), jobs=2, cache=tmp_path).records) == 64


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_two_processes_make_one_store_once(tmp_path, caplog):
    log = tmp_path / "log"
    child = fork.Process(target=quiet, args=(FakeCorpus(log=log, pause=0.05),), kwargs={"jobs": 1, "cache": tmp_path})
    child.start()
    wait_until(lambda: decoded(log))
    store = quiet(FakeCorpus(log=log), jobs=1, cache=tmp_path)
    child.join(60)
    assert child.exitcode == 0
    assert "Another process prepares" in caplog.text
    assert sorted(decoded(log)) == sorted(r.id for r in store.records)


def full_after(calls: int, honest):
    """`atomic` on a disk that is full from the given write on."""
    count = 0

    @contextmanager
    def atomic(path, mode="wb"):
        nonlocal count
        count += 1
        with honest(path, mode) as file:
            if count > calls:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            yield file

    return atomic


@pytest.mark.parametrize(("target", "calls"), [(module, 2), (prepared, 0), (prepared, 3)])
def test_a_full_disk_loses_nothing_and_the_same_command_continues(tmp_path, monkeypatch, target, calls):
    earlier = quiet(FakeCorpus(name="earlier"), jobs=1, cache=tmp_path).folder
    before = contents(earlier)
    log = tmp_path / "log"
    with monkeypatch.context() as patch:
        patch.setattr(target, "atomic", full_after(calls, target.atomic))
        with pytest.raises(BenchmarkError, match=r"No space left on device \(\d+ MiB free.*BENCHMARK_CACHE"):
            quiet(FakeCorpus(each=10, log=log), jobs=1, cache=tmp_path)
    assert contents(earlier) == before
    (folder,) = (f for f in (tmp_path / "store").iterdir() if f != earlier)
    assert not (folder / "store.json").exists()
    assert not list(folder.rglob("*.part"))
    saved = len(list((folder / ".parts").iterdir())) * SHARD
    assert saved == (2 * SHARD if target is module else 40)
    log.unlink()
    assert len(quiet(FakeCorpus(each=10, log=log), jobs=1, cache=tmp_path).records) == 40
    assert len(decoded(log)) == 40 - saved


def test_a_cache_that_may_not_be_written_is_named(tmp_path):
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(BenchmarkError, match="BENCHMARK_CACHE"):
        quiet(FakeCorpus(), jobs=1, cache=tmp_path)


def test_fewer_than_one_job(tmp_path):
    with pytest.raises(BenchmarkError, match="At least one job"):
        quiet(FakeCorpus(), jobs=0, cache=tmp_path)


def _doubled(rows: np.ndarray) -> np.ndarray:
    return rows[::2, None].astype(np.float32) * np.array([1.0, 2.0], np.float32)


def _derived(source: str | None, version: int = 1) -> Feature:
    return Feature("twice", "audio", "float32", (2,), 12000.0, source, _doubled, torch.Tensor.float, {"v": version})


def test_derive_computes_every_record_once(tmp_path, monkeypatch):
    store = quiet(FakeCorpus(), jobs=1, cache=tmp_path)
    derive(store, _derived("wave24k"), jobs=1, progress=False)
    for i in range(len(store.records)):
        np.testing.assert_array_equal(store.rows(_derived("wave24k"), i), _doubled(store.rows(WAVE24K, i)))
    monkeypatch.setattr(module, "_compute", lambda *_: pytest.fail("computed again"))
    derive(store, _derived("wave24k"), jobs=1, progress=False)
    assert not store.has(_derived("wave24k", version=2))  # another spec is another feature


def test_derive_leaves_absent_records_absent_and_cannot_decode(tmp_path):
    faces = quiet(FakeCorpus(audio=False), jobs=1, cache=tmp_path)
    derive(faces, _derived("wave24k"), jobs=1, progress=False)
    assert faces.flat(_derived("wave24k"))[1].tolist() == [0] * 25
    with pytest.raises(BenchmarkError, match="only decoding makes it"):
        derive(faces, _derived(None, version=2), progress=False)


def test_derive_says_of_how_many_records_nothing_is_left(tmp_path, caplog):
    store = quiet(FakeCorpus(), jobs=1, cache=tmp_path)
    kept = replace(_derived("wave24k"), compute=lambda rows: _doubled(rows))
    derive(store, kept, jobs=1, progress=False)
    assert not caplog.records
    first = store.rows(WAVE24K, 0)
    picky = replace(
        _derived("wave24k", 2), compute=lambda rows: _doubled(rows)[: 0 if len(rows) == len(first) else None]
    )
    derive(store, picky, jobs=1, progress=False)
    empty = int((np.diff(store.flat(picky)[1]) == 0).sum())
    assert empty >= 1
    assert f"twice leaves nothing of {empty} of 24 records, the first {store.records[0].id}" in caplog.text


def test_a_broken_off_derive_leaves_the_feature_absent(tmp_path, monkeypatch):
    store = quiet(FakeCorpus(), jobs=1, cache=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(prepared, "atomic", full_after(0, prepared.atomic))
        with pytest.raises(BenchmarkError, match="No space left"):
            derive(store, _derived("wave24k"), jobs=1, progress=False)
    assert not store.has(_derived("wave24k"))
    assert Store(store.folder).rows(WAVE24K, 0).size
    derive(store, _derived("wave24k"), jobs=1, progress=False)
    assert store.has(_derived("wave24k"))


def test_the_bar_is_silent_without_a_terminal(tmp_path, capsys, caplog):
    caplog.set_level(logging.INFO)
    prepare(FakeCorpus(), jobs=1, cache=tmp_path)
    assert capsys.readouterr() == ("", "")
