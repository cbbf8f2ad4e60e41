"""The objective of StyleGAN2 against transcriptions, lazily applied penalties, and that steps of the recipe run."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.image import mirror, resized
from benchmark.system import Step
from benchmark.training.attributes import attributes, changed_attributes
from benchmark.training.loop import TrainSettings, check_phases, train
from benchmark.upstream.stylegan2 import losses
from benchmark.upstream.stylegan2.evaluate import evaluate, held_out
from benchmark.upstream.stylegan2.generator import Generator, GeneratorSettings
from benchmark.upstream.stylegan2.recipe import RECIPE, SETTINGS
from benchmark.upstream.stylegan2.training import Settings, StyleGAN2Training

SMALL = Settings(
    generator=GeneratorSettings(widths=(8, 6, 4), style=12, mapping=2, rate=0.1),
    widths=(8, 6, 4),
    batch=4,
    r1=2.0,
    r1_every=4,
    path_every=2,
)


def step(index: int = 1, seed: int = 0) -> Step:
    return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def batch(rows: int = 4) -> dict[str, dict[str, Tensor]]:
    coarse = torch.rand(rows, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return {"face": {"face128": F.interpolate(coarse, size=128)}}


def training(settings: Settings = SMALL) -> StyleGAN2Training:
    torch.manual_seed(0)
    return StyleGAN2Training(settings)


def test_defaults_are_rosinalitys() -> None:
    s = Settings()
    assert (s.batch, s.lr, s.r1, s.r1_every, s.path, s.path_every, s.path_rows, s.path_decay, s.mixing) == (
        16,
        2e-3,
        10.0,
        16,
        2.0,
        4,
        0.5,
        0.01,
        0.9,
    )
    assert s.ema == pytest.approx(0.5 ** (32 / 10000))
    for optimizer in training().optimizers().values():
        assert (optimizer.kind, optimizer.lr, optimizer.options) == ("adam", 2e-3, {"betas": (0.0, 0.99)})


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(BenchmarkError, match="differ in size"):
        replace(SMALL, widths=(8, 6))
    with pytest.raises(BenchmarkError, match="groups of 4"):
        replace(SMALL, batch=6)


def test_terms_of_the_discriminator_written_out() -> None:
    system, data = training(), batch()
    terms = system.discriminate(data, step(1))
    assert set(terms) == {"real", "fake"}
    generator = torch.Generator().manual_seed(0)
    real = mirror(resized(data["face"]["face128"], 16), generator)
    fake = system.draw(4, replace(step(1), generator=generator))[0]
    torch.testing.assert_close(terms["real"], -system.discriminator(real).sigmoid().log().mean())
    torch.testing.assert_close(terms["fake"], -(1 - system.discriminator(fake).sigmoid()).log().mean())


def test_the_gradient_penalty_comes_now_and_then_and_as_much_heavier() -> None:
    system, data = training(replace(SMALL, flip=False)), batch()
    term = system.discriminate(data, step(8))["r1"]
    x = resized(data["face"]["face128"], 16).requires_grad_()
    (gradient,) = torch.autograd.grad(system.discriminator(x).sum(), x)
    squares = [float(row.square().sum()) for row in gradient]
    assert float(term.detach()) == pytest.approx(2.0 / 2 * 4 * sum(squares) / 4, rel=1e-4)
    term.backward()
    assert float(system.discriminator.hidden.weight.grad.abs().sum()) > 0, "the discriminator learns from it"
    network, ahead = system.discriminator.double(), 1e-4 * gradient.double() / gradient.norm()
    with torch.no_grad():
        moved = (network(x.double() + ahead) - network(x.double() - ahead)).sum()
    assert float(moved) / 2e-4 == pytest.approx(float(gradient.norm()), rel=1e-2)


def test_the_penalty_is_computed_in_float32_under_autocast() -> None:
    system, data = training(), batch()
    with torch.autocast("cpu", torch.bfloat16):
        under = system.discriminate(data, step(0))["r1"]
    torch.testing.assert_close(under, system.discriminate(data, step(0))["r1"])


def test_path_lengths_are_those_of_finite_differences() -> None:
    system = training()
    network: Generator = system.generator.double()
    with torch.no_grad():
        styles = network.spread(network.map(torch.randn(2, 12, dtype=torch.float64)))
    noise = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    found = losses.path_lengths(network(styles.requires_grad_()), styles, noise)
    gradient = torch.zeros(2, 6, 12, dtype=torch.float64)
    with torch.no_grad():
        for i in range(6):
            for j in range(12):
                for sign in (1, -1):
                    moved = styles.clone()
                    moved[:, i, j] += sign * 1e-5
                    gradient[:, i, j] += sign * (network(moved) * noise).sum((1, 2, 3)) / 2e-5 / 16
    torch.testing.assert_close(found.detach(), gradient.square().sum(2).mean(1).sqrt(), rtol=1e-5, atol=1e-6)


def test_the_generator_and_its_path_penalty() -> None:
    system, data = training(), batch()
    terms = system.generate(data, step(1))
    assert set(terms) == {"adversarial"}
    fake = system.draw(4, step(1))[0]
    torch.testing.assert_close(terms["adversarial"], F.softplus(-system.discriminator(fake)).mean())
    assert float(system.path_mean) == 0
    terms = system.generate(data, step(2))
    mean = float(system.path_mean)
    generator = torch.Generator().manual_seed(0)
    system.draw(4, replace(step(), generator=generator))
    pictures, styles = system.draw(2, replace(step(), generator=generator))
    noise = torch.randn(pictures.shape, generator=generator)
    lengths = losses.path_lengths(pictures, styles, noise)
    assert mean == pytest.approx(0.01 * float(lengths.mean()), rel=1e-4)
    torch.testing.assert_close(terms["path"], 2.0 * 2 * (lengths - mean).square().mean())
    assert "path" not in training(replace(SMALL, path=0.0)).generate(data, step(2))


def test_styles_are_mixed_as_often_as_said() -> None:
    system = training(replace(SMALL, mixing=0.5))
    styles = [system.draw(1, step(seed=seed))[1] for seed in range(60)]
    assert 15 < sum(not torch.equal(w[:, 0], w[:, -1]) for w in styles) < 45
    never = training(replace(SMALL, mixing=0.0)).draw(3, step())[1]
    assert torch.equal(never, never[:, :1].expand(-1, 6, -1))


def test_both_players_learn_and_nothing_else_changes(faces: Store, tmp_path: Path) -> None:
    system = training()
    check_phases(system, 1)
    before, start = attributes(system), {k: v.clone() for k, v in system.state_dict().items()}
    train(system, [faces], tmp_path, TrainSettings(steps=3, save_every=3, log_every=1, device="cpu"))
    assert changed_attributes(system, before) == []
    moved = {k.partition(".")[0] for k, v in system.state_dict().items() if not torch.equal(v, start[k])}
    assert moved == {"generator", "discriminator", "path_mean"}
    assert all(torch.equal(v, start[k]) for k, v in system.state_dict().items() if ".noise_" in k)


def test_training_makes_pictures_of_the_right_brightness(faces: Store, tmp_path: Path) -> None:
    """A generator that starts far too bright is darkened by a discriminator that sees real pictures."""
    system = training(replace(SMALL, lr=1e-2, path=0.0, r1=0.1))
    system.generator.colours[-1].bias.data.fill_(2.0)
    system.generator.colours[-1].bias.requires_grad_(True)
    real = float(held_out(faces, 16).mean())
    before = float(system.draw(8, step())[0].detach().mean())
    train(system, [faces], tmp_path, TrainSettings(steps=40, save_every=40, log_every=40, device="cpu"))
    after = float(system.draw(8, step())[0].detach().mean())
    assert abs(after - real) < abs(before - real)


def test_the_recipe_is_of_the_shipped_sizes() -> None:
    assert RECIPE.corpus == "pocket_faces"
    assert SETTINGS.widths == SETTINGS.generator.widths
    TrainSettings(**RECIPE.train)  # type: ignore[arg-type]


def test_figures_tell_a_generator_that_always_makes_the_same(faces: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.upstream.stylegan2.evaluate.STEPS", 12)
    torch.manual_seed(0)
    network = Generator(SMALL.generator).eval().requires_grad_(False)
    figures = evaluate(network, faces)
    assert figures["inversion_unseen"] < figures["start_unseen"]
    assert figures["apart_made"] > 0.01
    assert figures["apart_real"] > 0.1
    for layer in network.layers:
        layer.conv.affine.weight.zero_()
    for colours in network.colours:
        colours.conv.affine.weight.zero_()
    assert evaluate(network, faces)["apart_made"] == 0


def test_held_out_pictures_are_of_different_people(faces: Store) -> None:
    pictures = held_out(faces, 32)
    assert pictures.shape == (64, 3, 32, 32), "8 unseen people with 8 pictures each"
    assert len({row.numpy().tobytes() for row in pictures}) == 64
    assert math.isclose(float(pictures.abs().max()), 1.0, abs_tol=0.2)
