"""StarGANv2 as a system: what a step sees, learns and moves; what translation depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.starganv2.system import StarGANv2, StarGANv2Settings
from benchmark.errors import BenchmarkError
from benchmark.registry import parse_system
from benchmark.runner.systems import build, is_learnt, parameters
from benchmark.settings import PROFILES, load_profile
from benchmark.system import FixedPartner, Step
from benchmark.training.checkpoint import load_trained, read
from benchmark.training.ema import Ema
from benchmark.training.loop import TrainSettings, check_phases, train
from benchmark.training.optimisers import Optimisers

SMALL = StarGANv2Settings(size=32, width=4, max_width=8, hidden=8, style=6, latent=5, batch=4)
IMAGE, LATENT = "image_guided_translation", "latent_guided_translation"


def make(**changes: Any) -> StarGANv2:
    torch.manual_seed(0)
    return StarGANv2(replace(SMALL, **changes))


def step(index: int = 0, seed: int = 0) -> Step:
    return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def faces(rows: int, seed: int, size: int = 128) -> Tensor:
    return torch.rand(rows, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def batch() -> dict[str, dict[str, Tensor]]:
    genders = {"source": [0, 1, 0, 1], "reference": [1, 1, 0, 0], "partner": [1, 1, 0, 0]}
    return {
        name: {"face128": faces(4, i), "gender": torch.tensor(codes)} for i, (name, codes) in enumerate(genders.items())
    }


# ------------------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("name", "value"), [("size", 0), ("width", -4), ("latent", 0), ("style", 0), ("hidden", 0), ("batch", 0)]
)
def test_sizes_that_no_network_can_have_are_refused(name: str, value: int) -> None:
    with pytest.raises(BenchmarkError, match=f"{name} = {value} in the StarGANv2 settings; at least"):
        replace(SMALL, **{name: value})


def test_a_chance_is_between_0_and_1() -> None:
    with pytest.raises(BenchmarkError, match=r"crop_chance = 7\.0 in the StarGANv2 settings"):
        StarGANv2Settings(crop_chance=7.0)


def test_defaults_are_the_official_ones() -> None:
    s = StarGANv2Settings()
    assert (s.batch, s.lr, s.mapping_lr, s.beta1, s.beta2, s.weight_decay) == (8, 1e-4, 1e-6, 0.0, 0.99, 1e-4)
    assert (s.lambda_reg, s.lambda_sty, s.lambda_ds, s.lambda_cyc, s.ds_decay) == (1.0, 1.0, 1.0, 1.0, 100_000)
    assert (s.crop_chance, s.latent, s.style, s.hidden, s.ema) == (0.5, 16, 64, 512, 0.999)
    assert (s.ema_from_initial, s.fixed_partners, s.step_encoder_on_reference) == (True, True, False)
    assert (s.hpf_shortcut, s.cycle_mask_from_fake, s.ds_overshoot, s.clean_second_mask) == (False, True, True, False)
    system = make()
    assert {name: (o.modules, o.kind, o.lr) for name, o in system.optimizers().items()} == {
        "generator": (("generator",), "adam", 1e-4),
        "mapping_network": (("mapping_network",), "adam", 1e-6),
        "style_encoder": (("style_encoder",), "adam", 1e-4),
        "discriminator": (("discriminator",), "adam", 1e-4),
    }
    assert all(
        o.options == {"betas": (0.0, 0.99), "weight_decay": 1e-4} and o.clip is None and o.schedule is None
        for o in system.optimizers().values()
    )


def test_the_paper_s_profile_is_the_official_network_at_128_pixels() -> None:
    assert parameters("starganv2", load_profile("paper")) == {
        "generator": 33_632_003,
        "mapping_network": 2_438_272,
        "style_encoder": 20_799_744,
        "discriminator": 20_735_106,
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_builds_a_network_that_can_be_trained(profile: str) -> None:
    loaded = load_profile(profile)
    for name in ("starganv2", "gender_only:starganv2"):
        assert is_learnt(parse_system(name), loaded)
    with torch.device("meta"):
        check_phases(build(parse_system("starganv2"), loaded), 1)
    if profile in ("tiny", "pocket"):
        assert max(parameters("starganv2", loaded).values()) < 2_000_000


# -------------------------------------------------------------------------------------------------------------- a step


def test_all_phases_of_a_step_see_the_same_pictures_and_latents() -> None:
    system, seen = make(), []

    def spy(*arguments: Any) -> Any:
        seen.append(StarGANv2.draw_inputs(system, *arguments))
        return seen[-1]

    system.draw_inputs = spy  # type: ignore[method-assign]
    for phase in system.phases():
        system(phase.name, batch(), step(3, seed=11))
    assert len(seen) == 4
    for other in seen[1:]:
        for mine, theirs in zip(
            (seen[0].x, seen[0].y, *seen[0].references, seen[0].y_target, *seen[0].latents),
            (other.x, other.y, *other.references, other.y_target, *other.latents),
            strict=True,
        ):
            assert torch.equal(mine, theirs)
    first = seen[0]
    assert (first.x.shape, first.latents[0].shape) == ((4, 3, 32, 32), (4, 5))
    assert not torch.equal(*first.latents)
    assert first.y.tolist() == [0, 1, 0, 1]
    assert first.y_target.tolist() == [1, 1, 0, 0]  # the reference's, also where it is the source's own


def test_terms_are_the_official_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each phase computed once more, straight from the definitions."""
    system, given = make(lambda_reg=0.7, lambda_sty=0.6, lambda_ds=0.5, lambda_cyc=0.4), batch()
    g, f, e, d = system.generator, system.mapping_network, system.style_encoder, system.discriminator
    s = system.draw_inputs(given, step(seed=5))
    for mode, style, other in (
        ("latent", f(s.latents[0], s.y_target), f(s.latents[1], s.y_target)),
        ("reference", e(s.references[0], s.y_target), e(s.references[1], s.y_target)),
    ):
        x = s.x.clone().requires_grad_()
        real, fake = d(x, s.y), g(s.x, style)
        (slope,) = torch.autograd.grad(real.sum(), x)
        terms = system(f"discriminator_{mode}", given, step(50_000, seed=5))
        assert list(terms) == ["real", "fake", "r1"]
        torch.testing.assert_close(terms["real"], -F.logsigmoid(real).mean())
        torch.testing.assert_close(terms["fake"], -F.logsigmoid(-d(fake, s.y_target)).mean())
        torch.testing.assert_close(terms["r1"], 0.7 * slope.square().sum() / 8)
        terms = system(f"generator_{mode}", given, step(50_000, seed=5))
        assert list(terms) == ["adversarial", "style", "diversity", "cycle"]
        torch.testing.assert_close(terms["adversarial"], -F.logsigmoid(d(fake, s.y_target)).mean())
        torch.testing.assert_close(terms["style"], 0.6 * (e(fake, s.y_target) - style).abs().mean())
        torch.testing.assert_close(terms["diversity"], -0.25 * (fake - g(s.x, other)).abs().mean())  # half decayed
        torch.testing.assert_close(terms["cycle"], 0.4 * (g(fake, e(s.x, s.y)) - s.x).abs().mean())


def moved(system: StarGANv2, phase: str) -> set[str]:
    """Modules whose weights a phase changes."""
    from lightning.fabric import Fabric

    optimisers = Optimisers(system, Fabric(accelerator="cpu", devices=1))
    (chosen,) = (p for p in system.phases() if p.name == phase)
    before = {name: p.detach().clone() for name, p in system.named_parameters()}
    optimisers.focus(chosen.steps)
    torch.stack(list(system(phase, batch(), step()).values())).sum().backward()
    optimisers.step(chosen.steps, 0, optimisers.norms(chosen.steps))
    return {name.split(".")[0] for name, p in system.named_parameters() if not torch.equal(p, before[name])}


@pytest.mark.parametrize(
    ("phase", "changes", "modules"),
    [
        ("discriminator_latent", {}, {"discriminator"}),
        ("discriminator_reference", {}, {"discriminator"}),
        ("generator_latent", {}, {"generator", "mapping_network", "style_encoder"}),
        ("generator_reference", {}, {"generator"}),  # quirk Q19a
        ("generator_reference", {"step_encoder_on_reference": True}, {"generator", "style_encoder"}),
    ],
)
def test_phases_move_what_they_should(phase: str, changes: dict[str, bool], modules: set[str]) -> None:
    assert moved(make(lr=1e-2, mapping_lr=1e-2, **changes), phase) == modules


def test_every_parameter_gets_a_gradient_somewhere() -> None:
    system = make()
    for phase in system.phases():
        torch.stack(list(system(phase.name, batch(), step()).values())).sum().backward()
    for name, parameter in system.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.any()), name


def test_the_domain_that_no_row_has_gets_a_gradient_of_zero() -> None:
    system, given = make(), batch()
    for column in given.values():
        column["gender"] = torch.zeros(4, dtype=torch.int64)
    for phase in system.phases():
        torch.stack(list(system(phase.name, given, step()).values())).sum().backward()
    for layer in (*system.mapping_network.own, system.style_encoder.own, system.discriminator.own):
        for parameter in layer.parameters():  # type: ignore[union-attr]
            assert parameter.grad is not None
            assert bool(parameter.grad[0].any())
            assert not bool(parameter.grad[1].any())


@pytest.mark.parametrize("from_initial", [True, False])
def test_averages_start_from_weights_that_no_network_has(from_initial: bool) -> None:
    """Quirk Q17: PyTorch's own first weights, uniform, within 1 / sqrt(fan_in); the networks have He's."""
    system = make(ema_from_initial=from_initial, hidden=64)
    averages = Ema(system).modules
    assert list(averages) == ["generator", "mapping_network", "style_encoder"]
    for name, average in averages.items():
        live = dict(system.get_submodule(name).named_parameters())
        for key, parameter in average.named_parameters():
            if "norm" not in key and not key.startswith("head.0"):
                assert torch.equal(parameter, live[key]) != from_initial, key
    own = averages["mapping_network"].get_parameter("own.0.weight")
    assert (float(own.detach().abs().max()) <= 1 / 8) == from_initial
    assert not [name for name in system.state_dict() if "initial" in name]


def test_the_partner_is_fixed_unless_it_is_to_be_drawn() -> None:
    columns = make().draws()["faces"].columns
    assert isinstance(columns["partner"], FixedPartner)
    assert (columns["source"].balance, columns["reference"].balance) == ("gender", "gender")
    drawn = make(fixed_partners=False).draws()["faces"].columns["partner"]
    assert not isinstance(drawn, FixedPartner)
    assert drawn.same_gender == "reference"


# ----------------------------------------------------------------------------------------------------- a whole training


def run(speech_store: Callable[..., Any], folder: Path, stops: list[int], **changes: Any) -> tuple[dict[str, Any], str]:
    """Train to each of `stops` in turn -> (last checkpoint, the log's last line without times)."""
    store = speech_store(train=6, unseen=2, name=folder.name)
    for stop in stops:
        system = make(ds_decay=6, lambda_ds=5.0, lr=1e-3, ema=0.9, **changes)
        result = train(system, [store], folder, TrainSettings(steps=stop, save_every=2, log_every=1, device="cpu"))
    return read(result.checkpoint), (folder / "train.jsonl").read_text().splitlines()[-1].split('"steps_per_s"')[0]


def test_a_resumed_training_is_the_uninterrupted_one(speech_store: Callable[..., Any], tmp_path: Path) -> None:
    """Weights, averages and the falling weight of diversity: the official code starts the latter again."""
    whole, line = run(speech_store, tmp_path / "whole", [5])
    pieces, same = run(speech_store, tmp_path / "pieces", [1, 3, 5])
    assert line == same
    for part in ("model", "ema"):
        flat = whole[part] if part == "model" else {f"{m}.{k}": v for m, s in whole[part].items() for k, v in s.items()}
        other = (
            pieces[part] if part == "model" else {f"{m}.{k}": v for m, s in pieces[part].items() for k, v in s.items()}
        )
        for name, tensor in flat.items():
            assert torch.equal(tensor, other[name]), name


def test_training_and_loading_give_the_averages(speech_store: Callable[..., Any], tmp_path: Path) -> None:
    state, _ = run(speech_store, tmp_path / "run", [2])
    system = make(ds_decay=6, lambda_ds=5.0, lr=1e-3, ema=0.9)
    load_trained(system, tmp_path / "run" / "step-000000002.pt")
    for name in ("generator", "mapping_network", "style_encoder"):
        for key, tensor in system.get_submodule(name).state_dict().items():
            assert torch.equal(tensor, state["ema"][name][key])
    assert torch.equal(system.discriminator.own.weight, state["model"]["discriminator.own.weight"])


def test_the_gender_only_control_trains(speech_store: Callable[..., Any], tmp_path: Path) -> None:
    state, line = run(speech_store, tmp_path / "run", [2], reference="gender")
    assert state["model"]["style_encoder.table.weight"].shape == (2, 6)
    assert '"generator_reference/diversity": -0.0,' in line or '"generator_reference/diversity": 0.0,' in line


# --------------------------------------------------------------------------------------------------------- translation


def translate(system: StarGANv2, task: str, rows: int = 4, size: int = 128, **changes: Tensor) -> Tensor:
    reference: Mapping[str, Tensor] = {"gender": torch.tensor([0, 1, 1, 0])[:rows]}
    if task == IMAGE:
        reference = {**reference, "face128": faces(rows, 2, size)}
    source = {"face128": faces(rows, 1, size), "gender": torch.zeros(rows, dtype=torch.int64)}
    with torch.no_grad():
        return system.eval().translate(
            task,
            source,
            {**reference, **changes},
            torch.arange(rows) + 7 if "seeds" not in changes else changes["seeds"],
        )


@pytest.mark.parametrize("task", [IMAGE, LATENT])
@pytest.mark.parametrize("reference", ["face", "gender"])
def test_rows_depend_on_themselves_alone(task: str, reference: str) -> None:
    system = make(reference=reference)
    together = translate(system, task)
    assert together.shape == (4, 3, 32, 32)
    assert float(together.abs().max()) <= 1
    source, shown, gender = faces(4, 1), faces(4, 2), torch.tensor([0, 1, 1, 0])
    for i in range(4):
        row = slice(i, i + 1)
        column = {"gender": gender[row]} | ({"face128": shown[row]} if task == IMAGE else {})
        with torch.no_grad():
            alone = system.translate(task, {"face128": source[row]}, column, torch.tensor([7 + i]))
        torch.testing.assert_close(alone[0], together[i], atol=1e-5, rtol=1e-5)


def test_latent_guided_rows_follow_their_seed_and_image_guided_ones_do_not() -> None:
    system = make()
    first, second = torch.tensor([7, 8, 9, 10]), torch.tensor([7, 8, 99, 10])
    one, two = translate(system, LATENT, seeds=first), translate(system, LATENT, seeds=second)
    assert torch.equal(one[[0, 1, 3]], two[[0, 1, 3]])
    assert not torch.allclose(one[2], two[2])
    assert torch.equal(translate(system, IMAGE, seeds=first), translate(system, IMAGE, seeds=second))
    z = torch.randn(5, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        style = system.mapping_network(z[None], torch.tensor([1]))
        expected = system.generator(system.resize(faces(4, 1)[2:3]), style).clamp(-1, 1)
    torch.testing.assert_close(one[2:3], expected, atol=1e-5, rtol=1e-5)


def test_image_guided_rows_follow_picture_and_gender_of_the_reference() -> None:
    system = make()
    plain = translate(system, IMAGE)
    assert not torch.allclose(plain, translate(system, IMAGE, face128=faces(4, 3)))
    assert not torch.allclose(plain, translate(system, IMAGE, gender=torch.tensor([1, 0, 0, 1])))


def test_the_gender_only_control_sees_the_gender_and_nothing_else() -> None:
    system = make(**(StarGANv2.gender_only or {}))
    plain = translate(system, IMAGE)
    assert torch.equal(plain, translate(system, IMAGE, face128=faces(4, 3)))
    assert not torch.allclose(plain, translate(system, IMAGE, gender=torch.tensor([1, 0, 0, 1])))


@pytest.mark.parametrize("task", [IMAGE, LATENT])
def test_an_unknown_gender_is_told(task: str) -> None:
    with pytest.raises(BenchmarkError, match="unknown gender"):
        translate(make(), task, gender=torch.tensor([0, 1, -1, 0]))


def test_pictures_of_another_size_are_resized_and_those_of_its_own_left() -> None:
    system = make()
    own = faces(2, 1, 32)
    assert system.resize(own) is own
    assert system.resize(faces(2, 1, 16)).shape == (2, 3, 32, 32)
    expected = F.interpolate(faces(2, 1), size=(32, 32), mode="bilinear", antialias=True)
    assert torch.equal(system.resize(faces(2, 1)), expected)


def test_masks_go_to_the_generator_and_those_of_the_way_back_are_the_fake_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """With w_hpf > 0; the heat maps here are the pictures' own brightness, so that they say where they are from."""

    class Brightness(torch.nn.Module):
        def heatmaps(self, x: Tensor) -> tuple[Tensor, Tensor]:
            mask = x.mean(1, keepdim=True).clamp(0, 1)
            return mask, mask

    monkeypatch.setattr("baselines.starganv2.system.wing", lambda clean: Brightness())
    given = batch()
    for from_fake in (True, False):
        system = make(w_hpf=1.0, cycle_mask_from_fake=from_fake)
        assert system.upstream == {"wing"}
        s, calls = system.draw_inputs(given, step()), []
        system.generator.register_forward_pre_hook(lambda _, arguments, calls=calls: calls.append(arguments))
        system("generator_latent", given, step())
        (x, _, masks), (_, _, other), (fake, _, back) = calls
        assert torch.equal(x, s.x)
        assert torch.equal(masks[0], s.x.mean(1, keepdim=True).clamp(0, 1))
        assert torch.equal(masks[0], other[0])
        shown = fake if from_fake else s.x
        assert torch.equal(back[0], shown.mean(1, keepdim=True).clamp(0, 1))
        assert not back[0].requires_grad
