"""Every loss term and gradient norm of the four phases against the official code, frozen.

`official_losses.json` was written by hand by `compute_d_loss`, `compute_g_loss` and `backward` of
yl4579/StarGANv2-VC@985df55:losses.py on a CPU (torch 2.11.0) in float64, its networks filled by `official_state` and
given `inputs`; nothing of that code is needed here. Its residuals of the ASR network were added anew and not in place
(quirk Q22), its conversions to float32 left out, its dropout set to 0, its transform replaced by one of ours, and its
F0 network narrowed, but for the full size.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.starganv2_vc.official import official_tensors
from baselines.starganv2_vc.system import Inputs, StarGANv2VC, StarGANv2VCSettings
from benchmark.system import Step
from benchmark.upstream.asr_features import load as asr
from benchmark.upstream.asr_features.network import AsrFeatures, Sizes
from benchmark.upstream.jdc import load as jdc
from benchmark.upstream.jdc.network import JDC, JDCSettings

EXPECTED = json.loads(Path(__file__).with_name("official_losses.json").read_text(encoding="utf-8"))
LAMBDAS = {
    **{"lambda_adv": 1.7, "lambda_sty": 0.9, "lambda_cyc": 4.0, "lambda_ds": 0.8, "lambda_norm": 0.6, "norm_bias": 0.4},
    **{"lambda_asr": 8.0, "lambda_f0": 3.0, "lambda_f0_sty": 0.3, "lambda_adv_cls": 0.7},
    **{"lambda_cls": 0.2, "lambda_reg": 1.3, "lambda_con_reg": 6.0},
}
NARROW = {"width": 4, "max_width": 16, "hidden": 16, "style": 8, "latent": 5}
SPEAKERS = 20
STEPS = {"early": 0, "late": 50_000}
"""Before consistency and classifier start, and after."""
_FIXED = ("dct_mat", "num_batches_tracked")


def official_state(tensors: Iterable[tuple[str, Tensor]], seed: int) -> dict[str, Tensor]:
    """Weights by official names, each drawn by itself."""
    state = {}
    for name, own in tensors:
        if name.endswith(_FIXED):
            state[name] = own.clone()
            continue
        x = np.random.default_rng((seed, zlib.crc32(name.encode()))).standard_normal(own.shape, dtype=np.float32)
        if own.ndim > 1:
            x *= np.sqrt(2 / np.prod(own.shape[1:]), dtype=np.float32)
        elif name.endswith("running_var"):
            x = 1 + np.abs(x)
        else:
            x = 0.1 * x + (1 if name.endswith("weight") else 0)
        state[name] = torch.from_numpy(x)
    return state


def inputs(rows: int, latent: int, dtype: torch.dtype) -> Inputs:
    draw = np.random.default_rng(rows)
    x, first, second = torch.from_numpy(draw.uniform(-2, 2, (3, rows, 1, 80, 192)).astype(np.float32)).to(dtype)
    z, other = torch.from_numpy(draw.standard_normal((2, rows, latent), dtype=np.float32)).to(dtype)
    return Inputs(x, torch.tensor([0, 7, 13])[:rows], (first, second), torch.tensor([3, 19, 13])[:rows], (z, other))


@torch.no_grad()
def filled(monkeypatch: pytest.MonkeyPatch, f0: JDCSettings, words: Sizes, **settings: Any) -> StarGANv2VC:
    """A system with the weights of `official_state`."""
    monkeypatch.setattr("baselines.starganv2_vc.system.f0_network", lambda which: JDC(f0).eval())
    monkeypatch.setattr("baselines.starganv2_vc.system.asr_features", lambda which: AsrFeatures(words).eval())
    monkeypatch.setattr("benchmark.upstream.jdc.network.DROPOUT", 0.0)
    system = StarGANv2VC(StarGANv2VCSettings(**settings, **LAMBDAS), SPEAKERS)
    networks: list[Mapping[str, Tensor]] = [
        official_tensors(system.get_submodule(name)) for name in system.optimizers()
    ]
    networks += [jdc.published_tensors(system.f0_network), dict(asr.published_tensors(system.asr_network))]
    for seed, tensors in enumerate(networks):
        for name, value in official_state(tensors.items(), seed).items():
            tensors[name].copy_(value)
    return system


def found(system: StarGANv2VC, phase: str, when: str, given: Inputs) -> dict[str, Tensor]:
    """Terms of a phase whose draw came out as `given`."""
    system.draw_inputs = lambda batch, step: given  # type: ignore[method-assign]
    transform = torch.Generator().manual_seed(5)
    return dict(system(phase, {}, Step(STEPS[when], transform, np.random.default_rng(0), lambda x: x)))


@pytest.mark.parametrize("when", STEPS)
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_terms_and_gradients(mode: str, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float64: terms, and the norms of the gradients that the trainer lets through, a network each."""
    system = filled(
        monkeypatch,
        JDCSettings(widths=(2, 3, 4, 6), hidden=5),
        Sizes(hidden=8, blocks=2, channels=4, tokens=5, embedding=None, dropout=0.0),
        auxiliary_train_mode=mode == "train",
        **NARROW,
    ).double()
    given = inputs(3, NARROW["latent"], torch.float64)
    for phase in system.phases():
        system.requires_grad_(False).zero_grad()
        for name in phase.steps:
            system.get_submodule(name).requires_grad_(True)
        values = found(system, phase.name, when, given)
        torch.stack(list(values.values())).sum().backward()
        for name in phase.steps:
            gradients = [p.grad for p in system.get_submodule(name).parameters() if p.grad is not None]
            values[name] = nn.utils.get_total_norm(gradients)
        expected = EXPECTED[f"narrow, {mode}, {when}"][phase.name]
        assert {name: value.item() for name, value in values.items()} == pytest.approx(expected, rel=1e-8)


@pytest.mark.slow
def test_terms_at_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32, as they are trained."""
    system = filled(monkeypatch, JDCSettings(), Sizes(embedding=None, dropout=0.0), auxiliary_train_mode=False)
    system.requires_grad_(False)
    given = inputs(2, 16, torch.float32)
    for phase in system.phases():
        expected = EXPECTED["full size, eval, late"][phase.name]
        values = {name: term.item() for name, term in found(system, phase.name, "late", given).items()}
        assert values == pytest.approx({name: expected[name] for name in values}, rel=1e-5)
