"""Parallel WaveGAN as what the trainer trains: spectra first, then against a discriminator.

kan-bayashi/ParallelWaveGAN@86740373:parallel_wavegan/bin/train.py (`_train_step`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torchvision.transforms.v2.functional import gaussian_blur

from benchmark.media.mel import HOP, WINDOW, log_mel
from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.parallel_wavegan.losses import SUB_BAND, stft_loss, to_fake, to_real
from benchmark.upstream.parallel_wavegan.network import (
    Discriminator,
    DiscriminatorSettings,
    Generator,
    GeneratorSettings,
)
from benchmark.upstream.parallel_wavegan.pqmf import PQMF

SEEN = WINDOW // 2 // HOP
"""Frames at either end of a crop whose window reaches over it."""
MARGIN = 2
"""Further frames at either end: a wave made of a crop of a mel is wrong there."""
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


class ParallelWaveGANTraining(Trainable):
    """What the trainer trains; `generator` is shipped."""

    def __init__(self, settings: Settings = Settings()) -> None:
        super().__init__()
        self.settings = settings
        self.generator = self.make_generator()
        self.discriminator = Discriminator(settings.discriminator)
        self.ema = {"generator": settings.ema} if settings.ema else {}
        self.pqmf = PQMF(settings.generator.subbands) if settings.generator.subbands > 1 else None

    def make_generator(self) -> nn.Module:
        return Generator(self.settings.generator)

    def trained(self) -> tuple[str, ...]:
        """Modules that the phase `generate` trains."""
        return ("generator",)

    def start(self) -> int:
        """The step of the first such phase."""
        return 0

    def optimizers(self) -> Mapping[str, Optimizer]:
        own = self.settings
        options = {"eps": own.eps}
        return {
            "generator": Optimizer(self.trained(), "radam", own.lr, options, self._rate, own.clip),
            "discriminator": Optimizer(
                ("discriminator",), "radam", own.lr_discriminator, options, self._rate_later, own.clip_discriminator
            ),
        }

    def draws(self) -> Mapping[str, Draw]:
        frames = self.settings.samples // HOP + 2 * (SEEN + MARGIN + self.settings.generator.context) - 1
        return {"speech": Draw(self.settings.batch, {"speech": Pick("audio", ("wave24k",), crop=frames * HOP)})}

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("generate", ("generator",), "speech", start=self.start()),
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
        own = self.settings
        mel = log_mel(crop)[..., SEEN : crop.shape[1] // HOP - SEEN + 1]
        mel = smoothed(mel, own.smoothed, own.spread, step.generator)
        first = (SEEN + MARGIN + own.generator.context) * HOP
        bands = self.bands(mel, step)
        with torch.autocast(crop.device.type, enabled=False):
            wave = bands if self.pqmf is None else self.pqmf.synthesis(bands)
        return wave[:, 0], bands, crop[:, first : first + own.samples]

    def bands(self, mel: Tensor, step: Step) -> Tensor:
        """(B, 1, 80, T + 2 * (context + margin)) -> output (B, subbands, T * hop)."""
        network = self.settings.generator
        noise = torch.randn(
            len(mel), network.subbands, self.settings.samples // network.subbands, generator=step.generator
        )
        bands: Tensor = self.generator(noise.to(mel.device), mel[:, 0, :, MARGIN:-MARGIN])
        return bands

    def _rate(self, step: int) -> float:
        return self._halved(step - self.start())

    def _rate_later(self, step: int) -> float:
        return self._halved(step - self.settings.adversarial_start)

    def _halved(self, steps: int) -> float:
        return float(0.5 ** (max(0, steps) // self.settings.half_life))


def smoothed(mel: Tensor, share: float, spread: float, generator: torch.Generator) -> Tensor:
    """(B, 1, 80, T) with a share of the rows blurred over frames and bands, each by its own standard deviations."""
    chance = torch.rand(len(mel), 3, generator=generator).tolist()
    return torch.stack(
        [
            gaussian_blur(row, [_BLUR, _BLUR], [max(0.05, spread * a), max(0.05, spread * b)]) if c < share else row
            for row, (a, b, c) in zip(mel, chance, strict=True)
        ]
    )
