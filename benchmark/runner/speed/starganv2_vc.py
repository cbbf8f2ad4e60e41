"""`train:starganv2_vc`: our training step against the official trainer's, on the same batch and the same weights.

The official code is no package and no part of this repository: it runs from a checkout that the user names.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import fields
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import nn
from torch.nn.functional import pad

from baselines.starganv2_vc.official import official_tensors
from baselines.starganv2_vc.system import Inputs, StarGANv2VC, StarGANv2VCSettings
from baselines.starganv2_vc.transforms import Transform, draw_transform
from benchmark.errors import BenchmarkError
from benchmark.media.audio import RATE, read_wave
from benchmark.media.mel import log_mel
from benchmark.runner.speed.measure import Comparison, Side
from benchmark.system import Batch, Step, Terms
from benchmark.training.ema import Ema
from benchmark.training.optimisers import Optimisers
from benchmark.upstream.asr_features import load as asr
from benchmark.upstream.jdc import load as jdc

BATCH = 5
SETTINGS = StarGANv2VCSettings(width=16, max_width=128, hidden=128, lr=0.0, mapping_lr=0.0)
"""A quarter of the official widths; the F0 and the ASR network are whole. With a rate of 0 optimisers compute what they
always do and every round sees the same weights."""
_SPEAKERS, _EPOCH = 20, 60  # of the official 150: consistency and classifier have started
_SEED = 0
_D: Mapping[str, tuple[str, float]] = {
    "real": ("real", 1.0),
    "fake": ("fake", 1.0),
    "reg": ("r1", SETTINGS.lambda_reg),
    "real_adv_cls": ("classifier", SETTINGS.lambda_cls),
    "con_reg": ("consistency", SETTINGS.lambda_con_reg),
}
_G: Mapping[str, tuple[str, float]] = {
    "adv": ("adversarial", SETTINGS.lambda_adv),
    "sty": ("style", SETTINGS.lambda_sty),
    "ds": ("diversity", -SETTINGS.lambda_ds),
    "cyc": ("cycle", SETTINGS.lambda_cyc),
    "norm": ("norm", SETTINGS.lambda_norm),
    "asr": ("asr", SETTINGS.lambda_asr),
    "f0": ("f0", SETTINGS.lambda_f0),
    "adv_cls": ("classifier", SETTINGS.lambda_adv_cls),
}
"""Official name of a term -> our name, and its weight, which is in ours: of the latent passes, for the official trainer
reports no others (quirk Q28)."""
_MODULES = ("models", "losses", "transforms", "optimizers", "trainer", "Utils")


def training(official: Path | None) -> Comparison:
    """Both sides take one whole step (discriminator and generator, latents and references, optimisers, averages) a run.

    Clips are made mels beforehand. Frozen networks are in train mode, as the official trainer has them, but drop
    nothing out, and both sides are given the same transform, so that their losses can be compared.

    Raises:
        BenchmarkError: no checkout, or a folder that is none.
    """
    if official is None or not (official / "Utils" / "JDC" / "model.py").is_file():
        found = "The official code is needed" if official is None else f"{official} is no checkout of the official code"
        raise BenchmarkError(
            f"{found}. Get it with: git clone https://github.com/yl4579/StarGANv2-VC && git -C StarGANv2-VC checkout "
            "985df55; then give --official StarGANv2-VC."
        )
    code = load_code(official)
    torch.manual_seed(_SEED)
    nets, averages = _official_networks(code)
    name = f"official trainer at width {SETTINGS.width} of 64"
    return Comparison(
        lambda folder: Side("ours", OurStep(_mels(folder), nets)),
        lambda folder: Side(name, OfficialStep(_mels(folder), code, nets, averages)),
        "s a sample",
        tolerance=2e-3,
    )


def load_code(folder: Path) -> Mapping[str, Any]:
    """The modules of a checkout by name, imported without leaving a trace in `sys.path` and `sys.modules`."""
    with _importable(folder):
        names = ("models", "losses", "optimizers", "trainer", "Utils.JDC.model", "Utils.ASR.models")
        return {name: importlib.import_module(name) for name in names}


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    def taken() -> list[str]:
        return [name for name in sys.modules if name.split(".")[0] in _MODULES]

    before = {name: sys.modules.pop(name) for name in taken()}
    lent = "munch" not in sys.modules and find_spec("munch") is None
    if lent:  # all that is used of that package is a dictionary with attributes
        sys.modules["munch"] = stub = types.ModuleType("munch")
        stub.Munch = _Munch  # type: ignore[attr-defined]
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.resolve()))
        for name in [*taken(), *(["munch"] if lent else [])]:
            del sys.modules[name]
        sys.modules.update(before)


class _Munch(dict[str, Any]):
    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def _official_networks(code: Mapping[str, Any]) -> tuple[Mapping[str, nn.Module], Any]:
    """The official networks, random, and the copies that it averages."""
    sizes = _Munch(
        dim_in=SETTINGS.width,
        style_dim=SETTINGS.style,
        latent_dim=SETTINGS.latent,
        num_domains=_SPEAKERS,
        max_conv_dim=SETTINGS.max_width,
        n_repeat=4,
        w_hpf=0,
        F0_channel=256,
    )
    f0 = code["Utils.JDC.model"].JDCNet(num_class=1, seq_len=SETTINGS.crop)
    words = code["Utils.ASR.models"].ASRCNN(input_dim=80, hidden_dim=256, n_token=80, token_embedding_dim=256)
    nets, averages = code["models"].build_model(sizes, f0, words)
    for network in nets.values():
        _drop_nothing(network)
    return nets, averages


def _drop_nothing(network: nn.Module) -> None:
    """Dropout computes what it always does. At a chance of 0 it would not, and the official ASR network, which adds in
    place, could then not be differentiated (quirk Q22)."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 1e-12


def _mels(folder: Path) -> Inputs:
    """A crop of every clip as a source, the same clips in other orders as references."""
    mels = []
    for path in sorted(folder.iterdir()):
        mel = log_mel(torch.as_tensor(read_wave(path, RATE)))[..., : SETTINGS.crop]
        mels.append(pad(mel, (0, SETTINGS.crop - mel.shape[3])))
    x, rows = torch.cat(mels), torch.arange(len(mels))
    z, other = torch.randn(2, len(mels), SETTINGS.latent, generator=torch.Generator().manual_seed(_SEED))
    return Inputs(x, rows, (x.roll(1, 0), x.roll(2, 0)), (rows + 1) % _SPEAKERS, (z, other))


class _Given(StarGANv2VC):
    """The system with inputs that are given, not drawn."""

    given: Inputs

    def draw_inputs(self, batch: Batch, step: Step) -> Inputs:
        return self.given


class OurStep:
    """What the trainer does at a step, but for the batch."""

    def __init__(self, given: Inputs, official: Mapping[str, nn.Module]) -> None:
        with torch.device("meta"):
            system = _Given(SETTINGS, _SPEAKERS)
        self.system = system.to_empty(device="cpu")
        system.given = given
        self._copy(official)
        _drop_nothing(system)
        system.train()
        for name in system.upstream:
            system.get_submodule(name).eval()
        self.optimisers = Optimisers(system, Fabric(accelerator="cpu", devices=1))
        self.ema = Ema(system)

    @torch.no_grad()
    def _copy(self, official: Mapping[str, nn.Module]) -> None:
        system = self.system
        own = {name: official_tensors(system.get_submodule(name)) for name in system.optimizers()}
        own["f0_model"] = jdc.published_tensors(system.f0_network)
        own["asr_model"] = dict(asr.published_tensors(system.asr_network))
        for name, tensors in own.items():
            for key, value in official[name].state_dict().items():
                tensors[key].copy_(value)

    def __call__(self) -> list[float]:
        index, terms = SETTINGS.classifier_start, dict[str, Terms]()
        for phase in self.system.phases():
            self.optimisers.focus(phase.steps)
            step = Step(index, torch.Generator().manual_seed(_SEED), np.random.default_rng(_SEED), lambda x: x)
            terms[phase.name] = self.system(phase.name, {}, step)
            torch.stack(list(terms[phase.name].values())).sum().backward()  # type: ignore[no-untyped-call]
            self.optimisers.step(phase.steps, index, self.optimisers.norms(phase.steps))
        self.ema.update(index)
        named = (("discriminator_latent", _D), ("generator_latent", _G))
        return [terms[phase][ours].item() / weight for phase, names in named for ours, weight in names.values()]


class OfficialStep:
    """An epoch of one batch by the official trainer."""

    def __init__(self, given: Inputs, code: Mapping[str, Any], nets: Mapping[str, nn.Module], averages: Any) -> None:
        s, self.losses = SETTINGS, code["losses"]
        weights = {field.name: getattr(s, field.name) for field in fields(s) if field.name.startswith("lambda_")}
        g_loss = _Munch(weights, norm_bias=s.norm_bias)
        d_loss = _Munch(lambda_reg=s.lambda_reg, lambda_adv_cls=s.lambda_cls, lambda_con_reg=s.lambda_con_reg)
        loss = _Munch(g_loss=g_loss, d_loss=d_loss, adv_cls_epoch=50, con_reg_epoch=30)
        self.batch = (given.x, given.y, *given.references, given.y_target, *given.latents)
        schedule = {"max_lr": s.lr, "pct_start": 0.0, "epochs": 1, "steps_per_epoch": s.cycle_momentum}
        with redirect_stdout(StringIO()):  # it prints its settings
            optimisers = code["optimizers"].build_optimizer(
                {name: net.parameters() for name, net in nets.items()}, dict.fromkeys(nets, schedule)
            )
        self.trainer = code["trainer"].Trainer(loss, nets, averages, optimisers)

    def __call__(self) -> list[float]:
        self.trainer.train_dataloader = [[column.clone() for column in self.batch]]
        self.trainer.epochs = _EPOCH - 1
        self.losses.build_transforms = _transform
        found = self.trainer._train_epoch()
        return [float(found[f"train/{theirs}"]) for theirs in (*_D, *_G)]


def _transform() -> Transform:
    """The one that our step draws, for both of its passes."""
    return draw_transform(SETTINGS.crop, SETTINGS.fixed_shuffle, torch.Generator().manual_seed(_SEED))
