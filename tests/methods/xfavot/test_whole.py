"""XFaVoT whole: a training that is broken off goes on as if it had not been; what a corpus lacks is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.corpora.prepare import derive
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import feature
from benchmark.training.checkpoint import load_trained, read
from benchmark.training.loop import TrainSettings, train
from benchmark.training.records import Records, heard_speakers, speaker_codes
from methods.xfavot.objective import StyleSource, draw_source
from methods.xfavot.system import Given, XFaVoT

pytestmark = pytest.mark.usefixtures("small_networks")

Make = Callable[..., XFaVoT]
SEED = 2
"""Step 0 reads people who are seen and heard, step 1 those only seen and those only heard."""


def unheard(store: Store) -> Store:
    """Without its recordings, which are empty."""
    np.savez(store.folder / "index.npz", **{**store.index, "audio": np.zeros(len(store.records), bool)})
    return Store(store.folder)


@pytest.fixture
def stores(speech_store: Callable[..., Any]) -> list[Store]:
    """Six people seen and heard, six only heard, six only seen, and of each kind two more who are held out."""

    def made(name: str, seconds: float, frames: int) -> Store:
        store: Store = speech_store(6, 2, (2, 1, 1), name=name, seconds=seconds, frames=frames)
        derive(store, feature("mel80"), 1)
        return store

    return [made("av", 1.1, 1), made("heard", 1.1, 0), unheard(made("seen", 0.0, 1))]


def test_a_resumed_training_is_the_uninterrupted_one(make: Make, stores: list[Store], tmp_path: Path) -> None:
    def trained(folder: Path, stops: list[int]) -> tuple[XFaVoT, Path]:
        for stop in stops:
            system = make(heard_speakers(stores), classifier_start=1, lr=1e-3)
            settings = TrainSettings(steps=stop, seed=SEED, save_every=1, log_every=1, device="cpu")
            result = train(system, stores, folder, settings)
        return system, result.checkpoint

    whole, path = trained(tmp_path / "whole", [3])
    pieces, resumed = trained(tmp_path / "pieces", [1, 3])
    for (name, one), other in zip(whole.state_dict().items(), pieces.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    first = make(heard_speakers(stores)).state_dict()
    moved = {name.split(".")[0] for name, value in whole.state_dict().items() if not torch.equal(value, first[name])}
    assert moved == set(whole.optimizers())
    assert not {name.split(".")[0] for name in read(path)["model"]} & whole.upstream
    loaded = make(heard_speakers(stores))
    load_trained(loaded, resumed)
    averaged = loaded.audio_generator.stem.weight
    assert not torch.equal(averaged, whole.audio_generator.stem.weight), "averages translate"


def test_heads_are_of_training_people_who_are_heard(
    make: Make, stores: list[Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[list[int]]
) -> None:
    """In a training of all kinds of people, in which speakers are asked wherever one is known."""
    rows: list[StyleSource] = []
    passes: list[tuple[Any, Given, int]] = []
    given = XFaVoT.given

    def drawn(*arguments: Any) -> StyleSource:
        rows.append(draw_source(*arguments))
        return rows[-1]

    def noted(self: XFaVoT, encoder: Any, batch: Any, *rest: Any, **named: Any) -> Given:
        passes.append((batch, given(self, encoder, batch, *rest, **named), len(asked)))
        return passes[-1][1]

    monkeypatch.setattr("methods.xfavot.system.draw_source", drawn)
    monkeypatch.setattr(XFaVoT, "given", noted)
    system = make(heard_speakers(stores), speaker_chance=1.0, classifier_start=0)
    train(system, stores, tmp_path / "out", TrainSettings(steps=2, seed=SEED, device="cpu"))

    held_out = {(r.corpus, r.speaker) for store in stores for r in store.records if r.split == "unseen"}
    codes, records = speaker_codes(stores), Records(stores)
    assert len(held_out) == 6
    assert held_out.isdisjoint(codes)
    assert {code for (corpus, _), code in codes.items() if corpus == "seen"} == set(range(12, 18))
    assert system.classifier.own.out_features == system.audio_discriminator.own.out_features == 2 + 12
    assert len(system.mapping_network.own[0].weight) == 2 + 12

    assert {row.kind for row in rows} == {None, "paired", "faces", "voices"}
    ends = [begin for *_, begin in passes[1:]] + [len(asked)]
    for row, (batch, found, _), end in zip(rows, passes, ends, strict=True):
        for column in batch.values():
            assert records.training[column["record"]].all(), "a batch has somebody who is held out"
        assert all(0 <= head < 2 + 12 for head in asked[end - 1])
        if row.kind == "faces":
            assert min(batch["faces_face"]["speaker"]) >= 12
            assert max(asked[end - 1]) < 2, "D_a is asked the gender alone"
            assert found.target_speaker is None, "C_a learns the gender alone"
        else:
            assert min(asked[end - 1]) >= 2
            assert found.target_speaker is not None


def test_a_kind_that_no_corpus_has_is_told(make: Make, stores: list[Store], tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="pool 'faces' holds no face record"):
        train(make(12), stores[:2], tmp_path / "out", TrainSettings(steps=1, device="cpu"))


def test_a_batch_of_more_people_than_there_are_is_told(make: Make, stores: list[Store], tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="a batch of 8 distinct speakers, but pool 'paired' has 6"):
        train(make(12, people=8, kinds=("paired",)), stores, tmp_path / "out", TrainSettings(steps=1, device="cpu"))
