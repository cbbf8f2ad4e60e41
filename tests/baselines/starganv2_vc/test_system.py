"""StarGANv2-VC as a system: what a step sees, learns and moves; what translation depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.starganv2_vc.system import StarGANv2VC, StarGANv2VCSettings, cycled_betas
from baselines.starganv2_vc.transforms import draw_transform
from benchmark.errors import BenchmarkError
from benchmark.media.mel import log_mel, turned_down
from benchmark.registry import parse_system
from benchmark.runner.systems import build, is_learnt, parameters
from benchmark.settings import PROFILES, load_profile
from benchmark.stargan.voice_losses import loudness
from benchmark.system import Step
from benchmark.training.attributes import attributes, changed_attributes
from benchmark.training.ema import Ema
from benchmark.training.loop import check_phases
from benchmark.training.optimisers import Optimisers
from benchmark.training.provenance import module_sha256

pytestmark = pytest.mark.usefixtures("small_networks")

Make = Callable[..., StarGANv2VC]


def step(index: int = 0, seed: int = 0) -> Step:
    return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def mels(rows: int, seed: int, frames: int = 80) -> Tensor:
    return torch.randn(rows, 1, 80, frames, generator=torch.Generator().manual_seed(seed)) - 0.5


def batch() -> dict[str, dict[str, Tensor]]:
    speakers = {"source": [0, 1, 2, 3], "reference": [0, 4, 1, 3], "partner": [0, 4, 1, 3]}
    return {
        name: {"mel80": mels(4, i), "speaker": torch.tensor(codes), "gender": torch.tensor(codes) % 2}
        for i, (name, codes) in enumerate(speakers.items())
    }


# ------------------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"width": 0}, "width = 0 in the StarGANv2-VC settings; at least 1"),
        ({"hidden": 0}, "hidden = 0"),
        ({"batch": -1}, "batch = -1"),
        ({"cycle_momentum": -1}, "cycle_momentum = -1 in the StarGANv2-VC settings; at least 0"),
        ({"classifier_start": -1}, "classifier_start = -1"),
        ({"crop": 76}, "crop = 76 mel frames"),
        ({"crop": 82}, "a multiple of 4, at least 80"),
        ({"least_gain": 0.0}, r"least_gain = 0\.0"),
        ({"least_gain": 1.5}, r"least_gain = 1\.5"),
        ({"reference": "gender"}, 'needs domains = "gender"'),
    ],
)
def test_what_no_network_can_be_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BenchmarkError, match=told):
        StarGANv2VCSettings(**{"width": 4, "max_width": 8, "hidden": 8, "crop": 80, **changes})


def test_defaults_are_the_official_ones(make: Make) -> None:
    s = StarGANv2VCSettings()
    assert (s.batch, s.crop, s.lr, s.mapping_lr, s.beta1, s.beta2) == (5, 192, 1e-4, 2e-6, 0.0, 0.99)
    assert (s.eps, s.weight_decay, s.ema, s.least_gain, s.norm_bias) == (1e-9, 1e-4, 0.999, 0.5, 0.5)
    assert (s.width, s.max_width, s.hidden, s.style, s.latent) == (64, 512, 512, 64, 16)
    weights = {name.removeprefix("lambda_"): getattr(s, name) for name in vars(s) if name.startswith("lambda_")}
    assert weights == {
        **{"adv": 2.0, "sty": 1.0, "cyc": 5.0, "ds": 1.0, "norm": 1.0, "asr": 10.0, "f0": 5.0, "f0_sty": 0.1},
        **{"adv_cls": 0.5, "cls": 0.1, "reg": 1.0, "con_reg": 10.0},
    }
    assert (s.cycle_momentum, s.classifier_start, s.consistency_start) == (81_750, 26_705, 15_805)
    assert (s.domains, s.reference, s.f0_network, s.asr_network) == ("speaker", "voice", "published", "published")
    assert s.auxiliary_train_mode
    assert s.extra_f0_block
    assert s.fixed_shuffle
    assert not s.step_encoder_on_reference
    options = {"betas": (0.0, 0.99), "eps": 1e-9, "weight_decay": 1e-4}
    for name, o in make().optimizers().items():
        assert (o.modules, o.kind, o.clip, o.schedule, o.options) == ((name,), "adamw", None, None, options)
        assert o.lr == (2e-6 if name == "mapping_network" else 1e-4)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_builds_networks_that_can_be_trained(profile: str) -> None:
    loaded = load_profile(profile)
    for name in ("starganv2_vc", "starganv2_vc:one_shot", "gender_only:starganv2_vc:one_shot"):
        assert is_learnt(parse_system(name), loaded)
        with torch.device("meta"):
            check_phases(build(parse_system(name), loaded), 1)


def test_of_unknown_speakers_there_are_the_official_twenty() -> None:
    counted = parameters("starganv2_vc", load_profile("paper"))
    official = {"mapping_network": 17_212_672, "style_encoder": 14_426_816, "discriminator": 27_560_872}
    assert official.items() <= counted.items()
    assert parameters("starganv2_vc:one_shot", load_profile("paper"))["style_encoder"] == 13_835_840


@pytest.mark.parametrize("steps", [4, 81_750])
def test_betas_cycle_as_pytorch_s_scheduler_lets_them(steps: int) -> None:
    """The official call of OneCycleLR (optimizers.py), step by step."""
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1e-4, betas=(0.0, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=1e-4, epochs=1, steps_per_epoch=steps, pct_start=0.0, div_factor=1, final_div_factor=1
    )
    checked = set(np.linspace(0, steps - 1, 4, dtype=int).tolist())
    for i in range(min(steps, 2000) if steps > 10 else steps):
        group = optimiser.param_groups[0]
        if i in checked or steps < 10:
            assert group["betas"] == pytest.approx(cycled_betas(i, steps, 0.99), abs=1e-12)
            assert group["lr"] == pytest.approx(1e-4)
        if i < steps - 1:
            optimiser.step()
            schedule.step()
    assert cycled_betas(steps - 1, steps, 0.99) == pytest.approx((0.95, 0.99))
    assert cycled_betas(steps + 100, steps, 0.99) == pytest.approx((0.95, 0.99))


def test_betas_stay_as_written_where_momentum_is_not_cycled(make: Make) -> None:
    assert all(o.betas is None for o in make(cycle_momentum=0).optimizers().values())
    betas = make(cycle_momentum=8).optimizers()["generator"].betas
    assert betas is not None
    assert betas(3) == pytest.approx((0.9, 0.99))


def test_draws_are_of_domains(make: Make) -> None:
    columns = make().draws()["voices"].columns
    assert list(columns) == ["source", "reference", "partner"]
    assert (columns["source"].balance, columns["reference"].balance) == (None, None)
    assert columns["partner"].same_speaker == "reference"
    assert all(c.crop == 80 and c.features == ("mel80",) for c in columns.values())
    columns = make(domains="gender").draws()["voices"].columns
    assert (columns["source"].balance, columns["reference"].balance) == ("gender", "gender")
    assert columns["partner"].same_gender == "reference"


# -------------------------------------------------------------------------------------------------------------- a step


def test_all_phases_of_a_step_see_the_same_mels_and_latents(make: Make) -> None:
    system, seen = make(), []

    def spy(*arguments: Any) -> Any:
        seen.append(StarGANv2VC.draw_inputs(system, *arguments))
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
    assert (first.x.shape, first.latents[0].shape) == ((4, 1, 80, 80), (4, 5))
    assert not torch.equal(*first.latents)
    assert (first.y.tolist(), first.y_target.tolist()) == ([0, 1, 2, 3], [0, 4, 1, 3])
    assert make(domains="gender").draw_inputs(batch(), step()).y_target.tolist() == [0, 0, 1, 1]


def test_recordings_are_turned_down_each_by_itself(make: Make) -> None:
    given = batch()
    drawn = make().draw_inputs(given, step())
    gains = []
    for mel, column in zip((drawn.x, *drawn.references), given.values(), strict=True):
        gains += (0.5 * (loudness(mel) - loudness(column["mel80"])).mean((1, 2))).exp().tolist()  # powers: twice
    assert len({round(gain, 3) for gain in gains}) == 12
    assert 0.5 <= min(gains) < 0.7
    assert 0.8 < max(gains) <= 1
    assert torch.allclose(make(least_gain=1.0).draw_inputs(given, step()).x, given["source"]["mel80"], atol=1e-5)


def test_a_mel_turned_down_is_the_mel_of_the_wave_turned_down() -> None:
    wave = torch.randn(2, 24_000, generator=torch.Generator().manual_seed(0)) * torch.tensor([[0.1], [0.001]])
    wave[:, 12_000:] = 0
    gain = torch.tensor([0.5, 0.77])
    torch.testing.assert_close(
        turned_down(log_mel(wave), gain[:, None, None, None]), log_mel(gain[:, None] * wave), atol=2e-5, rtol=1e-5
    )


@pytest.mark.parametrize("index", [0, 5, 10])
def test_terms_are_the_official_objective(make: Make, index: int) -> None:
    """Each phase computed once more, straight from the definitions: before and after consistency and classifier."""
    lambdas = dict(
        zip(
            ("adv", "sty", "cyc", "ds", "norm", "asr", "f0", "f0_sty", "adv_cls", "cls", "reg", "con_reg"),
            torch.linspace(0.3, 1.7, 12).tolist(),
            strict=True,
        )
    )
    system = make(auxiliary_train_mode=False, norm_bias=0.1, **{f"lambda_{k}": v for k, v in lambdas.items()})
    given, late = batch(), index >= 10
    g, m, e, d = system.generator, system.mapping_network, system.style_encoder, system.discriminator
    f0, asr, w = system.f0_network, system.asr_network, lambdas
    s = system.draw_inputs(given, step(index, seed=5))
    differ = s.y != s.y_target
    assert differ.tolist() == [False, True, True, False]
    heard = f0(s.x)
    for mode, style, other in (
        ("latent", m(s.latents[0], s.y_target), m(s.latents[1], s.y_target)),
        ("reference", e(s.references[0], s.y_target), e(s.references[1], s.y_target)),
    ):
        x = s.x.clone().requires_grad_()
        real, fake = d(x, s.y), g(s.x, style, heard.features)
        (slope,) = torch.autograd.grad(real.sum(), x)
        expected = {
            "real": -F.logsigmoid(real).mean(),
            "fake": -F.logsigmoid(-d(fake, s.y_target)).mean(),
            "r1": w["reg"] * slope.square().sum() / 8,
        }
        if late:
            expected["classifier"] = w["cls"] * F.cross_entropy(d.classify(fake)[differ], s.y[differ])
        if index >= 5:
            again = step(index, seed=5)
            system.draw_inputs(given, again)  # the transform is drawn after the inputs
            t = draw_transform(80, True, again.generator)
            change = F.smooth_l1_loss(real, d(t(s.x), s.y)) + F.smooth_l1_loss(
                d(fake, s.y_target), d(t(fake), s.y_target)
            )
            if late:
                change = change + F.smooth_l1_loss(d.classify(fake), d.classify(t(fake)))
            expected["consistency"] = w["con_reg"] * change
        terms = system(f"discriminator_{mode}", given, step(index, seed=5))
        torch.testing.assert_close(dict(terms), expected)

        said, back = f0(fake), g(fake, e(s.x, s.y), f0(fake).features)
        another = g(s.x, other, heard.features)
        expected = {
            "adversarial": -w["adv"] * F.logsigmoid(d(fake, s.y_target)).mean(),
            "style": w["sty"] * (e(fake, s.y_target) - style).abs().mean(),
            "diversity": -w["ds"]
            * ((fake - another).abs().mean() + F.smooth_l1_loss(said.features, f0(another).features)),
            "cycle": w["cyc"]
            * (
                (back - s.x).abs().mean()
                + F.smooth_l1_loss(f0(back).pooled, heard.pooled)
                + F.smooth_l1_loss(asr(back), asr(s.x))
            ),
            "norm": w["norm"] * ((loudness(fake) - loudness(s.x)).abs() - 0.1).clamp(min=0).square().mean(),
            "asr": w["asr"] * F.smooth_l1_loss(asr(fake), asr(s.x)),
            "f0": w["f0"] * (said.f0 / said.f0.mean(1)[:, None] - heard.f0 / heard.f0.mean(1)[:, None]).abs().mean(),
        }
        if mode == "reference" and not late:
            level = f0(s.references[0]).f0.mean(1)
            expected["f0_level"] = w["f0_sty"] * (said.f0.mean(1) - level).abs().mean()
        if late:
            expected["classifier"] = w["adv_cls"] * F.cross_entropy(d.classify(fake)[differ], s.y_target[differ])
        terms = system(f"generator_{mode}", given, step(index, seed=5))
        torch.testing.assert_close(dict(terms), expected, atol=1e-5, rtol=1e-4)


def test_a_batch_of_equal_domains_trains_on(make: Make) -> None:
    """The official classifier's loss is NaN then (quirk Q27)."""
    system, given = make(), batch()
    for column in given.values():
        column["speaker"] = torch.tensor([0, 1, 2, 3])
    for phase in system.phases():
        terms = system(phase.name, given, step(10))
        assert terms["classifier"].item() == 0
        assert all(bool(term.isfinite()) for term in terms.values())
        torch.stack(list(terms.values())).sum().backward()


def test_auxiliary_networks_run_in_train_mode_and_do_not_move(make: Make) -> None:
    """Quirk Q22, less the drift of their running statistics."""
    system = make()
    system.train()
    for name in system.upstream:
        system.get_submodule(name).eval()
    hashes = {name: module_sha256(system.get_submodule(name)) for name in system.upstream}
    seen: list[tuple[bool, Tensor]] = []
    norm = system.f0_network.stem.norm
    norm.register_forward_hook(lambda module, _, out: seen.append((module.training, out.mean((0, 2, 3)) - module.bias)))
    before = attributes(system)
    for phase in system.phases():
        system(phase.name, batch(), step())
    assert len(seen) == 2 + 4 + 5
    for training, offset in seen:
        assert training
        torch.testing.assert_close(offset, torch.zeros_like(offset), atol=1e-5, rtol=0)  # the batch's own mean
    assert {name: module_sha256(system.get_submodule(name)) for name in system.upstream} == hashes
    assert changed_attributes(system, before) == []
    assert not system.f0_network.training
    seen.clear()
    make_eval = make(auxiliary_train_mode=False)
    make_eval.f0_network.stem.norm.register_forward_hook(lambda module, _, out: seen.append((module.training, out)))
    make_eval("generator_latent", batch(), step())
    assert not any(training for training, _ in seen)


def moved(system: StarGANv2VC, phase: str, index: int = 0) -> set[str]:
    """Modules whose weights a phase changes, twins of the discriminator apart."""
    from lightning.fabric import Fabric

    optimisers = Optimisers(system, Fabric(accelerator="cpu", devices=1))
    (chosen,) = (p for p in system.phases() if p.name == phase)
    before = {name: p.detach().clone() for name, p in system.named_parameters()}
    optimisers.focus(chosen.steps)
    torch.stack(list(system(phase, batch(), step(index)).values())).sum().backward()
    optimisers.step(chosen.steps, index, optimisers.norms(chosen.steps))
    assert not any(p.grad is not None for name in system.upstream for p in system.get_submodule(name).parameters())
    changed = [name.split(".") for name, p in system.named_parameters() if not torch.equal(p, before[name])]
    return {".".join(parts[:2]) if parts[0] == "discriminator" else parts[0] for parts in changed}


@pytest.mark.parametrize(
    ("phase", "index", "changes", "modules"),
    [
        ("discriminator_latent", 0, {}, {"discriminator.real"}),
        ("discriminator_reference", 10, {}, {"discriminator.real", "discriminator.source"}),
        ("generator_latent", 0, {}, {"generator", "mapping_network", "style_encoder"}),
        ("generator_reference", 10, {}, {"generator"}),  # quirk Q19a
        ("generator_reference", 0, {"step_encoder_on_reference": True}, {"generator", "style_encoder"}),
    ],
)
def test_phases_move_what_they_should(
    make: Make, phase: str, index: int, changes: dict[str, bool], modules: set[str]
) -> None:
    assert moved(make(lr=1e-2, mapping_lr=1e-2, **changes), phase, index) == modules


def test_every_parameter_gets_a_gradient_somewhere(make: Make) -> None:
    system = make()
    for phase in system.phases():
        torch.stack(list(system(phase.name, batch(), step(10)).values())).sum().backward()
    for name, parameter in system.named_parameters():
        if name.split(".")[0] not in system.upstream:
            assert parameter.grad is not None, name
            assert bool(parameter.grad.any()), name


def test_averages_start_as_the_networks(make: Make) -> None:
    """No He initialisation follows the copy here, unlike in StarGANv2 (quirk Q17)."""
    system = make()
    averages = Ema(system).modules
    assert list(averages) == ["generator", "mapping_network", "style_encoder"]
    for name, average in averages.items():
        for key, tensor in average.state_dict().items():
            assert torch.equal(tensor, system.get_submodule(name).state_dict()[key])
