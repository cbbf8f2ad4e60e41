"""A folder of avatars: the corpus's people, voices, texts and splits, their faces drawn; finished, never mixed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.corpora.avatars import Drawn, write_avatars
from benchmark.corpora.folder import FolderCorpus
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.audio import WAVE24K, to_int16
from benchmark.media.avatar import avatar
from benchmark.media.image import FACE128

Maker = Callable[..., Store]


@pytest.fixture
def store(speech_store: Maker) -> Store:
    return speech_store(train=2, unseen=2, recordings=(1, 1, 2))


def test_everybody_is_drawn_and_speaks_as_before(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "new" / "avatars"
    assert write_avatars(store, out) == Drawn(records=8, people=4, faces=16, voices=8)
    corpus = FolderCorpus(out)
    records = {record.id: record for record in corpus.records()}
    assert len(records) == 16
    for i, old in enumerate(store.records):
        new = records[old.id]
        assert (new.speaker, new.gender, new.split, new.transcript) == (
            old.speaker,
            old.gender,
            old.split,
            old.transcript,
        )
        media = corpus.load(new)
        assert media.wave is not None
        assert np.array_equal(to_int16(media.wave), store.rows(WAVE24K, i))
        second = records[f"{old.id}_1"]
        assert (second.speaker, second.split, second.audio) == (old.speaker, old.split, None)
        for face, record in zip(store.rows(FACE128, i), (new, second), strict=True):
            faces = corpus.load(record).faces
            assert faces is not None
            assert np.array_equal(faces[0], avatar(face))


def test_what_was_begun_is_finished_and_not_done_again(store: Store, tmp_path: Path) -> None:
    write_avatars(store, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.*") if path.suffix != ".csv"}
    table = (tmp_path / "out" / "records.csv").read_text()
    lost = [tmp_path / "out" / "records.csv", *sorted(before)[-1:]]
    for path in lost:
        path.unlink()
    write_avatars(store, tmp_path / "out")
    assert (tmp_path / "out" / "records.csv").read_text() == table
    assert lost[1].is_file()
    kept = [path for path in before if path.name != "avatars.json" and path not in lost]
    assert len(kept) > 20
    assert all(path.stat().st_mtime_ns == before[path] for path in kept)


def test_what_was_broken_off_gives_nobody_a_trial(store: Store, tmp_path: Path) -> None:
    write_avatars(store, tmp_path / "out")
    (tmp_path / "out" / "records.csv").unlink()
    assert {record.gender for record in FolderCorpus(tmp_path / "out", held_out=1).records()} == {None}


def test_other_folders_are_left_alone(store: Store, speech_store: Maker, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    write_avatars(store, tmp_path / "others")
    other = speech_store(train=2, unseen=2, name="other")
    for name, words in (("full", "not empty and holds no avatars"), ("others", '"corpus": "made"')):
        before = sorted((tmp_path / name).rglob("*"))
        with pytest.raises(BenchmarkError, match=words):
            write_avatars(other, tmp_path / name)
        assert sorted((tmp_path / name).rglob("*")) == before
    with pytest.raises(BenchmarkError, match=r"stopped: (File exists|Not a directory)"):
        write_avatars(store, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_corpus_without_faces_is_refused_before_anything_is_written(speech_store: Maker, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="made has no faces to draw"):
        write_avatars(speech_store(train=2, unseen=2, frames=0), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_said_and_the_same_call_goes_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, times = os.replace, iter(range(100))

    def full(*names: Path) -> None:
        if next(times) == 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(*names)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(BenchmarkError, match=r"stopped: No space left on device .*the same command goes on"):
            write_avatars(store, tmp_path / "out")
    assert not (tmp_path / "out" / "records.csv").exists()
    assert not list((tmp_path / "out").rglob("*.part"))
    assert write_avatars(store, tmp_path / "out").faces == 16
    assert len(FolderCorpus(tmp_path / "out").records()) == 16
