"""The objective, written out from the batch in float64, for every row of Table 1; no two weights are equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.media.image import resized
from benchmark.system import Step
from methods.xfavot.objective import STYLE_SOURCES, StyleSource
from methods.xfavot.system import XFaVoT

pytestmark = pytest.mark.usefixtures("unaltered")

Make = Callable[..., XFaVoT]
Batch = dict[str, dict[str, Tensor]]
Steps = Callable[..., Step]
Drawing = Callable[[StyleSource], None]

W = {
    **{"adv": 1.7, "sty": 0.9, "ds": 0.8, "cyc": 4.0, "asr": 8.0, "f0": 3.0, "norm": 0.6, "adv_cls": 0.7, "cls": 0.2},
    **{"csc": 2.3, "r1": 1.3},
}
CHANGES: dict[str, Any] = {f"lambda_{name}": weight for name, weight in W.items()} | {
    **{"norm_bias": 0.4, "ds_decay": 100, "auxiliary_train_mode": False},
}
FALLEN = 1 - 20 / 100
"""What is left of the diversity of faces at the step of these tests."""


@pytest.fixture
def batch(batch: Batch) -> Batch:
    return {
        column: {name: rows.double() if rows.is_floating_point() else rows for name, rows in rows_of.items()}
        for column, rows_of in batch.items()
    }


def styles(system: XFaVoT, row: StyleSource, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Two styles of a row of the table, and the gender and speaker of the first one's reference."""
    encoder = system.get_submodule(row.encoder)
    if row.kind is None:
        noise, column = torch.Generator().manual_seed(0), batch["domain"]
        inputs = [torch.randn(4, system.settings.latent, generator=noise).double() for _ in range(2)]
        codes = column["speaker"] + 2 if row.speaker else column["gender"]
    elif row.encoder == "image_style_encoder":
        column = batch[f"{row.kind}_face"]
        inputs = [resized(batch[f"{row.kind}_{name}"]["face128"], 32) for name in ("face", "other_face")]
        codes = column["gender"]
    else:
        column = batch[f"{row.kind}_voice"]
        inputs = [batch[f"{row.kind}_{name}"]["mel80"] for name in ("voice", "other_voice")]
        codes = column["gender"]
    first, other = (encoder(x, codes) for x in inputs)
    return first, other, column["gender"], column["speaker"] if row.speaker else None


def says(logits: Tensor, real: bool) -> Tensor:
    chance = torch.sigmoid(logits)
    return -torch.log(chance if real else 1 - chance).mean()


def heard_as(logits: Tensor, head: Tensor, real: bool) -> Tensor:
    return says(torch.stack([logits[i, h] for i, h in enumerate(head.tolist())]).clamp(-10, 10), real)


def told_apart(logits: Tensor, wanted: Tensor, other: Tensor) -> Tensor:
    """Mean cross-entropy over the rows whose code differs; here these are some of the rows."""
    rows = [i for i in range(4) if wanted[i] != other[i]]
    assert 0 < len(rows) < 4
    return torch.stack([-F.log_softmax(logits[i], 0)[wanted[i]] for i in rows]).mean()


def classes(logits: Tensor, wanted: tuple[Tensor, Tensor | None], other: tuple[Tensor, Tensor | None]) -> Tensor:
    """Genders, and speakers where both are known."""
    total = told_apart(logits[:, :2], wanted[0], other[0])
    if wanted[1] is None or other[1] is None:
        return total
    return total + told_apart(logits[:, 2:], wanted[1], other[1])


def compare(terms: Any, expected: dict[str, Tensor]) -> None:
    assert set(terms) == set(expected)
    for name, value in expected.items():
        assert value.abs() > 1e-8, f"{name} is too small to tell anything"
        torch.testing.assert_close(terms[name], value, rtol=1e-9, atol=0, msg=name)


@pytest.mark.parametrize("norm", ["l1", "hinge"])
@pytest.mark.parametrize("row", STYLE_SOURCES, ids=str)
def test_terms_of_the_generators(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, row: StyleSource, norm: str
) -> None:
    drawing(row)
    system = make(speaker_chance=1.0, norm=norm, **CHANGES).double()
    gi, ga, ei, ea = (
        *(system.image_generator, system.audio_generator),
        *(system.image_style_encoder, system.audio_style_encoder),
    )
    style, other, gender, speaker = styles(system, row, batch)
    x, face_gender = resized(batch["face"]["face128"], 32), batch["face"]["gender"]
    m, source = batch["voice"]["mel80"], (batch["voice"]["gender"], batch["voice"]["speaker"])
    fake, heard = gi(x, style), system.f0_network(m)
    voice = ga(m, style, heard.features)
    said = system.f0_network(voice)
    loud = [torch.log(torch.linalg.vector_norm(torch.exp(4 * v - 4), dim=2)) for v in (voice, m)]
    gap = (loud[0] - loud[1]).abs()
    curves = [reading.f0 / reading.f0.mean(1, keepdim=True) for reading in (said, heard)]
    compare(
        system.generate(row.encoder, batch, step()),
        {
            "image_adversarial": says(system.image_discriminator(fake, gender), real=True),
            "image_style": W["sty"] * (ei(fake, gender) - style).abs().mean(),
            "image_diversity": -W["ds"] * FALLEN * (fake - gi(x, other)).abs().mean(),
            "image_cycle": W["cyc"] * (gi(fake, ei(x, face_gender)) - x).abs().mean(),
            "audio_adversarial": W["adv"]
            * heard_as(system.audio_discriminator(voice), gender if speaker is None else 2 + speaker, real=True),
            "audio_style": W["sty"] * (ea(voice, gender) - style).abs().mean(),
            "audio_diversity": -W["ds"] * (voice - ga(m, other, heard.features)).abs().mean(),
            "audio_cycle": W["cyc"] * (ga(voice, ea(m, source[0]), said.features) - m).abs().mean(),
            "audio_asr": W["asr"] * F.smooth_l1_loss(system.asr_network(voice), system.asr_network(m)),
            "audio_f0": W["f0"] * (curves[0] - curves[1]).abs().mean(),
            "audio_norm": W["norm"] * (gap if norm == "l1" else (gap - 0.4).clamp(min=0) ** 2).mean(),
            "audio_classifier": W["adv_cls"] * classes(system.classifier(voice), (gender, speaker), source),
        },
    )


def penalty(logit: Callable[[Tensor, int], Tensor], rows: Tensor) -> Tensor:
    """Half the squared gradient of a logit (1,) by its own row, the mean over rows."""
    sizes = []
    for i in range(len(rows)):
        row = rows[i : i + 1].detach().requires_grad_()
        (gradient,) = torch.autograd.grad(logit(row, i).sum(), row)
        sizes.append(gradient.square().sum() / 2)
    return torch.stack(sizes).mean()


@pytest.mark.parametrize("speakers", [False, True], ids=["genders_asked", "speakers_asked"])
@pytest.mark.parametrize("row", STYLE_SOURCES, ids=str)
def test_terms_of_the_discriminators(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, row: StyleSource, speakers: bool
) -> None:
    drawing(row)
    system = make(speaker_chance=float(speakers), **CHANGES).double()
    di, da = system.image_discriminator, system.audio_discriminator
    style, _, gender, speaker = styles(system, row, batch)
    x, face_gender = resized(batch["face"]["face128"], 32), batch["face"]["gender"]
    m, source = batch["voice"]["mel80"], (batch["voice"]["gender"], batch["voice"]["speaker"])
    own = 2 + source[1] if speakers else source[0]
    theirs = 2 + speaker if speakers and speaker is not None else gender
    voice = system.audio_generator(m, style, system.f0_network(m).features)
    compare(
        system.discriminate(row.encoder, batch, step()),
        {
            "image_real": says(di(x, face_gender), real=True),
            "image_fake": says(di(system.image_generator(x, style), gender), real=False),
            "image_r1": W["r1"] * penalty(lambda picture, i: di(picture, face_gender[i : i + 1]), x),
            "audio_real": heard_as(da(m), own, real=True),
            "audio_fake": heard_as(da(voice), theirs, real=False),
            "audio_r1": W["r1"] * penalty(lambda mel, i: da(mel)[:, own[i]], m),
            "classifier": W["cls"] * classes(system.classifier(voice), source, (gender, speaker)),
        },
    )
