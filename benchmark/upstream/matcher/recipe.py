"""How the judge of voices with faces is trained: on 600 people whom no contestant hears or sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark import weights
from benchmark.corpora.pocket.identity import DRIVERS, VISIBLE
from benchmark.corpora.prepared import Store
from benchmark.media.mel64 import MEL64
from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.face_judge import load as face_judge
from benchmark.upstream.face_judge.augment import shifted, softened, tinted
from benchmark.upstream.matcher.evaluate import evaluate
from benchmark.upstream.matcher.load import load
from benchmark.upstream.matcher.network import Matcher
from benchmark.upstream.noise import noisy
from benchmark.upstream.recipe import Recipe, warm_half_cosine
from benchmark.upstream.voice_embedding.augment import bands_hidden
from benchmark.upstream.voice_embedding.evaluate import drivers_of


@dataclass(frozen=True)
class Settings:
    """AdamW with a linear warm-up and a half cosine to 0 at `steps`.

    crop: frames (10 ms) of a voice.
    scale: of cosines before a softmax.
    drivers: weight of reading `VISIBLE` from either side by one linear map, beside choices of weight 1.
    hidden, voice_noise: of a voice, as `benchmark.upstream.voice_embedding.training.Settings`.
    shift, soft, noise, noise_level, contrast, tint: of a face, as `benchmark.upstream.face_judge.recipe.Settings`.
    """

    batch: int = 96
    crop: int = 200
    steps: int = 1200
    lr: float = 2e-3
    decay: float = 0.05
    warm_up: int = 50
    scale: float = 12.0
    drivers: float = 1.0
    hidden: int = 16
    voice_noise: float = 0.2
    shift: int = 5
    soft: float = 0.5
    noise: float = 0.3
    noise_level: float = 0.08
    contrast: float = 0.15
    tint: float = 0.06


class MatcherTraining(Trainable):
    """What the trainer trains; `network` is shipped, the map to the drivers is not.

    drivers: (R, 8) float32 of all records of the one store, columns as VISIBLE.
    """

    upstream = frozenset({"network.judge"})
    truth: Tensor

    def __init__(self, settings: Settings, drivers: Tensor) -> None:
        super().__init__()
        self.settings = settings
        self.network = Matcher()
        self.drivers = nn.Linear(self.network.settings.voice.embedding, len(VISIBLE))
        self.register_buffer("truth", drivers, persistent=False)

    def optimizers(self) -> Mapping[str, Optimizer]:
        own = self.settings
        modules = ("network.listen", "network.look", "drivers")
        return {"matcher": Optimizer(modules, "adamw", own.lr, {"weight_decay": own.decay}, self._rate, clip=5.0)}

    def draws(self) -> Mapping[str, Draw]:
        voice = Pick("audio", ("mel64",), pool="paired", distinct=True, crop=self.settings.crop)
        return {
            "people": Draw(
                self.settings.batch, {"voice": voice, "face": Pick("face", ("face128",), same_speaker="voice")}
            )
        }

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("match", ("matcher",), "people"),)

    def match(self, batch: Batch, step: Step) -> Terms:
        """Each voice chooses among all faces of the batch and among those of its gender, and each face among voices."""
        own, voice, face = self.settings, batch["voice"], batch["face"]
        heard = step.gather(self.network.voice(self.heard(voice["mel64"], step.generator)))
        seen = step.gather(self.network.face(self.seen(face["face128"], step.generator)))
        gender = step.gather(voice["gender"])
        scores = own.scale * heard @ seen.T
        within = scores.masked_fill(gender[:, None] != gender, -torch.inf)
        truth = torch.arange(len(scores), device=scores.device)
        terms = {
            f"{name}_{side}": 0.5 * functional.cross_entropy(table, truth)
            for name, pair in (("all", scores), ("within", within))
            for side, table in (("faces", pair), ("voices", pair.T))
        }
        drivers = self.truth[step.gather(voice["record"])]
        for side, found in (("voice", heard), ("face", seen)):
            terms[f"drivers_{side}"] = own.drivers * functional.mse_loss(self.drivers(found), drivers)
        return terms

    def heard(self, mel: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 1, 64, T) with bands hidden and noise."""
        mel = bands_hidden(bands_hidden(mel, self.settings.hidden, generator), self.settings.hidden, generator)
        return noisy(mel, 1.0, self.settings.voice_noise, generator)

    def seen(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 3, 128, 128) -> (B, 3, 64, 64) as a generator might draw them: moved, soft, noisy, off colour."""
        own = self.settings
        mirror = (torch.rand(len(pictures), 1, 1, 1, generator=generator) < 0.5).to(pictures.device)
        x = face_judge.judged_size(shifted(torch.where(mirror, pictures.flip(3), pictures), own.shift, generator))
        x = tinted(softened(x, own.soft, generator), own.contrast, own.tint, generator)
        return noisy(x, own.noise, own.noise_level, generator).clamp(-1.0, 1.0)

    def _rate(self, step: int) -> float:
        return warm_half_cosine(step, self.settings.warm_up, self.settings.steps)


def visible(store: Store) -> Tensor:
    """(R, 8) float32, columns as VISIBLE; of the embedded corpus alone."""
    columns = [DRIVERS.index(name) for name in VISIBLE]
    return torch.from_numpy(drivers_of(store)[:, columns].astype(np.float32))


def _build(store: Store) -> Trainable:
    trained = MatcherTraining(Settings(), visible(store))
    trained.network.judge.load_state_dict(face_judge.face_judge().state_dict())
    return trained


def _network(trained: Trainable) -> nn.Module:
    return trained.get_submodule("network")


def _evaluate(path: Path, store: Store) -> Mapping[str, float]:
    return evaluate(load(path), store)


def _describe(store: Store) -> Mapping[str, Any]:
    return {"mel": MEL64.hash, "face_judge": weights.sha256(face_judge.WEIGHTS)}


RECIPE = Recipe(
    corpus="pocket_judge_pairs",
    build=_build,
    network=_network,
    train={"steps": Settings.steps, "save_every": 200, "log_every": 50},
    evaluate=_evaluate,
    describe=_describe,
)
