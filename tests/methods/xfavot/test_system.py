"""XFaVoT as a system: what a pass sees, learns and moves, and what translation depends on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.registry import SYSTEMS
from benchmark.system import Step
from benchmark.training.devices import make_fabric
from benchmark.training.loop import check_phases
from benchmark.training.optimisers import Optimisers
from methods.xfavot import losses
from methods.xfavot.objective import StyleSource
from methods.xfavot.system import XFaVoT

pytestmark = pytest.mark.usefixtures("small_networks")

Make = Callable[..., XFaVoT]
PASSES = {"latent": "mapping_network", "image": "image_style_encoder", "audio": "audio_style_encoder"}
SIDES = {"image_style_encoder": "face", "audio_style_encoder": "voice"}
CONFIDENT = {"audio_discriminator", "classifier"}


def step(index: int = 20, seed: int = 0) -> Step:
    return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def batch() -> dict[str, dict[str, Tensor]]:
    """People 0 and 4 are heard alone, 1 to 3 seen too; 5 to 8, beyond the heads, are only seen."""
    made: dict[str, dict[str, Tensor]] = {}
    people = {
        "face": [1, 5, 2, 6],
        "voice": [0, 1, 2, 3],
        "domain": [3, 4, 2, 1],
        "paired_voice": [1, 2, 3, 0],
        "paired_face": [1, 2, 3, 0],
        "paired_other_voice": [3, 0, 1, 2],
        "paired_other_face": [3, 0, 1, 2],
        "faces_face": [5, 6, 7, 8],
        "faces_other_face": [7, 8, 5, 6],
        "voices_voice": [0, 4, 4, 0],
        "voices_other_voice": [4, 0, 0, 4],
    }
    for i, (name, codes) in enumerate(people.items()):
        generator = torch.Generator().manual_seed(i)
        if name.endswith("face"):
            media = {"face128": torch.rand(4, 3, 128, 128, generator=generator) * 2 - 1}
        else:
            media = {"mel80": torch.randn(4, 1, 80, 80, generator=generator) - 0.5}
        speaker = torch.tensor(codes)
        made[name] = {**media, "speaker": speaker, "gender": speaker % 2}
    return made


def gradients(system: XFaVoT) -> dict[str, float]:
    return {
        name: sum(float(p.grad.abs().sum()) for p in module.parameters() if p.grad is not None)
        for name, module in system.named_children()
    }


def test_the_registry_says_what_the_system_does() -> None:
    entry = SYSTEMS["xfavot"]
    assert set(entry.tasks) == XFaVoT.tasks
    assert set(entry.variants) == set(XFaVoT.variants)


def test_the_ladder() -> None:
    from methods.xfavot.settings import XFaVoTSettings

    of = {name: XFaVoTSettings(**changes) for name, changes in XFaVoT.variants.items()}
    assert {name: (s.speaker_domains, s.lambda_csc) for name, s in of.items()} == {
        "joint": (False, 0.0),
        "joint_csc": (False, 1.0),
        "no_csc": (True, 0.0),
    }


# -------------------------------------------------------------------------------------------------- what a pass learns


@pytest.mark.parametrize("guide", list(PASSES))
@pytest.mark.parametrize("side", ["discriminate", "generate"])
def test_a_phase_moves_what_it_says_and_no_more(make: Make, guide: str, side: str) -> None:
    system = make(kinds=("paired", "faces", "voices"), step_encoders_on_reference=True)
    check_phases(system, 1)
    optimisers = Optimisers(system, make_fabric("cpu", 1, 1, "32-true"))
    phase = next(p for p in system.phases() if p.name == f"{side}_{guide}")
    optimisers.focus(phase.steps)
    terms = system(phase.name, batch(), step())
    torch.stack(list(terms.values())).sum().backward()
    moved = {name for name, size in gradients(system).items() if size > 0}
    assert moved == set(phase.steps)
    assert all(bool(torch.isfinite(term)) for term in terms.values())


@pytest.mark.parametrize(
    ("guide", "side", "expected"),
    [
        ("latent", "generate", {"mapping_network", "image_style_encoder", "audio_style_encoder"}),
        ("image", "generate", set()),
        ("audio", "generate", set()),
    ],
)
def test_references_train_generators_alone_as_published(make: Make, guide: str, side: str, expected: set[str]) -> None:
    steps = next(p.steps for p in make().phases() if p.name == f"{side}_{guide}")
    assert set(steps) == {"image_generator", "audio_generator"} | expected


def test_the_contrast_reaches_both_encoders_and_nothing_else(make: Make) -> None:
    system = make()
    terms = system.generate_latent(batch(), step())
    terms["csc"].backward()
    assert {n for n, g in gradients(system).items() if g > 0} == {"image_style_encoder", "audio_style_encoder"}
    assert "csc" not in make(lambda_csc=0.0).generate_latent(batch(), step())
    for guide in ("image", "audio"):
        assert "csc" not in system(f"generate_{guide}", batch(), step())


def test_the_contrast_is_of_the_paired_people_over_all_ranks(make: Make) -> None:
    system, b, seen = make(), batch(), []
    given = Step(20, torch.Generator().manual_seed(0), np.random.default_rng(0), lambda x: seen.append(x) or x)  # type: ignore[func-returns-value]
    found = system.generate_latent(b, given)["csc"]
    assert [x.shape for x in seen] == [(4, 6), (4, 6)]
    expected = losses.style_consistency(seen[0], seen[1], system.settings.temperature, "symmetric")
    torch.testing.assert_close(found, expected)


def test_the_contrast_is_of_more_people_than_are_translated(make: Make) -> None:
    system, b = make(batch=2, people=4), batch()
    given = system.given("image_style_encoder", b, step())
    assert given.speaker.tolist() == b["voice"]["speaker"][::2].tolist()
    assert given.face.shape[0] == given.mel.shape[0] == given.styles[0].shape[0] == given.styles[1].shape[0] == 2
    seen: list[Tensor] = []
    all_rows = Step(20, torch.Generator().manual_seed(0), np.random.default_rng(0), lambda x: seen.append(x) or x)  # type: ignore[func-returns-value]
    system.generate_latent(b, all_rows)
    assert [len(x) for x in seen] == [4, 4]


# ----------------------------------------------------------------------------------------------------- rules of Table 1

ROWS = {
    "latent_gender": StyleSource("mapping_network", None, False, False),
    "latent_speaker": StyleSource("mapping_network", None, True, False),
    "only_heard": StyleSource("audio_style_encoder", "voices", True, False),
    "only_seen": StyleSource("image_style_encoder", "faces", False, False),
    "paired_voice": StyleSource("audio_style_encoder", "paired", True, True),
    "paired_face": StyleSource("image_style_encoder", "paired", True, True),
}


def drawing(monkeypatch: pytest.MonkeyPatch, row: StyleSource) -> None:
    monkeypatch.setattr("methods.xfavot.system.draw_source", lambda *_: row)


@pytest.mark.parametrize(("name", "row"), ROWS.items())
def test_speaker_heads_learn_of_styles_whose_speaker_is_known(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, row: StyleSource
) -> None:
    """With every head drawn a speaker's where there is one: of fakes, for D_a and C_a."""
    drawing(monkeypatch, row)
    system = make(speaker_chance=1.0)
    terms = system.discriminate(row.encoder, batch(), step())
    (terms["audio_fake"] + terms["classifier"]).backward()
    for module in CONFIDENT:
        heads = system.get_submodule(module).own.weight.grad.abs().sum(1)  # type: ignore[union-attr, operator]
        assert (float(heads[2:].sum()) > 0) == row.speaker, module
    gender = system.audio_discriminator.own.weight.grad[:2].abs().sum()
    assert (float(gender) > 0) != row.speaker, "a head is of the gender or of the speaker"
    assert float(system.classifier.own.weight.grad[:2].abs().sum()) > 0


@pytest.mark.parametrize(("name", "row"), ROWS.items())
def test_a_generator_is_judged_by_the_heads_of_its_reference(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, row: StyleSource
) -> None:
    drawing(monkeypatch, row)
    system, asked = make(speaker_chance=1.0), []
    monkeypatch.setattr(
        "methods.xfavot.system.judged", lambda critic, mels, heads: asked.append(heads) or critic(mels)[:, 0]
    )  # type: ignore[func-returns-value]
    system.generate(row.encoder, batch(), step())
    column = batch()["domain" if row.kind is None else f"{row.kind}_{SIDES[row.encoder]}"]
    expected = column["speaker"] + 2 if row.speaker else column["gender"]
    assert asked[0].tolist() == expected.tolist()


def test_without_speaker_domains_no_speaker_is_asked(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    system, asked = make(speaker_domains=False, speaker_chance=1.0), []
    monkeypatch.setattr(
        "methods.xfavot.system.judged", lambda critic, mels, heads: asked.append(heads) or critic(mels)[:, 0]
    )  # type: ignore[func-returns-value]
    for guide in PASSES:
        system(f"discriminate_{guide}", batch(), step())
    assert max(int(heads.max()) for heads in asked) <= 1
    assert len(asked) == 6


def test_real_voices_are_judged_by_either_of_their_heads(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing(monkeypatch, ROWS["only_seen"])
    kinds = set()
    for seed in range(12):
        system, asked = make(), []
        monkeypatch.setattr("methods.xfavot.system.judged", lambda c, m, heads, a=asked: a.append(heads) or c(m)[:, 0])
        system.discriminate("image_style_encoder", batch(), step(seed=seed))
        voice = batch()["voice"]
        speaker = asked[0].tolist() == (voice["speaker"] + 2).tolist()
        assert speaker or asked[0].tolist() == voice["gender"].tolist()
        kinds.add(speaker)
    assert kinds == {True, False}


# ------------------------------------------------------------------------------------------- the objective, written out


@pytest.mark.parametrize("norm", ["l1", "hinge"])
def test_terms_of_the_generators_are_their_equations(make: Make, monkeypatch: pytest.MonkeyPatch, norm: str) -> None:
    drawing(monkeypatch, ROWS["paired_voice"])
    system = make(speaker_chance=1.0, norm=norm)
    s = system.settings
    given = system.given("audio_style_encoder", batch(), step())
    terms = system.generate("audio_style_encoder", batch(), step())
    gi, ga, ei, ea = (
        system.get_submodule(n)
        for n in ("image_generator", "audio_generator", "image_style_encoder", "audio_style_encoder")
    )
    x, m, (style, other) = given.face, given.mel, given.styles
    assert given.target_speaker is not None
    fake = gi(x, style)
    d = system.image_discriminator(fake, given.target_gender)
    expected = {
        "image_adversarial": -torch.log(torch.sigmoid(d)).mean(),
        "image_style": (ei(fake, given.target_gender) - style).abs().mean() * s.lambda_sty,
        "image_diversity": -s.lambda_ds * (1 - 20 / s.ds_decay) * (fake - gi(x, other)).abs().mean(),
        "image_cycle": s.lambda_cyc * (gi(fake, ei(x, given.face_gender)) - x).abs().mean(),
    }
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, rtol=1e-4, atol=1e-6, msg=name)
    system = make(speaker_chance=1.0, norm=norm, auxiliary_train_mode=False)
    terms = system.generate("audio_style_encoder", batch(), step())
    gi, ga, ea = system.image_generator, system.audio_generator, system.audio_style_encoder
    heard = system.f0_network(m)
    fake = ga(m, style, heard.features)
    said = system.f0_network(fake)
    logits = system.audio_discriminator(fake).gather(1, 2 + given.target_speaker[:, None])
    cls = system.classifier(fake)
    loud = [torch.log(torch.linalg.vector_norm(torch.exp(4 * v - 4), dim=2)) for v in (fake, m)]
    gap = (loud[0] - loud[1]).abs()
    ce = 0.0
    for head, wanted, source in (
        (slice(0, 2), given.target_gender, given.gender),
        (slice(2, None), given.target_speaker, given.speaker),
    ):
        rows = [i for i in range(4) if wanted[i] != source[i]]
        ce += sum(F.cross_entropy(cls[i : i + 1, head], wanted[i : i + 1]) for i in rows) / max(1, len(rows))
    curves = [reading.f0 / reading.f0.mean(1, keepdim=True) for reading in (said, heard)]
    expected = {
        "audio_adversarial": -torch.log(torch.sigmoid(logits.clamp(-10, 10))).mean() * s.lambda_adv,
        "audio_style": s.lambda_sty * (ea(fake, given.target_gender) - style).abs().mean(),
        "audio_diversity": -s.lambda_ds * (fake - ga(m, other, heard.features)).abs().mean(),
        "audio_cycle": s.lambda_cyc * (ga(fake, ea(m, given.gender), said.features) - m).abs().mean(),
        "audio_asr": s.lambda_asr * F.smooth_l1_loss(system.asr_network(fake), system.asr_network(m)),
        "audio_f0": s.lambda_f0 * (curves[0] - curves[1]).abs().mean(),
        "audio_norm": gap.mean() if norm == "l1" else ((gap - 0.5).clamp(min=0) ** 2).mean(),
        "audio_classifier": s.lambda_adv_cls * ce,
    }
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], torch.as_tensor(value), rtol=1e-4, atol=1e-6, msg=name)
    assert set(terms) == set(expected) | {f"image_{n}" for n in ("adversarial", "style", "diversity", "cycle")}


def test_terms_of_the_discriminators_are_their_equations(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing(monkeypatch, ROWS["only_seen"])
    system = make(speaker_chance=0.0, auxiliary_train_mode=False)
    terms = system.discriminate("image_style_encoder", batch(), step())
    given = system.given("image_style_encoder", batch(), step())
    x, m, style = given.face, given.mel, given.styles[0]
    assert given.target_speaker is None
    fake = system.image_generator(x, style)
    said = system.audio_generator(m, style, system.f0_network(m).features)

    def penalty(logit: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
        total = torch.zeros(())
        for i in range(len(rows)):
            row = rows[i : i + 1].detach().requires_grad_()
            (gradient,) = torch.autograd.grad(logit(row).sum(), row)
            total = total + gradient.square().sum() / 2
        return total / len(rows)

    real = torch.stack([system.image_discriminator(x[i : i + 1], given.face_gender[i : i + 1])[0] for i in range(4)])
    heard = system.audio_discriminator(m).gather(1, given.gender[:, None])
    false = system.audio_discriminator(said).gather(1, given.target_gender[:, None])
    rows = [i for i in range(4) if given.gender[i] != given.target_gender[i]]
    cls = system.classifier(said)[:, :2]
    ce = sum(F.cross_entropy(cls[i : i + 1], given.gender[i : i + 1]) for i in rows) / max(1, len(rows))
    sides = [
        sum(
            penalty(lambda r, i=i: system.image_discriminator(r, given.face_gender[i : i + 1]), x[i : i + 1])
            for i in range(4)
        )
        / 4,
        sum(penalty(lambda r, i=i: system.audio_discriminator(r)[:, given.gender[i]], m[i : i + 1]) for i in range(4))
        / 4,
    ]
    expected = {
        "image_real": -torch.log(torch.sigmoid(real)).mean(),
        "image_fake": -torch.log(1 - torch.sigmoid(system.image_discriminator(fake, given.target_gender))).mean(),
        "image_r1": sides[0],
        "audio_real": -torch.log(torch.sigmoid(heard.clamp(-10, 10))).mean(),
        "audio_fake": -torch.log(1 - torch.sigmoid(false.clamp(-10, 10))).mean(),
        "audio_r1": sides[1],
        "classifier": 0.05 * torch.as_tensor(ce),
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], torch.as_tensor(value), rtol=1e-4, atol=1e-6, msg=name)


def test_the_classifier_starts_late(make: Make) -> None:
    system = make()
    assert "classifier" not in system.discriminate_latent(batch(), step(9))
    assert "audio_classifier" not in system.generate_latent(batch(), step(9))
    assert "classifier" in system.discriminate_latent(batch(), step(10))
