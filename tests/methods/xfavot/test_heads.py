"""Which heads judge, and learn of, which row of Table 1."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from benchmark.system import Step
from methods.xfavot.objective import STYLE_SOURCES, StyleSource
from methods.xfavot.system import XFaVoT

Make = Callable[..., XFaVoT]
Batch = dict[str, dict[str, Tensor]]
Steps = Callable[..., Step]
Drawing = Callable[[StyleSource], None]

SIDES = {"image_style_encoder": "face", "audio_style_encoder": "voice"}


def reference_heads(batch: Batch, row: StyleSource) -> list[int]:
    column = batch["domain" if row.kind is None else f"{row.kind}_{SIDES[row.encoder]}"]
    heads = column["speaker"] + 2 if row.speaker else column["gender"]
    return heads.tolist()  # type: ignore[no-any-return]


def taught(weights: torch.nn.Parameter) -> set[int]:
    """Numbers of the domains, the first axis, that have a gradient."""
    assert weights.grad is not None
    return set(weights.grad.flatten(1).any(1).nonzero().flatten().tolist())


@pytest.mark.parametrize("row", STYLE_SOURCES, ids=str)
def test_fakes_teach_the_heads_of_their_reference(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, row: StyleSource
) -> None:
    """Of the audio discriminator; of the classifier all genders, and all speakers where the reference's is known."""
    drawing(row)
    system = make(speaker_chance=1.0)
    terms = system.discriminate(row.encoder, batch, step())
    (terms["audio_fake"] + terms["classifier"]).backward()
    assert taught(system.audio_discriminator.own.weight) == set(reference_heads(batch, row))
    assert taught(system.classifier.own.weight) == set(range(7 if row.speaker else 2))


@pytest.mark.parametrize("row", [row for row in STYLE_SOURCES if row.kind is None], ids=str)
def test_a_latent_code_teaches_the_branch_of_its_domain(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, row: StyleSource
) -> None:
    drawing(row)
    system = make()
    torch.stack(list(system.generate(row.encoder, batch, step()).values())).sum().backward()
    assert taught(system.mapping_network.own[-1].bias) == set(reference_heads(batch, row))


@pytest.mark.parametrize("row", STYLE_SOURCES, ids=str)
def test_a_generator_is_judged_by_the_heads_of_its_reference(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, asked: list[list[int]], row: StyleSource
) -> None:
    drawing(row)
    make(speaker_chance=1.0).generate(row.encoder, batch, step())
    assert asked == [reference_heads(batch, row)]


def test_without_speaker_domains_no_speaker_is_asked(
    make: Make, batch: Batch, step: Steps, asked: list[list[int]]
) -> None:
    system = make(speaker_domains=False, speaker_chance=1.0)
    for guide in ("latent", "image", "audio"):
        system(f"discriminate_{guide}", batch, step())
    assert len(asked) == 6
    assert max(map(max, asked)) <= 1


def test_real_voices_are_judged_by_either_of_their_heads(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, asked: list[list[int]]
) -> None:
    """Also beside fakes whose speaker nobody knows."""
    drawing(StyleSource("image_style_encoder", "faces", speaker=False))
    system, voice = make(), batch["voice"]
    for seed in range(12):
        system.discriminate("image_style_encoder", batch, step(seed=seed))
    assert {tuple(heads) for heads in asked[::2]} == {
        tuple((voice["speaker"] + 2).tolist()),
        tuple(voice["gender"].tolist()),
    }
