"""Training a voice embedding as DIMNet does: a voice and a face network under classifiers that are one and the same.

Wen, Ismail, Liu, Raj and Singh, "Disjoint mapping network for cross-modal matching of voices and faces", ICLR 2019.
CAE says DIMNet of its embedding; its other sentence, and the authors' answer about the published weights, say plain
speaker classification (`softmax`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.errors import BenchmarkError
from benchmark.media.image import mirror, resized
from benchmark.system import Batch, Column, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.face_embedding.network import SIZE, FaceTrunk, FaceTrunkSettings
from benchmark.upstream.noise import noisy
from benchmark.upstream.recipe import warm_half_cosine
from benchmark.upstream.voice_embedding.augment import bands_hidden
from benchmark.upstream.voice_embedding.covariates import UNKNOWN
from benchmark.upstream.voice_embedding.network import VoiceEmbedding, VoiceEmbeddingSettings


@dataclass(frozen=True)
class Settings:
    """AdamW with a linear warm-up and a half cosine to 0 at `steps`.

    voice_pretrain: `dimnet_i`, voices and faces under shared classifiers; `softmax`, voices alone.
    covariates: what is classified; identity always is. With gender it is what DIMNet's paper calls DIMNet-IG.
    crop: frames (10 ms) of a voice.
    traits: weight of reading the traits of a person by one linear map, from either modality; 0 where none are known.
    margin, scale: of the additive-margin softmax over people (Wang et al. 2018, IEEE SPL 25:926, eq. 6): embeddings and
        the directions of people have length 1. Other covariates have no margin.
    hidden: most bands next to one another that one of two masks hides.
    noise, noise_level: share of the voices that get noise, and its largest deviation (a band has deviation 1).
    """

    voice_pretrain: Literal["dimnet_i", "softmax"] = "dimnet_i"
    covariates: tuple[str, ...] = ("identity", "gender")
    voice: VoiceEmbeddingSettings = field(default_factory=VoiceEmbeddingSettings)
    face: FaceTrunkSettings = field(default_factory=lambda: FaceTrunkSettings(widths=(16, 32, 64, 96, 128)))
    traits: float = 0.0
    batch: int = 64
    crop: int = 160
    steps: int = 700
    lr: float = 2e-3
    decay: float = 0.05
    warm_up: int = 50
    margin: float = 0.2
    scale: float = 16.0
    hidden: int = 24
    noise: float = 1.0
    noise_level: float = 0.3

    def __post_init__(self) -> None:
        if "identity" not in self.covariates:
            raise BenchmarkError(f"covariates {self.covariates}: an embedding of people is taught by identity.")


class VoiceEmbeddingTraining(Trainable):
    """What the trainer trains; `network` is shipped, the face network and the classifiers are not.

    labels: covariate -> (R,) int64 over all records of the one store, which `batch["voice"]["record"]` indexes; at
        least the `covariates` of the settings; UNKNOWN where nobody knows.
    traits: (R, D) float32, covariates that are numbers.
    """

    traits: Tensor

    def __init__(self, settings: Settings, labels: Mapping[str, Tensor], traits: Tensor | None = None) -> None:
        super().__init__()
        missing = [name for name in settings.covariates if name not in labels]
        if missing:
            raise BenchmarkError(f"Nobody has labels of {', '.join(missing)}; there are {', '.join(labels)}.")
        self.settings = settings
        self.network = VoiceEmbedding(settings.voice)
        size = settings.voice.embedding
        if settings.voice_pretrain == "dimnet_i":
            self.face = FaceTrunk(settings.face)
        self.classifiers = nn.ParameterDict(
            {name: nn.Parameter(torch.randn(int(labels[name].max()) + 1, size)) for name in settings.covariates}
        )
        for name in settings.covariates:
            self.register_buffer(f"label_{name}", labels[name], persistent=False)
        if settings.traits > 0.0:
            if traits is None:
                raise BenchmarkError(f"traits = {settings.traits}, but nobody knows traits of these people.")
            self.register_buffer("traits", traits, persistent=False)
            self.reading = nn.Linear(size, traits.shape[1])

    def optimizers(self) -> Mapping[str, Optimizer]:
        own = self.settings
        modules = ["network", "classifiers"]
        modules += ["face"] if own.voice_pretrain == "dimnet_i" else []
        modules += ["reading"] if own.traits > 0.0 else []
        options = {"weight_decay": own.decay}
        return {"networks": Optimizer(tuple(modules), "adamw", own.lr, options, schedule=self._rate, clip=5.0)}

    def draws(self) -> Mapping[str, Draw]:
        columns = {"voice": Pick("audio", ("mel64",), crop=self.settings.crop)}
        if self.settings.voice_pretrain == "dimnet_i":
            columns["face"] = Pick("face", ("face128",))
        return {"people": Draw(self.settings.batch, columns)}

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("classify", ("networks",), "people"),)

    def classify(self, batch: Batch, step: Step) -> Terms:
        """Every covariate of both modalities, by one classifier."""
        voice = batch["voice"]
        terms = self._terms("voice", self.network(self.heard(voice["mel64"], step.generator)), voice)
        if self.settings.voice_pretrain == "dimnet_i":
            face = batch["face"]
            pictures = mirror(resized(face["face128"], SIZE), step.generator)
            found = functional.normalize(self.face(pictures))
            terms |= self._terms("face", found, face)
        return terms

    def heard(self, mel: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 1, 64, T) with bands hidden and noise. Nothing is stretched: pitch, formants and pace are the person."""
        own = self.settings
        for _ in range(2):
            mel = bands_hidden(mel, own.hidden, generator)
        return noisy(mel, own.noise, own.noise_level, generator)

    def _terms(self, modality: str, embedding: Tensor, column: Column) -> dict[str, Tensor]:
        own, terms = self.settings, {}
        for name in own.covariates:
            truth: Tensor = self.get_buffer(f"label_{name}")[column["record"]]
            score = embedding @ functional.normalize(self.classifiers[name]).T
            if name == "identity":
                score = score - own.margin * functional.one_hot(truth.clamp_min(0), score.shape[1])
            loss = functional.cross_entropy(own.scale * score, truth, ignore_index=UNKNOWN, reduction="sum")
            terms[f"{modality}_{name}"] = loss / (truth != UNKNOWN).sum().clamp_min(1)
        if own.traits > 0.0:
            wrong = functional.mse_loss(self.reading(embedding), self.traits[column["record"]])
            terms[f"{modality}_traits"] = own.traits * wrong
        return terms

    def _rate(self, step: int) -> float:
        return warm_half_cosine(step, self.settings.warm_up, self.settings.steps)
