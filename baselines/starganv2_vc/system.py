"""StarGANv2-VC: one generator that says a recording in another voice, its style read off a recording or drawn at random
(Li et al. 2021, arXiv 2107.10394).

Settings, objective and order of steps as `yl4579/StarGANv2-VC@985df55:Configs/config.yml, train.py, trainer.py,
losses.py, meldataset.py, optimizers.py`. Domains are the training speakers, as published, or the genders: then a
reference may be of anybody, the one-shot form that the XFaVoT paper compares with and builds on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.starganv2_vc.transforms import draw_transform
from benchmark.blocks import GenderStyle, MappingNetwork
from benchmark.errors import BenchmarkError
from benchmark.stargan import voice_losses as losses
from benchmark.stargan.augment import at_some_level
from benchmark.stargan.auxiliaries import auxiliaries
from benchmark.stargan.losses import cycle, diversity, r1, style_reconstruction
from benchmark.stargan.voices import LEAST, STEP, Discriminator, Generator, StyleEncoder, converted, heard
from benchmark.system import Batch, Column, Draw, Optimizer, Phase, Pick, Step, System, Terms
from benchmark.upstream.asr_features.load import asr_features
from benchmark.upstream.jdc.load import f0_network

GENDERS = 2
OFFICIAL_SPEAKERS = 20
EPOCH = 545  # steps, of the official 20 speakers at batch 5


@dataclass(frozen=True)
class StarGANv2VCSettings:
    """Defaults are the official values."""

    domains: Literal["speaker", "gender"] = "speaker"
    reference: Literal["voice", "gender"] = "voice"  # what the style encoder hears
    f0_network: Literal["pocket", "published"] = "published"
    asr_network: Literal["pocket", "published"] = "published"
    auxiliary_train_mode: bool = True  # Q22: batch statistics and dropout in both
    extra_f0_block: bool = True
    width: int = 64  # channels at full resolution
    max_width: int = 512
    hidden: int = 512  # of the mapping network
    style: int = 64
    latent: int = 16
    batch: int = 5
    crop: int = 192  # mel frames
    least_gain: float = 0.5  # a recording is played at U(least_gain, 1) of its level
    lr: float = 1e-4
    mapping_lr: float = 2e-6
    beta1: float = 0.0  # as written; see cycle_momentum
    beta2: float = 0.99
    eps: float = 1e-9
    weight_decay: float = 1e-4
    cycle_momentum: int = 150 * EPOCH  # Q21: steps over which beta1 rises from .85 to .95; 0: it stays
    lambda_adv: float = 2.0
    lambda_sty: float = 1.0
    lambda_cyc: float = 5.0
    lambda_ds: float = 1.0  # Q28: it never falls
    lambda_norm: float = 1.0
    norm_bias: float = 0.5  # Q25
    lambda_asr: float = 10.0
    lambda_f0: float = 5.0
    lambda_f0_sty: float = 0.1  # per Hz, until classifier_start
    lambda_adv_cls: float = 0.5  # of the generator
    lambda_cls: float = 0.1  # of the discriminator
    lambda_reg: float = 1.0
    lambda_con_reg: float = 10.0
    classifier_start: int = 49 * EPOCH  # steps; the official epoch 50 begins there
    consistency_start: int = 29 * EPOCH
    fixed_shuffle: bool = True  # Q26
    step_encoder_on_reference: bool = False  # Q19a: the generator learns alone from references
    ema: float = 0.999

    def __post_init__(self) -> None:
        sizes = ("width", "max_width", "hidden", "style", "latent", "batch")
        starts = ("cycle_momentum", "classifier_start", "consistency_start")
        for name, bound in (dict.fromkeys(sizes, 1) | dict.fromkeys(starts, 0)).items():
            if getattr(self, name) < bound:
                raise BenchmarkError(f"{name} = {getattr(self, name)} in the StarGANv2-VC settings; at least {bound}.")
        if self.crop < LEAST or self.crop % STEP:
            raise BenchmarkError(f"crop = {self.crop} mel frames; a multiple of {STEP}, at least {LEAST}, please.")
        if not 0 < self.least_gain <= 1:
            raise BenchmarkError(f"least_gain = {self.least_gain}; above 0 and at most 1, please.")
        if self.reference == "gender" and self.domains != "gender":
            raise BenchmarkError('reference = "gender" needs domains = "gender".')


def cycled_betas(step: int, steps: int, beta2: float) -> tuple[float, float]:
    """What PyTorch's OneCycleLR makes of the betas at step 0 .. steps - 1, and then keeps: beta1 rises from .85 to .95
    along half a cosine, whatever it was before (quirk Q21)."""
    return 0.9 - 0.05 * math.cos(math.pi * min(1.0, (step + 1) / steps)), beta2


@dataclass(frozen=True)
class Inputs:
    """What all phases of a step see alike: mels x (B, 1, 80, T), domains y, latents z (B, latent)."""

    x: Tensor
    y: Tensor
    references: tuple[Tensor, Tensor]
    y_target: Tensor
    latents: tuple[Tensor, Tensor]


class StarGANv2VC(System):
    """`audio_guided_vc`: mels of the source and of the reference -> mel, as long as the source's.

    Official, and no setting: the target domain is the reference's, in the latent phases too, and may be the source's
    own (Q27); averages start as copies of the fresh networks. Not official: recordings shorter than a crop are followed
    by silence, not by zeros of the normalised mel, which are a loud noise; loss terms over no row are 0, not NaN (Q27);
    sources keep their level (Q24: the published demo divides them by their peak).
    """

    Settings: ClassVar[type] = StarGANv2VCSettings
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"one_shot": {"domains": "gender"}}
    gender_only: ClassVar[Mapping[str, Any] | None] = {"domains": "gender", "reference": "gender"}
    tasks: ClassVar[frozenset[str]] = frozenset({"audio_guided_vc"})
    upstream = frozenset({"f0_network", "asr_network"})
    settings: StarGANv2VCSettings

    def __init__(self, settings: StarGANv2VCSettings, speakers: int = 0) -> None:
        """Where networks are only counted, and no speakers known, they are the official 20."""
        super().__init__(settings, speakers)
        s = settings
        domains = GENDERS if s.domains == "gender" else speakers or OFFICIAL_SPEAKERS
        self.f0_network = f0_network(s.f0_network)
        self.asr_network = asr_features(s.asr_network)
        self.generator = Generator(self.f0_network.channels, s.style, s.width, s.max_width, s.extra_f0_block)
        self.mapping_network = MappingNetwork(s.latent, s.style, domains, s.hidden)
        self.style_encoder = (
            GenderStyle(s.style) if s.reference == "gender" else StyleEncoder(domains, s.style, s.width, s.max_width)
        )
        self.discriminator = Discriminator(domains, s.width, s.max_width)
        self.ema = dict.fromkeys(("generator", "mapping_network", "style_encoder"), s.ema)
        self.inputs = dict.fromkeys(self.tasks, ("mel80",))
        self.output = dict.fromkeys(self.tasks, "mel80")

    def draws(self) -> Mapping[str, Draw]:
        """Recordings are drawn uniformly, so that who has more of them is drawn more often (Q27); genders equally."""
        s = self.settings
        mel = partial(Pick, "audio", ("mel80",), crop=s.crop)
        if s.domains == "gender":
            first, second = mel(balance="gender"), mel(same_gender="reference")
        else:
            first, second = mel(), mel(same_speaker="reference")
        return {"voices": Draw(s.batch, {"source": first, "reference": first, "partner": second})}

    def optimizers(self) -> Mapping[str, Optimizer]:
        s = self.settings
        options = {"betas": (s.beta1, s.beta2), "eps": s.eps, "weight_decay": s.weight_decay}
        betas = partial(cycled_betas, steps=s.cycle_momentum, beta2=s.beta2) if s.cycle_momentum else None
        return {
            name: Optimizer((name,), "adamw", s.mapping_lr if name == "mapping_network" else s.lr, options, betas=betas)
            for name in ("generator", "mapping_network", "style_encoder", "discriminator")
        }

    def phases(self) -> tuple[Phase, ...]:
        from_references = ("generator", "style_encoder") if self.settings.step_encoder_on_reference else ("generator",)
        return (
            Phase("discriminator_latent", ("discriminator",), "voices"),
            Phase("discriminator_reference", ("discriminator",), "voices"),
            Phase("generator_latent", ("generator", "mapping_network", "style_encoder"), "voices"),
            Phase("generator_reference", from_references, "voices"),
        )

    def discriminator_latent(self, batch: Batch, step: Step) -> Terms:
        given = self.draw_inputs(batch, step)
        with torch.no_grad():
            style = self.mapping_network(given.latents[0], given.y_target)
        return self.discriminate(given, style, step)

    def discriminator_reference(self, batch: Batch, step: Step) -> Terms:
        given = self.draw_inputs(batch, step)
        with torch.no_grad():
            style = self.style_encoder(given.references[0], given.y_target)
        return self.discriminate(given, style, step)

    def generator_latent(self, batch: Batch, step: Step) -> Terms:
        given = self.draw_inputs(batch, step)
        style = self.mapping_network(given.latents[0], given.y_target)
        with torch.no_grad():
            other = self.mapping_network(given.latents[1], given.y_target)
        return self.generate(given, style, other, step)

    def generator_reference(self, batch: Batch, step: Step) -> Terms:
        given = self.draw_inputs(batch, step)
        style = self.style_encoder(given.references[0], given.y_target)
        with torch.no_grad():
            other = self.style_encoder(given.references[1], given.y_target)
        return self.generate(given, style, other, step, given.references[0])

    def draw_inputs(self, batch: Batch, step: Step) -> Inputs:
        """Mels at random levels, and latents. The generator starts anew in every phase, and all draw in this order."""
        s = self.settings
        mels = []
        for name in ("source", "reference", "partner"):
            mels.append(at_some_level(batch[name]["mel80"], s.least_gain, step.generator))
        z, other = (torch.randn(len(mels[0]), s.latent, generator=step.generator).to(mels[0]) for _ in range(2))
        y, y_target = (batch[name][s.domains] for name in ("source", "reference"))
        return Inputs(mels[0], y, (mels[1], mels[2]), y_target, (z, other))

    def discriminate(self, given: Inputs, style: Tensor, step: Step) -> Terms:
        """BCE(D(x, y), 1) + BCE(D(G(x, s), y_target), 0) + lambda_reg R1, and once they have started lambda_cls
        CE(C(G(x, s)), y) and lambda_con_reg times how far D and C change their minds about transformed mels."""
        s, d = self.settings, self.discriminator
        with torch.no_grad(), auxiliaries(self.f0_network, self.asr_network, train_mode=s.auxiliary_train_mode):
            fake = self.generator(given.x, style, self.f0_network.features(given.x)).to(given.x)
        x = given.x.detach().requires_grad_()
        real, false = d(x, given.y), d(fake, given.y_target)
        terms = {
            "real": losses.adversarial(real, real=True),
            "fake": losses.adversarial(false, real=False),
            "r1": s.lambda_reg * r1(real, x),
        }
        classify, consist = step.index >= s.classifier_start, step.index >= s.consistency_start
        source = d.classify(fake) if classify else None
        if source is not None:
            terms["classifier"] = s.lambda_cls * losses.classification(source, given.y, given.y != given.y_target)
        if consist:
            transform = draw_transform(s.crop, s.fixed_shuffle, step.generator)
            change = F.smooth_l1_loss(real, d(transform(given.x), given.y))
            change = change + F.smooth_l1_loss(false, d(transform(fake), given.y_target))
            if source is not None:
                change = change + F.smooth_l1_loss(source, d.classify(transform(fake)))
            terms["consistency"] = s.lambda_con_reg * change
        return terms

    def generate(
        self, given: Inputs, style: Tensor, other: Tensor, step: Step, reference: Tensor | None = None
    ) -> Terms:
        """The generator's objective: lambda_adv BCE(D(G(x, s), y_target), 1), style, minus diversity, cycle, norm, ASR
        and F0 consistency; until the classifier starts, and from references alone, the level of F0; then lambda_adv_cls
        CE(C(G(x, s)), y_target)."""
        s, x = self.settings, given.x
        classify = step.index >= s.classifier_start
        with auxiliaries(self.f0_network, self.asr_network, train_mode=s.auxiliary_train_mode):
            with torch.no_grad():
                heard, words = self.f0_network(x), self.asr_network(x)
            fake = self.generator(x, style, heard.features).to(x)
            fake_heard = self.f0_network(fake)
            with torch.no_grad():
                another = self.generator(x, other, heard.features).to(x)
                another_features = self.f0_network.features(another)
                level = self.f0_network(reference).f0 if reference is not None and not classify else None
            back = self.generator(fake, self.style_encoder(x, given.y), fake_heard.features).to(x)
            returned = cycle(back, x)
            if s.lambda_f0 > 0:
                drop = self.f0_network.dropout  # in train mode the official maps are dropped out, each by itself (Q22)
                returned = returned + F.smooth_l1_loss(drop(self.f0_network(back).pooled), drop(heard.pooled))
            if s.lambda_asr > 0:
                returned = returned + F.smooth_l1_loss(self.asr_network(back), words)
            said = self.asr_network(fake)
        different = diversity(fake, another) + F.smooth_l1_loss(fake_heard.features, another_features)
        terms = {
            "adversarial": s.lambda_adv * losses.adversarial(self.discriminator(fake, given.y_target), real=True),
            "style": s.lambda_sty * style_reconstruction(self.style_encoder(fake, given.y_target), style),
            "diversity": -s.lambda_ds * different,
            "cycle": s.lambda_cyc * returned,
            "norm": s.lambda_norm * losses.norm(fake, x, s.norm_bias),
            "asr": s.lambda_asr * F.smooth_l1_loss(said, words),
            "f0": s.lambda_f0 * losses.f0_shape(fake_heard.f0, heard.f0),
        }
        if level is not None:
            terms["f0_level"] = s.lambda_f0_sty * losses.f0_level(fake_heard.f0, level)
        if classify:
            logits = self.discriminator.classify(fake)
            differ = given.y != given.y_target
            terms["classifier"] = s.lambda_adv_cls * losses.classification(logits, given.y_target, differ)
        return terms

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Mels (B, 1, 80, T) of any T, as long as the source's; `seeds` decide nothing.

        Raises:
            BenchmarkError: a reference whose domain has no head: a speaker whom no training record shows, or a gender
                that is not known.
        """
        domain, mel = reference[self.settings.domains], source["mel80"]
        if bool((domain < 0).any()):
            raise BenchmarkError(
                "StarGANv2-VC met a reference of unknown gender; use records with genders."
                if self.settings.domains == "gender"
                else "StarGANv2-VC has a head for each training speaker, and this reference is of another speaker. For "
                "anybody's voice take starganv2_vc:one_shot."
            )
        style = heard(self.style_encoder, reference["mel80"], domain)
        return converted(self.generator, self.f0_network, mel, style)
