"""StyleGAN2 as what the trainer trains: two players, regularised now and then.

rosinality/stylegan2-pytorch@bef283a:train.py. There a regulariser takes a step of its own; here it is a term of the
player's own step, every so many steps and so many times as heavy, and Adam's constants stay what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.media.image import mirror, resized
from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.stylegan2 import losses
from benchmark.upstream.stylegan2.discriminator import GROUP, Discriminator
from benchmark.upstream.stylegan2.generator import Generator, GeneratorSettings


@dataclass(frozen=True)
class Settings:
    """The defaults are rosinality's at 256 px.

    widths: of the discriminator, at 4, 8, .. px; as many as the generator has.
    r1, r1_every: weight (half of it counts) of the discriminator's gradient penalty, and the steps between two of them.
    path, path_every, path_rows, path_decay: of the path length penalty (path 0: none): weight, steps between two, share
        of the batch it is measured on, and the speed of the mean length that paths are drawn to.
    mixing: chance of a step that half of a picture's layers have another latent's style.
    ema: decay of the average that is shipped; official 0.5 ** (32 / 10000).
    """

    generator: GeneratorSettings = field(default_factory=GeneratorSettings)
    widths: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128)
    batch: int = 16
    lr: float = 2e-3
    r1: float = 10.0
    r1_every: int = 16
    path: float = 2.0
    path_every: int = 4
    path_rows: float = 0.5
    path_decay: float = 0.01
    mixing: float = 0.9
    flip: bool = True
    ema: float = 0.5 ** (32 / 10000)

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.generator.widths):
            raise BenchmarkError(f"Generator {self.generator.widths} and discriminator {self.widths} differ in size.")
        if self.batch > GROUP and self.batch % GROUP:
            raise BenchmarkError(f"batch = {self.batch} of StyleGAN2; pictures are compared in groups of {GROUP}.")


class StyleGAN2Training(Trainable):
    """What the trainer trains; the average of `generator` is shipped."""

    path_mean: Tensor

    def __init__(self, settings: Settings = Settings()) -> None:
        super().__init__()
        self.settings = settings
        self.generator = Generator(settings.generator)
        self.discriminator = Discriminator(settings.widths)
        self.register_buffer("path_mean", torch.zeros(()))
        self.ema = {"generator": settings.ema}

    def optimizers(self) -> Mapping[str, Optimizer]:
        options = {"betas": (0.0, 0.99)}
        names = ("generator", "discriminator")
        return {name: Optimizer((name,), "adam", self.settings.lr, options) for name in names}

    def draws(self) -> Mapping[str, Draw]:
        return {"faces": Draw(self.settings.batch, {"face": Pick("face", ("face128",))})}

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("discriminate", ("discriminator",), "faces"),
            Phase("generate", ("generator",), "faces"),
        )

    def discriminate(self, batch: Batch, step: Step) -> Terms:
        """softplus(-D(x)) + softplus(D(G(z))), and every `r1_every` steps the gradient penalty."""
        own = self.settings
        real = resized(batch["face"]["face128"], own.generator.size)
        if own.flip:
            real = mirror(real, step.generator)
        with torch.no_grad():
            fake = self.draw(len(real), step)[0]
        terms = {
            "real": losses.to_real(self.discriminator(real)),
            "fake": losses.to_fake(self.discriminator(fake)),
        }
        if step.index % own.r1_every == 0:
            with torch.autocast(real.device.type, enabled=False):
                x = real.detach().float().requires_grad_()
                terms["r1"] = own.r1 / 2 * own.r1_every * losses.r1(self.discriminator(x), x)
        return terms

    def generate(self, batch: Batch, step: Step) -> Terms:
        """softplus(-D(G(z))), and every `path_every` steps the path length penalty."""
        own = self.settings
        rows = len(batch["face"]["face128"])
        terms = {"adversarial": losses.to_real(self.discriminator(self.draw(rows, step)[0]))}
        if own.path > 0 and step.index % own.path_every == 0:
            with torch.autocast(self.path_mean.device.type, enabled=False):
                fake, styles = self.draw(max(1, int(rows * own.path_rows)), step)
                noise = torch.randn(fake.shape, generator=step.generator).to(fake)
                lengths = losses.path_lengths(fake, styles, noise)
            average = step.gather(lengths.detach()).mean()
            mean = self.path_mean + own.path_decay * (average - self.path_mean)
            self.path_mean.copy_(mean)
            terms["path"] = own.path * own.path_every * (lengths - mean).square().mean()
        return terms

    def draw(self, rows: int, step: Step) -> tuple[Tensor, Tensor]:
        """Pictures of fresh latents and noise, float32, and their styles (rows, latents, style)."""
        own = self.settings
        size = own.generator.style
        z, other = (torch.randn(rows, size, generator=step.generator).to(self.path_mean) for _ in range(2))
        mixed = float(torch.rand((), generator=step.generator)) < own.mixing
        first = int(torch.randint(1, own.generator.latents, (), generator=step.generator))
        network = self.generator
        styles = network.spread(network.map(z), network.map(other) if mixed else None, first)
        pictures = network(styles, network.draw_noise(rows, step.generator))
        return pictures.float(), styles
