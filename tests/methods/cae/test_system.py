"""CAE as a system: Algorithm 1 term by term, what each step moves, what translation depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.registry import parse_system
from benchmark.runner.shipped import translating
from benchmark.runner.systems import build, is_learnt, parameters
from benchmark.settings import PROFILES, load_profile
from benchmark.system import Step
from benchmark.training.attributes import attributes, changed_attributes
from benchmark.training.loop import check_phases
from benchmark.training.optimisers import Optimisers
from benchmark.training.provenance import module_sha256
from benchmark.upstream.face_embedding.network import FaceTrunk
from methods.cae.system import CAE, CAESettings

pytestmark = pytest.mark.usefixtures("small_voice")

Make = Callable[..., CAE]
SPEAKERS = 5
TASK = "face_from_voice"


def step(index: int = 0, seed: int = 0) -> Step:
    return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def batch(rows: int = 4, dtype: torch.dtype = torch.float32) -> dict[str, dict[str, Tensor]]:
    """A draw: `face` and `own_voice` of A, `target` and `voice` of B."""
    generator = torch.Generator().manual_seed(3)
    a = torch.arange(rows) % SPEAKERS
    people = {"face": a, "own_voice": a, "voice": (a + 1) % SPEAKERS, "target": (a + 1) % SPEAKERS}
    media = {
        "face128": lambda: F.interpolate(torch.rand(rows, 3, 16, 16, generator=generator) * 2 - 1, 128),
        "mel64": lambda: torch.randn(rows, 1, 64, 40, generator=generator),
    }
    return {
        name: {
            (key := "mel64" if "voice" in name else "face128"): media[key]().to(dtype),
            "speaker": who,
            "gender": who % 2,
        }
        for name, who in people.items()
    }


def total(terms: Any) -> Tensor:
    return torch.stack(list(terms.values())).sum()


# ----------------------------------------------------------------------------------------------------------- settings


def test_defaults_are_the_papers(make: Make) -> None:
    s = CAESettings()
    assert (s.lambda_input, s.lambda_target, s.lambda_class, s.lambda_adversarial, s.lambda_cycle) == (1, 10, 1, 1, 10)
    assert (s.batch, s.lr, s.beta1, s.beta2) == (1, 2e-4, 0.5, 0.999)
    assert (s.widths, s.n_pool, s.up_widths, s.up_kernel, s.norm) == ((64, 128, 256, 512), 4, "same", 3, "bn1")
    assert (s.gate, s.gate_granularity, s.gate_bias_init, s.l1_reduction) == ("transposed", "weight", 0.0, "mean")
    assert (s.reference, s.embedding_length) == ("voice", 1.0)
    assert (s.trunk_kernel, s.trunk_last_activation, s.head_bias, s.share_trunk) == (3, True, True, True)
    for o in make().optimizers().values():
        assert (o.kind, o.lr, o.options, o.schedule, o.clip) == ("adam", 2e-4, {"betas": (0.5, 0.999)}, None, None)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_builds_networks_that_can_be_trained(profile: str) -> None:
    loaded = load_profile(profile)
    for name in ("cae", "cae:ungated", "gender_only:cae"):
        assert is_learnt(parse_system(name), loaded)
        with torch.device("meta"):
            check_phases(build(parse_system(name), loaded), 1)


def test_sizes_under_the_papers_profile() -> None:
    found = parameters("cae", load_profile("paper"))
    assert found["controller"] == 203_673_600
    assert found["trunk"] == 2_092_160
    assert (found["discriminator"], found["classifier"]) == (65, 65 * 924)
    assert found["scaffold"] == 11_805_251
    assert "controller" not in parameters("cae:ungated", load_profile("paper"))
    assert parameters("gender_only:cae", load_profile("paper"))["voice_network"] == 2 * 64


def test_pocket_is_shrunken() -> None:
    for name, count in parameters("cae", load_profile("pocket")).items():
        assert count <= 2_100_000, name


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"crop": 10, "least_crop": 20}, "crops 20 to 10 frames"),
        ({"least_crop": 0}, "1 <= least_crop"),
        ({"batch": 0}, "batch = 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(make: Make, bad: dict[str, Any], told: str) -> None:
    with pytest.raises(BenchmarkError, match=told):
        make(**bad)


def test_pairs_are_of_two_people_who_are_seen_and_heard(make: Make) -> None:
    (draw,) = make().draws().values()
    c = draw.columns
    assert list(c) == ["own_voice", "face", "voice", "target"]
    assert all(pick.pool == "paired" for pick in c.values())
    assert c["voice"].other_speaker == "own_voice"
    assert (c["target"].same_speaker, c["face"].same_speaker) == ("voice", "own_voice")
    assert make(gate="none").draws() == make().draws()  # a control sees the very batches


# --------------------------------------------------------------------------------------------------------- Algorithm 1


def test_the_phases_are_those_of_algorithm_1(make: Make) -> None:
    phases = make().phases()
    assert [(p.name, p.steps) for p in phases] == [
        ("discriminate", ("discriminator",)),
        ("classify", ("classifier",)),
        ("generate", ("generator",)),
    ]
    assert {(p.draw, p.start, p.stop, p.accumulate) for p in phases} == {("pairs", 0, None, 1)}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_terms_are_algorithm_1(make: Make, reduction: str) -> None:
    """Written from the paper's text, one pair at a time, with probabilities where it has them."""
    weights = dict(zip(("input", "target", "class", "adversarial", "cycle"), (0.7, 3.0, 1.3, 0.9, 5.0), strict=True))
    lambdas = {f"lambda_{name}": w for name, w in weights.items()}
    system = make(flip=False, l1_reduction=reduction, embedding_length=3.0, **lambdas)
    given = batch()

    def small(picture: Tensor) -> Tensor:
        return F.interpolate(picture[None], (64, 64), mode="bilinear", antialias=True)

    def g(face: Tensor, e: Tensor) -> Tensor:
        return system.scaffold(face, system.controller(3 * e))  # type: ignore[no-any-return]

    def d(face: Tensor) -> Tensor:
        return torch.sigmoid(system.discriminator(system.trunk(face)))

    def c(face: Tensor) -> Tensor:
        return torch.softmax(system.classifier(system.trunk(face)), dim=1)

    def l1(f1: Tensor, f2: Tensor) -> Tensor:
        colours = (f1 - f2).abs().flatten()
        return colours.sum() if reduction == "sum" else colours.mean()

    expected: dict[str, list[Tensor]] = {}

    def add(name: str, value: Tensor) -> None:
        expected.setdefault(name, []).append(value.detach())

    for i in range(4):
        f_a, f_b = small(given["face"]["face128"][i]), small(given["target"]["face128"][i])
        a, b = given["face"]["speaker"][i], given["target"]["speaker"][i]
        e_a, e_b = (system.voice_network(given[name]["mel64"][i : i + 1]) for name in ("own_voice", "voice"))
        fake = g(f_a, e_b)
        add("discriminate/fake", -torch.log(1 - d(fake)).mean())
        add("discriminate/real", -torch.log(d(f_a)).mean())
        add("classify/class", -torch.log(c(f_a)[0, a]))
        add("generate/input", weights["input"] * l1(fake, f_a))
        add("generate/target", weights["target"] * l1(fake, f_b))
        add("generate/class", -weights["class"] * torch.log(c(fake)[0, b]))
        add("generate/adversarial", -weights["adversarial"] * torch.log(d(fake)).mean())
        add("generate/cycle", weights["cycle"] * l1(g(fake, e_a), f_a))
    found = {
        f"{phase.name}/{name}": term.detach()
        for phase in system.phases()
        for name, term in system(phase.name, given, step()).items()
    }
    assert list(found) == list(expected)
    for name, values in expected.items():
        torch.testing.assert_close(found[name], torch.stack(values).mean(), rtol=2e-5, atol=1e-6)


def test_the_classifier_learns_from_real_faces_alone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    system, given = make(flip=False), batch()
    monkeypatch.setattr(CAE, "autoencode", lambda *_: pytest.fail("a face was generated"))
    seen: list[Tensor] = []
    system.trunk.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    system("classify", given, step())
    (faces,) = seen
    assert torch.equal(faces, F.interpolate(given["face"]["face128"], (64, 64), mode="bilinear", antialias=True))


def stepped(system: CAE, name: str, given: Any) -> set[str]:
    """Modules whose weights a phase changes."""
    optimisers = Optimisers(system, Fabric(accelerator="cpu", devices=1))
    (phase,) = (p for p in system.phases() if p.name == name)
    before = {key: p.detach().clone() for key, p in system.named_parameters()}
    optimisers.focus(phase.steps)
    total(system(name, given, step())).backward()
    optimisers.step(phase.steps, 0, optimisers.norms(phase.steps))
    for upstream in system.upstream:
        assert all(p.grad is None for p in system.get_submodule(upstream).parameters())
    return {key.split(".")[0] for key, p in system.named_parameters() if not torch.equal(p, before[key])}


@pytest.mark.parametrize(
    ("phase", "changes", "modules"),
    [
        ("discriminate", {}, {"trunk", "discriminator"}),
        ("classify", {}, {"trunk", "classifier"}),
        ("generate", {}, {"scaffold", "controller"}),
        ("discriminate", {"share_trunk": False}, {"discriminator_trunk", "discriminator"}),
        ("classify", {"share_trunk": False}, {"trunk", "classifier"}),
        ("generate", {"reference": "gender"}, {"scaffold", "controller", "voice_network"}),
        ("generate", {"gate": "none"}, {"scaffold"}),
    ],
)
def test_each_optimiser_moves_its_own_modules_alone(
    make: Make, phase: str, changes: dict[str, Any], modules: set[str]
) -> None:
    system = make(**changes)
    frozen = {name: module_sha256(system.get_submodule(name)) for name in system.upstream}
    assert stepped(system, phase, batch()) == modules
    assert {name: module_sha256(system.get_submodule(name)) for name in system.upstream} == frozen


def test_the_two_networks_on_the_trunk_keep_their_own_moments_of_it(make: Make) -> None:
    system, given = make(), batch()
    optimisers = Optimisers(system, Fabric(accelerator="cpu", devices=1))
    weight = system.trunk.layers[0].weight
    averages = {}
    for phase in system.phases()[:2]:
        optimisers.focus(phase.steps)
        total(system(phase.name, given, step())).backward()
        (name,) = phase.steps
        optimisers.step(phase.steps, 0, {})
        own = optimisers._optimisers[name].state[weight]
        torch.testing.assert_close(own["exp_avg"], 0.5 * weight.grad)
        averages[name] = own["exp_avg"]
    assert not torch.equal(averages["discriminator"], averages["classifier"])


@pytest.mark.parametrize("changes", [{}, {"gate": "all"}, {"reference": "gender"}, {"share_trunk": False}])
def test_every_trained_parameter_gets_a_gradient(make: Make, changes: dict[str, Any]) -> None:
    system = make(**changes)
    for phase in system.phases():
        total(system(phase.name, batch(), step())).backward()
    for name, parameter in system.named_parameters():
        if name.split(".")[0] not in system.upstream:
            assert parameter.grad is not None, name
            assert bool(parameter.grad.any()), name


def test_all_phases_see_the_same_faces_and_voices(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    system, seen = make(least_crop=10), []
    original = CAE.pairs
    monkeypatch.setattr(CAE, "pairs", lambda self, b, s: seen.append(original(self, b, s)) or seen[-1])
    for phase in system.phases():
        system(phase.name, batch(), step(seed=4))
    assert len(seen) == 3
    for other in seen[1:]:
        assert torch.equal(seen[0].face, other.face)
        assert torch.equal(seen[0].target, other.target)
        assert torch.equal(seen[0].voice["mel64"], other.voice["mel64"])
    assert not torch.equal(seen[0].face, original(make(flip=False), batch(), step()).face)
    lengths = {original(system, batch(), step(seed=i)).voice["mel64"].shape[-1] for i in range(40)}
    assert min(lengths) < 15
    assert 35 < max(lengths) <= 40


@pytest.mark.parametrize("granularity", ["weight", "filter", "channel"])
@pytest.mark.parametrize("gate", ["transposed", "all"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_a_step_of_a_batch_equals_its_pairs_accumulated(
    make: Make, gate: str, granularity: str, dtype: torch.dtype, tolerance: float
) -> None:
    """The three optimisers' steps of one whole iteration of Algorithm 1: gradients of each phase and what they move."""
    given, gradients, weights = batch(dtype=dtype), [], []
    for pieces in (1, 4):
        system = make(flip=False, gate=gate, gate_granularity=granularity, lr=1e-3).to(dtype)
        optimisers = Optimisers(system, Fabric(accelerator="cpu", devices=1))
        found = []
        for phase in system.phases():
            optimisers.focus(phase.steps)
            for rows in torch.arange(4).chunk(pieces):
                part = {name: {k: v[rows] for k, v in column.items()} for name, column in given.items()}
                (total(system(phase.name, part, step())) / pieces).backward()
            found += [p.grad.clone() for p in system.parameters() if p.grad is not None]
            if (
                dtype == torch.float64
            ):  # Adam's first step is a sign: in float32 rounding decides where all but 0 stands
                optimisers.step(phase.steps, 0, optimisers.norms(phase.steps))
        gradients.append(found)
        weights.append(list(system.parameters()))
    assert len(gradients[0]) == len(gradients[1])
    for one, other in zip(*gradients, strict=True):
        assert (one - other).abs().max() <= tolerance * max(1.0, float(one.abs().max()))
    if dtype == torch.float64:
        for one, other in zip(*weights, strict=True):
            assert (one - other).abs().max() <= 1e-7


# -------------------------------------------------------------------------------------------------------- translation


def column(key: str, rows: int, seed: int, frames: int = 55) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    media = {
        "face128": F.interpolate(torch.rand(rows, 3, 16, 16, generator=generator) * 2 - 1, 128),
        "mel64": torch.randn(rows, 1, 64, frames, generator=generator),
    }
    return {key: media[key], "gender": torch.arange(rows) % 2, "speaker": torch.arange(rows)}


@pytest.mark.parametrize("changes", [{}, {"gate_granularity": "filter"}, {"norm": "batch"}, {"gate": "none"}])
@pytest.mark.parametrize("task", sorted(CAE.tasks))
def test_rows_do_not_depend_on_their_neighbours(make: Make, changes: dict[str, Any], task: str) -> None:
    system = make(**changes).double()
    source, reference = column("face128", 5, 1), column("mel64", 5, 2)
    source["face128"], reference["mel64"] = source["face128"].double(), reference["mel64"].double()
    if "norm" in changes:  # running statistics that are not those of any batch
        with torch.no_grad():
            system.translate(task, source, reference, torch.arange(5))
    system.eval()
    with torch.no_grad():
        together = system.translate(task, source, reference, torch.arange(5))
        assert together.shape == (5, 3, 64, 64)
        assert together.abs().max() <= 1
        for i in range(5):
            one = [{k: v[i : i + 1] for k, v in c.items()} for c in (source, reference)]
            alone = system.translate(task, one[0], one[1], torch.tensor([99]))
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-9, atol=1e-9)


def test_who_decides(make: Make) -> None:
    """Proposal and voice of CAE; the proposal alone, ungated; the proposal and the gender of a gender-only control."""

    def differs(system: CAE, **second: Any) -> bool:
        first = {"source": column("face128", 2, 1), "reference": column("mel64", 2, 2)}
        with torch.no_grad():
            a, b = (system.translate(TASK, **c, seeds=torch.arange(2)) for c in (first, {**first, **second}))
        return bool((a - b).abs().max() > 1e-5)

    assert CAE.gender_only is not None
    source, voice = column("face128", 2, 7), column("mel64", 2, 8)
    turned = {**column("mel64", 2, 2), "gender": torch.tensor([1, 0])}
    systems = make().eval(), make(**CAE.variants["ungated"]).eval(), make(**CAE.gender_only).eval()
    assert [differs(s, source=source) for s in systems] == [True, True, True]
    assert [differs(s, reference=voice) for s in systems] == [True, False, False]
    assert [differs(s, reference=turned) for s in systems] == [False, False, True]


def test_gender_only_needs_genders(make: Make) -> None:
    reference = {**column("mel64", 2, 2), "gender": torch.tensor([0, -1])}
    with pytest.raises(BenchmarkError, match="unknown gender"):
        make(reference="gender").translate(TASK, column("face128", 2, 1), reference, torch.arange(2))


def test_a_recording_without_voice_is_refused(make: Make) -> None:
    with pytest.raises(BenchmarkError, match="voice"):
        make().eval().translate(TASK, column("face128", 2, 1), column("mel64", 2, 2, frames=0), torch.arange(2))


@pytest.mark.parametrize("share", [True, False])
def test_own_judge_is_what_the_classifier_is_and_is_kept(make: Make, share: bool) -> None:
    system = make(share_trunk=share)
    trunk, classifier = system.own_judge()
    assert isinstance(trunk, FaceTrunk)
    assert classifier.out_features == SPEAKERS
    faces = torch.rand(3, 3, 64, 64)
    assert torch.equal(classifier(trunk(faces)), system.identify(faces))
    kept = translating(system)
    for name, module in (("trunk", trunk), ("classifier", classifier)):
        assert all(torch.equal(kept[f"{name}.{key}"], value) for key, value in module.state_dict().items())
    assert not any(name.startswith("voice_network") for name in kept)


def test_training_changes_no_attribute_that_a_checkpoint_would_miss(make: Make) -> None:
    system = make()
    before = attributes(system)
    for phase in system.phases():
        total(system(phase.name, batch(), step())).backward()
    assert changed_attributes(system, before) == []
