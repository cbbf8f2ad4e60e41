"""XFaVoT whole: a training that is broken off goes on as if it had not been; what a corpus lacks is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.corpora.prepare import derive
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import feature
from benchmark.training.checkpoint import load_trained, read
from benchmark.training.loop import TrainSettings, train
from benchmark.training.records import heard_speakers, speaker_codes
from methods.xfavot.system import XFaVoT

pytestmark = pytest.mark.usefixtures("small_networks")

Make = Callable[..., XFaVoT]


@pytest.fixture
def stores(speech_store: Callable[..., Any]) -> list[Any]:
    """Six people seen and heard, and six only heard."""
    made = [speech_store(train=6, unseen=0, name=name, seconds=1.1, frames=n) for name, n in (("av", 1), ("heard", 0))]
    for store in made:
        derive(store, feature("mel80"), 1)
    return made


def test_a_resumed_training_is_the_uninterrupted_one(make: Make, stores: list[Any], tmp_path: Path) -> None:
    def trained(folder: Path, stops: list[int]) -> tuple[XFaVoT, Path]:
        for stop in stops:
            system = make(heard_speakers(stores), kinds=("paired", "voices"), classifier_start=1, lr=1e-3)
            result = train(system, stores, folder, TrainSettings(steps=stop, save_every=1, log_every=1, device="cpu"))
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


def test_heads_are_of_the_people_who_are_heard(make: Make, stores: list[Any], tmp_path: Path) -> None:
    assert heard_speakers(stores) == 12
    system = make(heard_speakers(stores))
    assert system.classifier.own.out_features == system.audio_discriminator.own.out_features == 2 + 12
    assert len(speaker_codes(stores)) == 12


def test_a_kind_that_no_corpus_has_is_told(make: Make, stores: list[Any], tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="pool 'faces' holds no face record"):
        train(make(12), stores, tmp_path / "out", TrainSettings(steps=1, device="cpu"))


def test_a_batch_of_more_people_than_there_are_is_told(make: Make, stores: list[Any], tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="a batch of 8 distinct speakers, but pool 'paired' has 6"):
        train(make(12, people=8, kinds=("paired",)), stores, tmp_path / "out", TrainSettings(steps=1, device="cpu"))
