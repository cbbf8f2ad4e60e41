"""How the ASR features of the embedded corpus are trained: 768 sentences of 128 voices that no contestant hears.

CTC on their letters (Graves et al. 2006, ICML, section 3). The features stand inside losses on crops of generated mels
of any voice; so rows are cut into pieces that are read one by one, and are made louder, higher, coloured and smooth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.corpora.prepared import Store
from benchmark.media.mel import FLOOR, MEL80, SCALE, SHIFT
from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.asr_features.augment import amplified, masked, random_gain, smoothed, stretched
from benchmark.upstream.asr_features.characters import BLANK, TOKENS, codes
from benchmark.upstream.asr_features.evaluate import evaluate
from benchmark.upstream.asr_features.load import SIZES, load
from benchmark.upstream.asr_features.network import AsrFeatures
from benchmark.upstream.noise import noisy
from benchmark.upstream.recipe import Recipe, warm_half_cosine

_SILENCE = (math.log(FLOOR) + SHIFT) / SCALE


@dataclass(frozen=True)
class Settings:
    """AdamW with AuxiliaryASR's betas, epsilon and decay, a linear warm-up and a half cosine to 0 at `steps`. There the
    rate is 5e-4 over 200 epochs; here it is higher, for 54.

    level, curve: standard deviations of the random gain in dB. throat: of the logarithm of the random pitch and formant
    scale. smooth, noise: shares of the rows that are smoothed, and that get noise; noise_level: its largest deviation.
    masks, mask_bands, mask_frames: see `augment.masked`. pieces: share of the batches that are read in pieces, of
    `shortest` to `longest` frames.
    """

    batch: int = 32
    steps: int = 1300
    lr: float = 2e-3
    decay: float = 5e-4
    warm_up: int = 100
    clip: float = 5.0
    level: float = 5.0
    curve: float = 4.0
    throat: float = 0.08
    smooth: float = 0.5
    noise: float = 0.3
    noise_level: float = 0.15
    masks: int = 2
    mask_bands: int = 12
    mask_frames: int = 8
    pieces: float = 0.5
    shortest: int = 80
    longest: int = 160


class AsrFeaturesTraining(Trainable):
    """What the trainer trains; `network` is shipped."""

    ema = {"network": 0.995}
    codes: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.network = AsrFeatures(SIZES["pocket"])
        self.register_buffer("codes", codes(), persistent=False)

    def optimizers(self) -> Mapping[str, Optimizer]:
        own = self.settings
        options = {"betas": (0.9, 0.98), "eps": 1e-9, "weight_decay": own.decay}
        return {"network": Optimizer(("network",), "adamw", own.lr, options, schedule=self._rate, clip=own.clip)}

    def draws(self) -> Mapping[str, Draw]:
        return {"speech": Draw(self.settings.batch, {"speech": Pick("audio", ("mel80", "text"))})}

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("read", ("network",), "speech"),)

    def read(self, batch: Batch, step: Step) -> Terms:
        """CTC, a mean over rows of the loss a letter."""
        own, speech = self.settings, batch["speech"]
        mel = self.heard(speech["mel80"], step.generator)
        if step.choices.random() < own.pieces:
            features = self.in_pieces(mel, 2 * int(step.choices.integers(own.shortest // 2, own.longest // 2 + 1)))
        else:
            features = self.network(mel)
        spoken = functional.log_softmax(self.network.ctc(features), dim=2).transpose(0, 1)
        letters = speech["text_rows"]
        text = self.codes[speech["text"][:, : int(letters.max())]]
        frames = (speech["mel80_rows"] + 1) // 2
        return {"ctc": functional.ctc_loss(spoken, text, frames, letters, blank=BLANK)}

    def heard(self, mel: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 1, 80, T) -> the same words as another voice, or a generator, might say them."""
        own = self.settings
        mel = stretched(mel, torch.exp(own.throat * torch.randn(len(mel), generator=generator)))
        mel = amplified(mel, random_gain(len(mel), own.level, own.curve, generator).to(mel.device))
        mel = noisy(smoothed(mel, own.smooth, generator), own.noise, own.noise_level, generator)
        return masked(mel, own.masks, own.mask_bands, own.mask_frames, generator)

    def in_pieces(self, mel: Tensor, frames: int) -> Tensor:
        """Features (B, C, F) of pieces of so many frames (even), each read as if there were nothing around it."""
        padded = functional.pad(mel, (0, -mel.shape[3] % frames), value=_SILENCE)
        pieces = torch.cat(torch.split(padded, frames, dim=3))
        return torch.cat(self.network(pieces).chunk(padded.shape[3] // frames), dim=2)

    def _rate(self, step: int) -> float:
        return warm_half_cosine(step, self.settings.warm_up, self.settings.steps)


def _build(store: Store) -> Trainable:
    return AsrFeaturesTraining(Settings())


def _network(trained: Trainable) -> nn.Module:
    return trained.get_submodule("network")


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    return evaluate(load(weights), store)


def _describe(store: Store) -> Mapping[str, Any]:
    return {"mel": MEL80.hash, "sizes": asdict(SIZES["pocket"]), "tokens": list(TOKENS)}


RECIPE = Recipe(
    corpus="pocket_upstream",
    build=_build,
    network=_network,
    train={"steps": Settings.steps, "save_every": 200, "log_every": 20},
    evaluate=_evaluate,
    describe=_describe,
)
