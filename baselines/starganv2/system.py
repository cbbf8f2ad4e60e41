"""StarGANv2: one generator that gives a face the style of another, or one drawn at random, in either of two domains
(Choi et al. 2020, arXiv 1912.01865). The domains are the genders.

Settings, objective and order of steps as `clovaai/stargan-v2@875b70a:main.py, core/solver.py, core/data_loader.py`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from baselines.starganv2.official import load_official
from benchmark.blocks import GenderStyle, MappingNetwork, he_init, seeded_latents
from benchmark.errors import BenchmarkError
from benchmark.media.image import resized
from benchmark.stargan import losses
from benchmark.stargan.augment import augment
from benchmark.stargan.images import Discriminator, Generator, StyleEncoder
from benchmark.system import FACE, Batch, Column, Draw, FixedPartner, Optimizer, Phase, Pick, Step, System, Terms
from benchmark.upstream.wing import CELEBA_HQ, wing

DOMAINS = 2


@dataclass(frozen=True)
class StarGANv2Settings:
    """Defaults are the official values at 128 px; the official commands differ where a comment says so."""

    reference: Literal["face", "gender"] = "face"  # what the style encoder sees
    size: int = 128  # px; official 256
    w_hpf: float = 0.0  # divisor of the high-pass path, 0: none; official 1 for CelebA-HQ (256 px), 0 for AFHQ
    hpf_shortcut: bool = False  # the decoder's shortcuts with a high-pass path; Q15: the official code drops them
    clean_second_mask: bool = False  # Q15: the official code leaves NaN in the second mask
    cycle_mask_from_fake: bool = True  # Q19d: masks of the way back are those of the fake, not of the source
    width: int = 0  # channels at full resolution; 0: 2**14 / size
    max_width: int = 512
    hidden: int = 512  # of the mapping network
    style: int = 64
    latent: int = 16
    batch: int = 8
    crop_chance: float = 0.5
    fixed_partners: bool = True  # Q19c: a reference has one partner all through training
    lr: float = 1e-4
    mapping_lr: float = 1e-6
    beta1: float = 0.0
    beta2: float = 0.99
    weight_decay: float = 1e-4  # Q19e: Adam's L2, not decoupled
    lambda_reg: float = 1.0
    lambda_sty: float = 1.0
    lambda_ds: float = 1.0  # official 2 for AFHQ
    lambda_cyc: float = 1.0
    ds_decay: int = 100_000  # steps over which lambda_ds falls to 0; 0: constant
    ds_overshoot: bool = True  # Q19b: and then to just below 0
    step_encoder_on_reference: bool = False  # Q19a: the generator learns alone from references
    ema: float = 0.999
    ema_from_initial: bool = True  # Q17: averages start from PyTorch's own initial weights, the networks from He's

    def __post_init__(self) -> None:
        least = {"size": 32, "width": 0} | dict.fromkeys(("max_width", "hidden", "style", "latent", "batch"), 1)
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise BenchmarkError(f"{name} = {getattr(self, name)} in the StarGANv2 settings; at least {bound}.")
        if not 0 <= self.crop_chance <= 1:
            raise BenchmarkError(f"crop_chance = {self.crop_chance} in the StarGANv2 settings; 0 to 1, please.")


@dataclass(frozen=True)
class Inputs:
    """What all phases of a step see alike: pictures x (B, 3, size, size), domains y, latents z (B, latent)."""

    x: Tensor
    y: Tensor
    references: tuple[Tensor, Tensor]
    y_target: Tensor
    latents: tuple[Tensor, Tensor]


class StarGANv2(System):
    """Faces of any size are resized to `size` px by Pillow's bilinear filter, in float; those that are smaller are
    enlarged. Outputs have `size` px and are clamped to [-1, 1].

    Official, and no setting: the target domain is the reference's, in the latent phases too, and may be the source's
    own (Q19c). Not official: a resumed training goes on where it was, while the official code starts lambda_ds again
    (Q19b); pictures are augmented in float, not in 8 bits.
    """

    Settings: ClassVar[type] = StarGANv2Settings
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"official": {"size": 256, "w_hpf": 1.0}}
    published: ClassVar[Mapping[str, str]] = {"official": CELEBA_HQ}
    gender_only: ClassVar[Mapping[str, Any] | None] = {"reference": "gender"}
    tasks: ClassVar[frozenset[str]] = frozenset({"image_guided_translation", "latent_guided_translation"})
    settings: StarGANv2Settings

    def __init__(self, settings: StarGANv2Settings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        s = settings
        self.generator = Generator(s.size, s.style, s.w_hpf, s.width, s.max_width, s.hpf_shortcut)
        self.mapping_network = MappingNetwork(s.latent, s.style, DOMAINS, s.hidden)
        self.style_encoder = (
            GenderStyle(s.style)
            if s.reference == "gender"
            else StyleEncoder(s.size, s.style, DOMAINS, s.width, s.max_width)
        )
        self.discriminator = Discriminator(s.size, DOMAINS, s.width, s.max_width)
        self.ema = dict.fromkeys(("generator", "mapping_network", "style_encoder"), s.ema)
        self._initial = {name: copy.deepcopy(self.get_submodule(name)) for name in self.ema if s.ema_from_initial}
        for network in (self.generator, self.mapping_network, self.style_encoder, self.discriminator):
            he_init(network)
        self.wing = wing(s.clean_second_mask) if s.w_hpf > 0 else None
        self.upstream = frozenset({"wing"}) if s.w_hpf > 0 else frozenset()
        self.inputs = dict.fromkeys(self.tasks, ("face128",))
        self.output = dict.fromkeys(self.tasks, FACE)

    def averages(self) -> Mapping[str, nn.Module]:
        return {**super().averages(), **self._initial}

    def draws(self) -> Mapping[str, Draw]:
        s = self.settings
        columns = {
            "source": Pick("face", ("face128",), balance="gender"),
            "reference": Pick("face", ("face128",), balance="gender"),
            "partner": (FixedPartner if s.fixed_partners else Pick)("face", ("face128",), same_gender="reference"),
        }
        return {"faces": Draw(s.batch, columns)}

    def optimizers(self) -> Mapping[str, Optimizer]:
        s = self.settings
        options = {"betas": (s.beta1, s.beta2), "weight_decay": s.weight_decay}
        return {
            name: Optimizer((name,), "adam", s.mapping_lr if name == "mapping_network" else s.lr, options)
            for name in ("generator", "mapping_network", "style_encoder", "discriminator")
        }

    def phases(self) -> tuple[Phase, ...]:
        from_references = ("generator", "style_encoder") if self.settings.step_encoder_on_reference else ("generator",)
        return (
            Phase("discriminator_latent", ("discriminator",), "faces"),
            Phase("discriminator_reference", ("discriminator",), "faces"),
            Phase("generator_latent", ("generator", "mapping_network", "style_encoder"), "faces"),
            Phase("generator_reference", from_references, "faces"),
        )

    def discriminator_latent(self, batch: Batch, step: Step) -> Terms:
        given = self.draw_inputs(batch, step)
        with torch.no_grad():
            style = self.mapping_network(given.latents[0], given.y_target)
        return self.discriminate(given, style)

    def discriminator_reference(self, batch: Batch, step: Step) -> Terms:
        given = self.draw_inputs(batch, step)
        with torch.no_grad():
            style = self.style_encoder(given.references[0], given.y_target)
        return self.discriminate(given, style)

    def generator_latent(self, batch: Batch, step: Step) -> Terms:
        given = self.draw_inputs(batch, step)
        styles = [self.mapping_network(z, given.y_target) for z in given.latents]
        return self.generate(given, styles[0], styles[1], step.index)

    def generator_reference(self, batch: Batch, step: Step) -> Terms:
        given = self.draw_inputs(batch, step)
        styles = [self.style_encoder(x, given.y_target) for x in given.references]
        return self.generate(given, styles[0], styles[1], step.index)

    def draw_inputs(self, batch: Batch, step: Step) -> Inputs:
        """Augmented pictures and latents. The generator starts anew in every phase, and all draw in this order."""
        s = self.settings
        x, first, second = (
            augment(batch[name]["face128"], s.size, s.crop_chance, step.generator)
            for name in ("source", "reference", "partner")
        )
        z, other = (torch.randn(len(x), s.latent, generator=step.generator).to(x) for _ in range(2))
        return Inputs(x, batch["source"]["gender"], (first, second), batch["reference"]["gender"], (z, other))

    def discriminate(self, given: Inputs, style: Tensor) -> Terms:
        """BCE(D(x, y), 1) + BCE(D(G(x, s), y_target), 0) + lambda_reg R1."""
        with torch.no_grad():
            fake = self.generator(given.x, style, self.masks(given.x))
        x = given.x.detach().requires_grad_()
        real = self.discriminator(x, given.y)
        return {
            "real": losses.adversarial(real, real=True),
            "fake": losses.adversarial(self.discriminator(fake, given.y_target), real=False),
            "r1": self.settings.lambda_reg * losses.r1(real, x),
        }

    def generate(self, given: Inputs, style: Tensor, other: Tensor, step: int) -> Terms:
        """BCE(D(G(x, s), y_target), 1) + lambda_sty style - lambda_ds diversity + lambda_cyc cycle."""
        s = self.settings
        masks = self.masks(given.x)
        fake = self.generator(given.x, style, masks)
        with torch.no_grad():
            another = self.generator(given.x, other, masks)
        read = self.style_encoder(fake, given.y_target)
        if s.cycle_mask_from_fake:
            masks = self.masks(fake)
        back = self.generator(fake, self.style_encoder(given.x, given.y), masks)
        weight = s.lambda_ds * losses.falling(step, s.ds_decay, s.ds_overshoot)
        return {
            "adversarial": losses.adversarial(self.discriminator(fake, given.y_target), real=True),
            "style": s.lambda_sty * losses.style_reconstruction(read, style),
            "diversity": -weight * losses.diversity(fake, another),
            "cycle": s.lambda_cyc * losses.cycle(back, given.x),
        }

    def masks(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """The two masks of the high-pass path, where there is one."""
        if self.wing is None:
            return None
        with torch.no_grad():
            return self.wing.heatmaps(x)

    def load_published(self, path: Path) -> None:
        """The averages of an official checkpoint, and its heat-map network (official domains: 0 female, 1 male)."""
        networks: dict[str, nn.Module] = {name: self.get_submodule(name) for name in self.ema}
        load_official(path, networks if self.wing is None else {**networks, "fan": self.wing})

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Pictures (B, 3, size, size): the source with the style of the reference, or of a latent drawn from the seed.

        Raises:
            BenchmarkError: a target of unknown gender.
        """
        x, domain = self.resize(source["face128"]), reference["gender"]
        if bool((domain < 0).any()):
            raise BenchmarkError("StarGANv2 met a reference of unknown gender; use records with genders.")
        if task == "latent_guided_translation":
            style = self.mapping_network(seeded_latents(seeds, self.settings.latent).to(x), domain)
        else:
            style = self.style_encoder(self.resize(reference["face128"]), domain)
        out: Tensor = self.generator(x, style, self.masks(x))
        return out.clamp(-1, 1)

    def resize(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, H) -> (B, 3, size, size); Pillow's bilinear filter up to its rounding to 8 bits."""
        return resized(pictures, self.settings.size)
