"""CAE whole: a training that is broken off goes on as if it had not been; what is loaded judges as what was trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.corpora.prepared import write_feature
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import feature
from benchmark.training.checkpoint import load_trained, read
from benchmark.training.loop import TrainSettings, train
from benchmark.training.plan import Plan
from methods.cae.system import CAE

pytestmark = pytest.mark.usefixtures("small_voice")

Make = Callable[..., CAE]
TASK = "face_from_voice"


def column(key: str, rows: int, seed: int, frames: int = 55) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    media = {
        "face128": F.interpolate(torch.rand(rows, 3, 16, 16, generator=generator) * 2 - 1, 128),
        "mel64": torch.randn(rows, 1, 64, frames, generator=generator),
    }
    return {key: media[key], "gender": torch.arange(rows) % 2, "speaker": torch.arange(rows)}


def trained(
    make: Make, speech_store: Callable[..., Any], folder: Path, stops: list[int], **changes: Any
) -> tuple[CAE, Path]:
    """Train to each of `stops` in turn, each time a fresh system, and all but the last killed there."""
    store = speech_store(train=5, unseen=2, name=folder.name, seconds=0.1)
    rng = np.random.default_rng(0)
    voices = [rng.standard_normal((30 + i, 64), np.float32) for i in range(len(store.records))]
    write_feature(store.folder, feature("mel64"), voices)
    for stop in stops:
        system = make(**{"crop": 30, "least_crop": 20, "lr": 1e-2, **changes})
        result = train(system, [store], folder, TrainSettings(steps=stop, save_every=1, log_every=1, device="cpu"))
    return system, result.checkpoint


@pytest.mark.parametrize("changes", [{}, {"norm": "batch", "share_trunk": False, "gate": "all"}])
def test_a_resumed_training_is_the_uninterrupted_one(
    make: Make, speech_store: Callable[..., Any], tmp_path: Path, changes: dict[str, Any]
) -> None:
    whole, path = trained(make, speech_store, tmp_path / "whole", [3], **changes)
    pieces, resumed = trained(make, speech_store, tmp_path / "pieces", [1, 3], **changes)
    assert not [name for name in read(path)["model"] if name.startswith("voice_network")]
    for (name, one), other in zip(whole.state_dict().items(), pieces.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    for one, other in zip(read(path)["optimizers"].values(), read(resumed)["optimizers"].values(), strict=True):
        for key, moments in one["state"].items():
            assert all(torch.equal(moments[m], other["state"][key][m]) for m in moments)
    first = make(**changes).state_dict()
    moved = {name.split(".")[0] for name, value in whole.state_dict().items() if not torch.equal(value, first[name])}
    trunks = {"trunk", "discriminator_trunk"} if changes else {"trunk"}
    assert moved == {"scaffold", "controller", "discriminator", "classifier", *trunks}


def test_what_is_loaded_translates_and_judges_as_what_was_trained(
    make: Make, speech_store: Callable[..., Any], tmp_path: Path
) -> None:
    system, path = trained(make, speech_store, tmp_path / "whole", [2])
    loaded = make()
    load_trained(loaded, path)
    arguments = TASK, column("face128", 2, 1), column("mel64", 2, 2), torch.arange(2)
    faces = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.eval().translate(*arguments), system.eval().translate(*arguments))
        for one, other in ((loaded, system), (system, loaded)):
            trunk, classifier = one.own_judge()
            assert torch.equal(classifier(trunk(faces)), other.identify(faces))
        assert not torch.equal(make().identify(faces), loaded.identify(faces))


def test_people_in_whose_recordings_no_voice_is_heard_are_passed_over(
    make: Make, speech_store: Callable[..., Any]
) -> None:
    store = speech_store(train=5, unseen=0, seconds=0.1)
    frames = [0 if record.speaker == "s00" else 30 for record in store.records]
    write_feature(store.folder, feature("mel64"), [np.ones((n, 64), np.float32) for n in frames])
    plan = Plan([store], make(crop=30, least_crop=30).draws(), seed=0)
    drawn = {
        store.records[i].speaker for s in range(20) for c in plan.draw("pairs", s).values() for i in c.record[:, 0]
    }
    assert drawn == {"s01", "s02", "s03", "s04"}


def test_people_without_faces_are_told(make: Make, speech_store: Callable[..., Any], tmp_path: Path) -> None:
    store = speech_store(train=5, unseen=0, seconds=0.1, frames=0)
    write_feature(store.folder, feature("mel64"), [np.ones((30, 64), np.float32) for _ in store.records])
    with pytest.raises(BenchmarkError, match="pool 'paired' holds no audio record"):
        train(make(crop=30, least_crop=30), [store], tmp_path / "out", TrainSettings(steps=1, device="cpu"))


@pytest.mark.parametrize(
    ("changes", "averaged"),
    [
        ({}, set()),
        ({"ema": 0.9}, {"scaffold", "controller"}),
        ({"ema": 0.9, "reference": "gender"}, {"scaffold", "controller", "voice_network"}),
        ({"ema": 0.9, "gate": "none"}, {"scaffold"}),
    ],
)
def test_what_translates_is_averaged_and_nothing_frozen_is(
    make: Make, changes: dict[str, Any], averaged: set[str]
) -> None:
    system = make(**changes)
    assert dict(system.ema) == dict.fromkeys(averaged, 0.9)
    assert averaged.isdisjoint(system.upstream)
    assert averaged <= set(system.averages())
