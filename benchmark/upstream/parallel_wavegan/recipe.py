"""How the pocket vocoder is trained: recordings of pocket_upstream, twenty minutes on a core of a CPU.

Its steps end where its adversarial phase would begin: what is shipped has learnt from spectra alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.corpora.prepared import Store
from benchmark.media.mel import HOP, MEL80, WINDOW, hann, log_mel
from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.parallel_wavegan.corrected import Corrected
from benchmark.upstream.parallel_wavegan.evaluate import evaluate
from benchmark.upstream.parallel_wavegan.load import load
from benchmark.upstream.parallel_wavegan.losses import spectral_convergence
from benchmark.upstream.parallel_wavegan.magnitudes import MagnitudeSettings
from benchmark.upstream.parallel_wavegan.network import DiscriminatorSettings, GeneratorSettings, without_weight_norm
from benchmark.upstream.parallel_wavegan.training import MARGIN, SEEN, ParallelWaveGANTraining
from benchmark.upstream.parallel_wavegan.training import Settings as AnySettings
from benchmark.upstream.recipe import Recipe

_LEAST = 1e-3
"""Added to magnitudes (root mean square) before logarithms: what lies below is not heard."""


@dataclass(frozen=True)
class Settings(AnySettings):
    """The magnitudes are learnt alone until `magnitude_steps`, with Adam and half a cosine down to a tenth; then with
    the correction.

    frames, rows: of a batch of magnitudes.
    """

    batch: int = 4
    samples: int = 6000
    lr: float = 4e-3
    lr_discriminator: float = 1e-3
    half_life: int = 500
    ema: float = 0.995
    mel: float = 10.0
    adversarial: float = 1.0
    adversarial_start: int = 4500
    smoothed: float = 0.2
    generator: GeneratorSettings = field(
        default_factory=lambda: GeneratorSettings(12, 2, 48, 96, 48, upsample=(5, 5, 3), subbands=4)
    )
    discriminator: DiscriminatorSettings = field(default_factory=lambda: DiscriminatorSettings(channels=32))
    magnitudes: MagnitudeSettings = field(default_factory=MagnitudeSettings)
    magnitude_steps: int = 3500
    lr_magnitudes: float = 2e-3
    rows: int = 12
    frames: int = 64


class PocketTraining(ParallelWaveGANTraining):
    """As Parallel WaveGAN is trained, after a phase that learns the magnitudes of the wave that it begins with."""

    settings: Settings
    generator: Corrected

    def make_generator(self) -> nn.Module:
        return Corrected(self.settings.generator, self.settings.magnitudes)

    def optimizers(self) -> Mapping[str, Optimizer]:
        own = self.settings
        both = super().optimizers()
        magnitudes = Optimizer(
            ("generator.magnitudes",), "adam", own.lr_magnitudes, schedule=self._rate_first, clip=5.0
        )
        return {"magnitudes": magnitudes, **both}

    def trained(self) -> tuple[str, ...]:
        return ("generator.correction",)

    def draws(self) -> Mapping[str, Draw]:
        crop = self.settings.frames * HOP
        return {
            "frames": Draw(self.settings.rows, {"speech": Pick("audio", ("wave24k",), crop=crop)}),
            **super().draws(),
        }

    def phases(self) -> tuple[Phase, ...]:
        own = self.settings
        return (
            Phase("shape", ("magnitudes",), "frames", stop=own.magnitude_steps),
            Phase("generate", ("generator", "magnitudes"), "speech", start=own.magnitude_steps),
            Phase("discriminate", ("discriminator",), "speech", start=own.adversarial_start),
        )

    def start(self) -> int:
        return self.settings.magnitude_steps

    def shape(self, batch: Batch, step: Step) -> Terms:
        """Spectral convergence and log distance of magnitudes, of frames whose window lies within the crop."""
        crop = batch["speech"]["wave24k"]
        mel = log_mel(crop)[:, 0, :, SEEN : crop.shape[1] // HOP - SEEN + 1]
        found = self.generator.magnitudes(mel, self.settings.magnitudes.updates_in_training)
        true = (
            torch.stft(crop, WINDOW, HOP, WINDOW, hann(crop.device), center=False, return_complex=True)
            .abs()
            .transpose(1, 2)
        )
        logarithms = [(magnitude.square() + _LEAST**2).log() / 2.0 for magnitude in (found, true)]
        return {
            "convergence": spectral_convergence(found, true),
            "logarithm": (logarithms[0] - logarithms[1]).abs().mean(),
        }

    def bands(self, mel: Tensor, step: Step) -> Tensor:
        start = self.generator.start(mel)
        error = self.generator.error(start, mel)
        first = (MARGIN + self.settings.generator.context) * HOP
        bands: Tensor = self.generator(start[:, first:-first], *(x[..., MARGIN:-MARGIN] for x in (mel, error)))
        return bands

    def _rate_first(self, step: int) -> float:
        done = min(step / self.settings.magnitude_steps, 1.0)
        return 0.1 + 0.45 * (1.0 + math.cos(math.pi * done))


def _build(store: Store) -> Trainable:
    return PocketTraining(Settings())


def _network(trained: Trainable) -> nn.Module:
    """Without weight norm: what is shipped is heard, not trained on."""
    generator = trained.get_submodule("generator")
    without_weight_norm(generator)
    return generator


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    own = Settings()
    return evaluate(load(weights, own.generator, own.magnitudes), store)


def _describe(store: Store) -> Mapping[str, Any]:
    return {"mel": MEL80.hash}


RECIPE = Recipe(
    corpus="pocket_upstream",
    build=_build,
    network=_network,
    train={"steps": 4500, "save_every": 250, "log_every": 50, "precision": "bf16-mixed"},
    evaluate=_evaluate,
    describe=_describe,
)
