"""How Parallel WaveGAN is trained: recordings of pocket_upstream, spectra first, then against a discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.transforms.v2.functional import gaussian_blur

from benchmark.corpora.prepared import Store
from benchmark.media.mel import HOP, MEL80, WINDOW, log_mel
from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.parallel_wavegan.losses import SUB_BAND, stft_loss, to_fake, to_real
from benchmark.upstream.parallel_wavegan.network import (
    Discriminator,
    DiscriminatorSettings,
    Generator,
    GeneratorSettings,
    without_weight_norm,
)
from benchmark.upstream.parallel_wavegan.pqmf import PQMF
from benchmark.upstream.recipe import Recipe

_SEEN = WINDOW // 2 // HOP
"""Frames at either end of a crop whose window reaches over it."""
_BLUR = 9


@dataclass(frozen=True)
class Settings:
    """The defaults are vctk v1 of kan-bayashi/ParallelWaveGAN: RAdam, both rates halved every `half_life` steps.

    samples: of a row whose spectra are compared, a multiple of the hop.
    ema: decay of the moving average of the generator that is shipped; 0 ships the live one.
    mel: weight of the mean absolute difference of the suite's mels of output and recording.
    adversarial, adversarial_start: weight of the discriminator's judgement (lambda_adv), and the step from which there
        is one.
    subband_loss: whether sub-bands are compared too; then each of the two losses counts half.
    smoothed, spread: share of the rows whose mel is blurred, as converted ones are, and the largest standard deviation
        of it, in frames and in bands.
    """

    batch: int = 6
    samples: int = 24000
    lr: float = 1e-4
    lr_discriminator: float = 5e-5
    half_life: int = 200000
    eps: float = 1e-6
    clip: float = 10.0
    clip_discriminator: float = 1.0
    ema: float = 0.0
    mel: float = 0.0
    adversarial: float = 4.0
    adversarial_start: int = 100000
    subband_loss: bool = False
    smoothed: float = 0.0
    spread: float = 1.0
    generator: GeneratorSettings = field(default_factory=GeneratorSettings)
    discriminator: DiscriminatorSettings = field(default_factory=DiscriminatorSettings)


POCKET = Settings(
    batch=6,
    samples=9000,
    lr=2e-3,
    lr_discriminator=1e-3,
    half_life=2000,
    ema=0.998,
    mel=4.0,
    adversarial=2.5,
    adversarial_start=4000,
    smoothed=0.25,
    generator=GeneratorSettings(12, 2, residual=48, gate=96, skip=48, upsample=(5, 5, 3), subbands=4),
    discriminator=DiscriminatorSettings(channels=32),
)
"""Two orders of magnitude fewer steps, on one core of a CPU: four sub-bands, a third of the weights."""


class ParallelWaveGANTraining(Trainable):
    """What the trainer trains; `generator` is shipped."""

    def __init__(self, settings: Settings = Settings()) -> None:
        super().__init__()
        self.settings = settings
        self.generator = Generator(settings.generator)
        self.discriminator = Discriminator(settings.discriminator)
        self.ema = {"generator": settings.ema} if settings.ema else {}
        self.pqmf = PQMF(settings.generator.subbands) if settings.generator.subbands > 1 else None

    def optimizers(self) -> Mapping[str, Optimizer]:
        own = self.settings
        options = {"eps": own.eps}
        return {
            "generator": Optimizer(("generator",), "radam", own.lr, options, self._rate, own.clip),
            "discriminator": Optimizer(
                ("discriminator",), "radam", own.lr_discriminator, options, self._rate_later, own.clip_discriminator
            ),
        }

    def draws(self) -> Mapping[str, Draw]:
        frames = self.settings.samples // HOP + 2 * (_SEEN + self.settings.generator.context) - 1
        return {"speech": Draw(self.settings.batch, {"speech": Pick("audio", ("wave24k",), crop=frames * HOP)})}

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("generate", ("generator",), "speech"),
            Phase("discriminate", ("discriminator",), "speech", start=self.settings.adversarial_start),
        )

    def generate(self, batch: Batch, step: Step) -> Terms:
        """Mean over resolutions of spectral convergence and log distance, and lambda_adv (D(G) - 1)^2."""
        own = self.settings
        wave, bands, true = self.made(batch["speech"]["wave24k"], step)
        share = 0.5 if own.subband_loss else 1.0
        terms = dict(zip(("convergence", "logarithm"), (share * term for term in stft_loss(wave, true)), strict=True))
        if own.mel:
            terms["mel"] = own.mel * (log_mel(wave) - log_mel(true)).abs().mean()
        if own.subband_loss and self.pqmf is not None:
            convergence, logarithm = stft_loss(bands, self.pqmf.analysis(true[:, None]), SUB_BAND)
            terms |= {"subband_convergence": share * convergence, "subband_logarithm": share * logarithm}
        if step.index >= own.adversarial_start:
            terms["adversarial"] = own.adversarial * to_real(self.discriminator(wave[:, None]))
        return terms

    def discriminate(self, batch: Batch, step: Step) -> Terms:
        """D(x) to 1 and D(G) to 0, of outputs that the generator just stepped makes of the same noise."""
        with torch.no_grad():
            wave, _, true = self.made(batch["speech"]["wave24k"], step)
        return {
            "real": to_real(self.discriminator(true[:, None])),
            "fake": to_fake(self.discriminator(wave[:, None])),
        }

    def made(self, crop: Tensor, step: Step) -> tuple[Tensor, Tensor, Tensor]:
        """Crops (B, N) -> output (B, samples), its sub-bands, and the recording (B, samples).

        Frames whose window reaches over the crop are left out, so that every frame heard is one of the recording.
        """
        own, network = self.settings, self.settings.generator
        mel = log_mel(crop)[..., _SEEN : crop.shape[1] // HOP - _SEEN + 1]
        mel = smoothed(mel, own.smoothed, own.spread, step.generator)[:, 0]
        first = (_SEEN + network.context) * HOP
        true = crop[:, first : first + own.samples]
        noise = torch.randn(len(crop), network.subbands, own.samples // network.subbands, generator=step.generator)
        bands = self.generator(noise.to(crop.device), mel)
        with torch.autocast(crop.device.type, enabled=False):
            wave = bands.float() if self.pqmf is None else self.pqmf.synthesis(bands.float())
        return wave[:, 0], bands, true

    def _rate(self, step: int) -> float:
        return float(0.5 ** (step // self.settings.half_life))

    def _rate_later(self, step: int) -> float:
        return self._rate(max(0, step - self.settings.adversarial_start))


def smoothed(mel: Tensor, share: float, spread: float, generator: torch.Generator) -> Tensor:
    """(B, 1, 80, T) with a share of the rows blurred over frames and bands, each by its own standard deviations."""
    chance = torch.rand(len(mel), 3, generator=generator).tolist()
    return torch.stack(
        [
            gaussian_blur(row, [_BLUR, _BLUR], [max(0.05, spread * a), max(0.05, spread * b)]) if c < share else row
            for row, (a, b, c) in zip(mel, chance, strict=True)
        ]
    )


def _build(store: Store) -> Trainable:
    return ParallelWaveGANTraining(POCKET)


def _network(trained: Trainable) -> nn.Module:
    """Without weight norm: what is shipped is heard, not trained on."""
    generator = trained.get_submodule("generator")
    without_weight_norm(generator)
    return generator


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    from benchmark.upstream.parallel_wavegan.evaluate import evaluate

    return evaluate(weights, store)


def _describe(store: Store) -> Mapping[str, Any]:
    return {"mel": MEL80.hash}


RECIPE = Recipe(
    corpus="pocket_upstream",
    build=_build,
    network=_network,
    train={"steps": 7500, "save_every": 250, "log_every": 50, "precision": "bf16-mixed"},
    evaluate=_evaluate,
    describe=_describe,
)
