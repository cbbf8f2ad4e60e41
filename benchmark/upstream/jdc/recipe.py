"""How the shipped F0 network is trained: on WORLD's F0 of 768 recordings of 128 voices that no contestant hears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.corpora.prepared import Store
from benchmark.media.mel import MEL80, turned_down
from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.jdc.augment import softened
from benchmark.upstream.jdc.evaluate import evaluate
from benchmark.upstream.jdc.load import load
from benchmark.upstream.jdc.network import JDC, POCKET
from benchmark.upstream.noise import noisy
from benchmark.upstream.recipe import Recipe, warm_half_cosine


@dataclass(frozen=True)
class Settings:
    """AdamW with a linear warm-up and a half cosine to 0 at `steps`.

    f0: weight of the mean absolute error in Hz, beside a voicing loss of weight 1, as `lambda_f0` of
        `yl4579/PitchExtractor@c4d518d6:Configs/config.yml`.
    quietest: a recording is scaled by U(quietest, 1), as there (meldataset.py).
    soft, noise: shares of the rows that are blurred, and that get noise; noise_level: its largest deviation.
    """

    batch: int = 32
    crop: int = 96
    steps: int = 1000
    lr: float = 3e-3
    decay: float = 0.01
    warm_up: int = 80
    f0: float = 0.1
    quietest: float = 0.5
    soft: float = 0.4
    noise: float = 0.4
    noise_level: float = 0.1


class JDCTraining(Trainable):
    """What the trainer trains; `network` is shipped."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.network = JDC(POCKET)

    def optimizers(self) -> Mapping[str, Optimizer]:
        own = self.settings
        options = {"weight_decay": own.decay}
        return {"network": Optimizer(("network",), "adamw", own.lr, options, schedule=self._rate, clip=5.0)}

    def draws(self) -> Mapping[str, Draw]:
        pick = Pick("audio", ("mel80", "f0"), crop=self.settings.crop)
        return {"speech": Draw(self.settings.batch, {"speech": pick})}

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("read", ("network",), "speech"),)

    def read(self, batch: Batch, step: Step) -> Terms:
        """F0 of every frame, 0 where there is none, and whether there is one: `PitchExtractor`'s trainer.py, whose `l1`
        is a Huber loss of 1 Hz."""
        own, speech = self.settings, batch["speech"]
        found = self.network(self.heard(speech["mel80"], step.generator))
        target = speech["f0"]
        voiced = (target > 0.0).to(target)
        return {
            "f0": own.f0 * F.smooth_l1_loss(found.f0, target),
            "voiced": F.binary_cross_entropy_with_logits(found.voiced, voiced),
        }

    def heard(self, mel: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 1, 80, T) as loud, as soft and as noisy as the draws say."""
        own = self.settings
        gain = own.quietest + (1.0 - own.quietest) * torch.rand(len(mel), 1, 1, 1, generator=generator)
        mel = softened(turned_down(mel, gain.to(mel.device)), own.soft, generator)
        return noisy(mel, own.noise, own.noise_level, generator)

    def _rate(self, step: int) -> float:
        return warm_half_cosine(step, self.settings.warm_up, self.settings.steps)


def _build(store: Store) -> Trainable:
    return JDCTraining(Settings())


def _network(trained: Trainable) -> nn.Module:
    return trained.get_submodule("network")


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    return evaluate(load(weights), store)


def _describe(store: Store) -> Mapping[str, Any]:
    return {"mel": MEL80.hash, "network": asdict(POCKET)}


RECIPE = Recipe(
    corpus="pocket_upstream",
    build=_build,
    network=_network,
    train={"steps": Settings.steps, "save_every": 200, "log_every": 25, "channels_last": True},
    evaluate=_evaluate,
    describe=_describe,
)
