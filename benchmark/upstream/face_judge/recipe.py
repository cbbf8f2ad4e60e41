"""How the judge of faces is trained: 6,000 pictures of 1,000 people that no contestant sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.corpora.prepared import Store
from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.face_judge.augment import shifted, softened, tinted
from benchmark.upstream.face_judge.evaluate import evaluate
from benchmark.upstream.face_judge.labels import Labels, labels_of, mirrored
from benchmark.upstream.face_judge.load import judged_size, load
from benchmark.upstream.face_judge.network import ATTRIBUTES, FaceJudge
from benchmark.upstream.noise import noisy
from benchmark.upstream.recipe import Recipe, warm_half_cosine


@dataclass(frozen=True)
class Settings:
    """AdamW with a linear warm-up and a half cosine to 0 at `steps`.

    margin, scale: of the additive-margin softmax over people (Wang et al. 2018, IEEE SPL 25:926, eq. 6).
    people, gender, pose, attributes: weights of the four losses.
    shift: most pixels of the stored picture (128 a side) that it is moved by.
    soft, noise: shares of the rows that are blurred, and that get noise; noise_level: its largest deviation.
    contrast, tint: see `augment.tinted`.
    """

    batch: int = 64
    steps: int = 1800
    lr: float = 3e-3
    decay: float = 0.05
    warm_up: int = 100
    margin: float = 0.2
    scale: float = 16.0
    people: float = 0.3
    gender: float = 1.0
    pose: float = 1.0
    attributes: float = 1.0
    shift: int = 5
    soft: float = 0.5
    noise: float = 0.3
    noise_level: float = 0.08
    contrast: float = 0.15
    tint: float = 0.06


class FaceJudgeTraining(Trainable):
    """What the trainer trains; `network` is shipped, `people` (a direction for every training person) is not.

    labels: of all records of the one store, which `batch["face"]["record"]` indexes. standard: (2, A) mean and standard
    deviation of its training pictures' attributes.
    """

    degrees: Tensor
    attributes: Tensor
    turn_pose: Tensor
    turn_attributes: Tensor

    def __init__(self, settings: Settings, labels: Labels, standard: Tensor, people: int) -> None:
        super().__init__()
        self.settings = settings
        self.network = FaceJudge()
        self.people = nn.Linear(self.network.identity.out_features, people, bias=False)
        self.register_buffer("degrees", torch.from_numpy(labels.pose), persistent=False)
        scores = (torch.from_numpy(labels.attributes) - standard[0]) / standard[1]
        self.register_buffer("attributes", scores, persistent=False)
        for name, factors in zip(("turn_pose", "turn_attributes"), mirrored(), strict=True):
            self.register_buffer(name, torch.from_numpy(factors), persistent=False)

    def optimizers(self) -> Mapping[str, Optimizer]:
        own = self.settings
        options = {"weight_decay": own.decay}
        return {"judge": Optimizer(("network", "people"), "adamw", own.lr, options, schedule=self._rate, clip=5.0)}

    def draws(self) -> Mapping[str, Draw]:
        return {"faces": Draw(self.settings.batch, {"face": Pick("face", ("face128",))})}

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("judge", ("judge",), "faces"),)

    def judge(self, batch: Batch, step: Step) -> Terms:
        """Who, which gender, how turned, and every attribute; a mirrored person is the same person."""
        own, face = self.settings, batch["face"]
        pictures = face["face128"]
        mirror = (torch.rand(len(pictures), generator=step.generator) < 0.5).to(pictures.device)
        found = self.network(self.seen(pictures, mirror, step.generator))
        degrees = torch.where(mirror[:, None], self.turn_pose, 1.0) * self.degrees[face["record"]]
        attributes = torch.where(mirror[:, None], self.turn_attributes, 1.0) * self.attributes[face["record"]]
        cosine = found.identity @ functional.normalize(self.people.weight).T
        margin = own.margin * functional.one_hot(face["speaker"], cosine.shape[1])
        return {
            "people": own.people * functional.cross_entropy(own.scale * (cosine - margin), face["speaker"]),
            "gender": own.gender
            * functional.binary_cross_entropy_with_logits(found.gender, face["gender"].to(found.gender)),
            "pose": own.pose * functional.mse_loss(found.pose / self.network.spread, degrees / self.network.spread),
            "attributes": own.attributes * functional.mse_loss(found.attributes, attributes),
        }

    def seen(self, pictures: Tensor, mirror: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 3, 128, 128) and (B,) bool -> (B, 3, 64, 64) as a generator might draw them."""
        own = self.settings
        x = torch.where(mirror[:, None, None, None], pictures.flip(3), pictures)
        x = judged_size(shifted(x, own.shift, generator))
        x = tinted(softened(x, own.soft, generator), own.contrast, own.tint, generator)
        return noisy(x, own.noise, own.noise_level, generator).clamp(-1.0, 1.0)

    def _rate(self, step: int) -> float:
        return warm_half_cosine(step, self.settings.warm_up, self.settings.steps)


def standard(store: Store, labels: Labels) -> Tensor:
    """(2, A) float32: mean and standard deviation of the training pictures' attributes; 1 where all have the same."""
    rows = torch.from_numpy(labels.attributes[[record.split == "train" for record in store.records]])
    deviation = rows.std(0)
    return torch.stack([rows.mean(0), torch.where(deviation > 0.0, deviation, 1.0)])


def _build(store: Store) -> Trainable:
    labels = labels_of(store)
    people = len({record.speaker for record in store.records if record.split == "train"})
    return FaceJudgeTraining(Settings(), labels, standard(store, labels), people)


def _network(trained: Trainable) -> nn.Module:
    return trained.get_submodule("network")


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    labels = labels_of(store)
    return evaluate(load(weights), store, labels, standard(store, labels).numpy())


def _describe(store: Store) -> Mapping[str, Any]:
    """Attributes are given in standard scores; here is what they are scores of."""
    mean, deviation = standard(store, labels_of(store)).tolist()
    scores = {name: [round(m, 5), round(d, 5)] for name, m, d in zip(ATTRIBUTES, mean, deviation, strict=True)}
    return {"attributes": scores}


RECIPE = Recipe(
    corpus="pocket_judge_faces",
    build=_build,
    network=_network,
    train={"steps": Settings.steps, "save_every": 200, "log_every": 50, "channels_last": True},
    evaluate=_evaluate,
    describe=_describe,
)
