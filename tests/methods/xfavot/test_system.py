"""XFaVoT as a system: its variants, and what a phase learns and moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.registry import SYSTEMS
from benchmark.system import Step
from benchmark.training.devices import make_fabric
from benchmark.training.loop import check_phases
from benchmark.training.optimisers import Optimisers
from methods.xfavot.objective import STYLE_SOURCES, StyleSource
from methods.xfavot.settings import XFaVoTSettings
from methods.xfavot.system import XFaVoT

Make = Callable[..., XFaVoT]
Batch = dict[str, dict[str, Tensor]]
Steps = Callable[..., Step]

PASSES = {"mapping_network": "latent", "image_style_encoder": "image", "audio_style_encoder": "audio"}
DISCRIMINATORS = {"image_discriminator", "audio_discriminator", "classifier"}
GENERATORS = {"image_generator", "audio_generator"}
ENCODERS = {"image_style_encoder", "audio_style_encoder"}


def test_the_registry_says_what_the_system_does() -> None:
    entry = SYSTEMS["xfavot"]
    assert set(entry.tasks) == XFaVoT.tasks
    assert set(entry.variants) == set(XFaVoT.variants)


def test_the_ladder() -> None:
    of = {name: XFaVoTSettings(**changes) for name, changes in XFaVoT.variants.items()}
    assert {name: (s.speaker_domains, s.lambda_csc) for name, s in of.items()} == {
        "joint": (False, 0.0),
        "joint_csc": (False, 1.0),
        "no_csc": (True, 0.0),
    }


def learners(side: str, row: StyleSource, reading: bool) -> set[str]:
    """Who learns of a row of Table 1: as published the encoders of latent styles alone, which are the mapping network,
    and the style encoders by what they read off the fakes."""
    if side == "discriminate":
        return DISCRIMINATORS
    if row.encoder == "mapping_network":
        return GENERATORS | ENCODERS | {"mapping_network"}
    return GENERATORS | ({row.encoder} if reading else set())


def reached(system: XFaVoT) -> set[str]:
    return {name.split(".")[0] for name, p in system.named_parameters() if p.grad is not None and bool(p.grad.any())}


@pytest.mark.parametrize("reading", [False, True], ids=["as_published", "references_train_encoders"])
@pytest.mark.parametrize("side", ["discriminate", "generate"])
@pytest.mark.parametrize("row", STYLE_SOURCES, ids=str)
def test_a_row_of_the_table_moves_what_it_says_and_no_more(
    make: Make, batch: Batch, step: Steps, drawing: Callable[..., None], row: StyleSource, side: str, reading: bool
) -> None:
    drawing(row)
    system = make(step_encoders_on_reference=reading)
    check_phases(system, 1)
    phase = next(p for p in system.phases() if p.name == f"{side}_{PASSES[row.encoder]}")
    Optimisers(system, make_fabric("cpu", 1, 1, "32-true")).focus(phase.steps)
    terms = system(phase.name, batch, step())
    assert all(bool(torch.isfinite(term)) for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    assert reached(system) == set(phase.steps) == learners(side, row, reading)


@pytest.mark.parametrize("modality", ["image", "audio"])
@pytest.mark.parametrize("row", STYLE_SOURCES, ids=str)
def test_a_style_learns_of_what_either_generator_makes_of_it(
    make: Make, batch: Batch, step: Steps, drawing: Callable[..., None], row: StyleSource, modality: str
) -> None:
    """By the one term that asks no style encoder itself."""
    drawing(row)
    system = make()
    system.generate(row.encoder, batch, step())[f"{modality}_adversarial"].backward()
    assert reached(system) == {row.encoder, f"{modality}_generator", f"{modality}_discriminator"}


def test_the_classifier_starts_late(make: Make, batch: Batch, step: Steps) -> None:
    system = make()
    assert "classifier" not in system.discriminate_latent(batch, step(9))
    assert "audio_classifier" not in system.generate_latent(batch, step(9))
    assert "classifier" in system.discriminate_latent(batch, step(10))


def test_fewer_are_translated_than_are_told_apart(make: Make, batch: Batch, step: Steps) -> None:
    given = make(batch=2, people=4).given("image_style_encoder", batch, step())
    assert given.speaker.tolist() == batch["voice"]["speaker"][::2].tolist()
    assert given.face.shape[0] == given.mel.shape[0] == given.styles[0].shape[0] == given.styles[1].shape[0] == 2


def test_processes_that_cannot_share_the_batch_are_told(make: Make, batch: Batch, step: Steps) -> None:
    """Three processes have 4 of 12 people each; with 2 of them translated by each, a pass would have 6 rows."""
    told = r"batch = 4 rows a pass, one for every 3 of people = 12, and 3 processes have 4 people each.* devices"
    with pytest.raises(BenchmarkError, match=told):
        make(batch=4, people=12)("discriminate_latent", batch, step())
