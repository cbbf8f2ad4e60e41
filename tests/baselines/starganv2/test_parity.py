"""Every loss term and gradient norm of the four phases against the official code, frozen.

`official_losses.json` was written by hand by `compute_d_loss`, `compute_g_loss` and `backward` of
clovaai/stargan-v2@875b70a:core/solver.py on a CPU (torch 2.11.0) in float64, its networks filled by `official_state`
and given `inputs`; nothing of that code is needed here. Gradients are compared in float64: in float32 the official
code itself is up to 2e-4 off the norm of the mapping network's (docs/precision.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.starganv2.official import load_official, official_tensors
from baselines.starganv2.system import Inputs, StarGANv2, StarGANv2Settings
from benchmark.system import Step
from benchmark.upstream.wing import Wing

EXPECTED = json.loads(Path(__file__).with_name("official_losses.json").read_text(encoding="utf-8"))
LAMBDAS = {"lambda_reg": 0.5, "lambda_sty": 0.7, "lambda_ds": 2.0, "lambda_cyc": 1.3}
CASES: Mapping[str, Mapping[str, float]] = {
    "128 px": {"size": 128},
    "256 px": {"size": 256},
    "256 px, 64 wide, w_hpf 1": {"size": 256, "w_hpf": 1.0, "max_width": 64},
}
FIXED = ("hpf.filter", "num_batches_tracked")


def official_state(network: nn.Module, seed: int) -> dict[str, Tensor]:
    """Weights of one network by official names, drawn in the sorted order of those names."""
    draw = np.random.default_rng(seed)
    state = {}
    for name, own in sorted(official_tensors(network).items()):
        if name.endswith(FIXED):
            state[name] = own.clone()
            continue
        x = draw.standard_normal(own.shape, dtype=np.float32)
        if own.ndim > 1:
            x *= np.sqrt(2 / np.prod(own.shape[1:]), dtype=np.float32)
        elif name.endswith("running_var"):
            x = 1 + np.abs(x)
        else:
            x = 0.1 * x + (1 if name.endswith("weight") else 0)
        if name == "l0.bias":
            x -= 30  # heat where a peak is, as in a trained network: else the masks are 1 everywhere
        state[name] = torch.from_numpy(x)
    return state


def networks(system: StarGANv2) -> dict[str, nn.Module]:
    """By their official names."""
    own = {name: system.get_submodule(name) for name in system.optimizers()}
    return own if system.wing is None else {**own, "fan": system.wing}


def checkpoint(system: StarGANv2) -> dict[str, dict[str, Tensor]]:
    return {name: official_state(network, seed) for seed, (name, network) in enumerate(networks(system).items())}


def inputs(size: int, batch: int, dtype: torch.dtype) -> Inputs:
    draw = np.random.default_rng(size)
    x, first, second = torch.from_numpy(draw.uniform(-1, 1, (3, batch, 3, size, size)).astype(np.float32)).to(dtype)
    z, other = torch.from_numpy(draw.standard_normal((2, batch, 16), dtype=np.float32)).to(dtype)
    return Inputs(
        x, torch.tensor([0, 1, 0, 1])[:batch], (first, second), torch.tensor([1, 0, 0, 1])[:batch], (z, other)
    )


def filled(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: float) -> StarGANv2:
    """A system with the weights of `checkpoint`, read from a file as the official code writes it."""
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(folder))
    torch.save({"state_dict": official_state(Wing(), 4)}, folder / "wing.ckpt")
    system = StarGANv2(StarGANv2Settings(**settings, **LAMBDAS))  # type: ignore[arg-type]
    torch.save(checkpoint(system), folder / "nets.ckpt")
    load_official(folder / "nets.ckpt", networks(system))
    return system


def terms(system: StarGANv2, phase: str, given: Inputs) -> Mapping[str, Tensor]:
    """What the trainer would be given by a phase whose draw came out as `given`."""
    system.draw_inputs = lambda batch, step: given  # type: ignore[method-assign]
    return system(phase, {}, Step(0, torch.Generator(), None, lambda x: x))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_terms(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32, as they are trained."""
    system, given = filled(tmp_path, monkeypatch, **CASES[case]), inputs(int(CASES[case]["size"]), 2, torch.float32)
    for phase in system.phases():
        system.requires_grad_(False)
        found = {name: term.item() for name, term in terms(system, phase.name, given).items()}
        assert found == pytest.approx({name: EXPECTED[case][phase.name][name] for name in found}, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "phases"), [("128 px", ("discriminator_latent", "generator_latent"))])
def test_gradients(case: str, phases: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Norms of the gradients that the trainer lets through, a network each, and the terms once more."""
    system = filled(tmp_path, monkeypatch, **CASES[case]).double()
    given = inputs(int(CASES[case]["size"]), 2, torch.float64)
    for phase in system.phases():
        if phase.name not in phases:
            continue
        system.requires_grad_(False).zero_grad()
        for name in phase.steps:
            system.get_submodule(name).requires_grad_(True)
        found = dict(terms(system, phase.name, given))
        torch.stack(list(found.values())).sum().backward()
        for name in phase.steps:
            gradients = [p.grad for p in system.get_submodule(name).parameters() if p.grad is not None]
            found[name] = nn.utils.get_total_norm(gradients)
        assert {name: value.item() for name, value in found.items()} == pytest.approx(
            EXPECTED[case][phase.name], rel=1e-8
        )
