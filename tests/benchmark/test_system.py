"""The contract: one door, frozen data, and a clear word where a subclass said nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, System, Terms, Trainable


class Halver(Trainable):
    def halve(self, batch: Batch, step: Step) -> Terms:
        return {"half": batch["a"]["x"].mean() / 2 + step.index}


def test_forward_is_the_door_to_every_phase() -> None:
    step = Step(3, torch.Generator(), np.random.default_rng(0), lambda rows: rows)
    terms = Halver()("halve", {"a": {"x": torch.ones(2)}}, step)
    assert terms["half"] == 3.5
    with pytest.raises(AttributeError):
        Halver()("nothing", {}, step)


@pytest.mark.parametrize("method", ["optimizers", "draws", "phases"])
def test_what_a_subclass_must_say(method: str) -> None:
    with pytest.raises(NotImplementedError, match="Halver names no"):
        getattr(Halver(), method)()


@pytest.mark.parametrize(
    "value",
    [
        Pick("face", ("face128",)),
        Draw(2, {}),
        Optimizer(("a",)),
        Phase("a", ("b",), "c"),
        Step(0, torch.Generator(), None, lambda rows: rows),
    ],
)
def test_data_is_frozen(value: Any) -> None:
    name = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, getattr(value, name))


def test_a_system_that_cannot_translate_says_so() -> None:
    system = System(settings=None, speakers=7)
    assert system.speakers == 7
    with pytest.raises(NotImplementedError, match="System cannot translate"):
        system.translate("image_guided_vc", {}, {}, torch.zeros(1, dtype=torch.int64))
