"""CAE, the controlled autoencoder: the face of a speaker from a recording and a proposal face (Liang et al. 2021, ISVC
2020, arXiv 2107.07988). There is no official code.

A recording of B gates the decoder of a U-net that is given a face of A, and the face of B is to come out. Where the
paper leaves something open, a setting says which reading is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.blocks import GenderStyle
from benchmark.errors import BenchmarkError
from benchmark.media.image import mirror, resized
from benchmark.system import FACE, Batch, Column, Draw, Optimizer, Phase, Pick, Step, System, Terms
from benchmark.upstream.face_embedding.network import SIZE, FaceTrunk, FaceTrunkSettings
from benchmark.upstream.voice_embedding.load import voice_embedding
from methods.cae.gating import GatingController, Granularity
from methods.cae.networks import Gate, Norm, Scaffold

EMBEDDING = 64
"""Numbers of a voice embedding."""
PEOPLE = 924
"""Training speakers of the default split of the paper's data, of whom the classifier is made while none are known."""


@dataclass(frozen=True)
class CAESettings:
    """The defaults are the paper's, and where it is silent the readings of docs/decisions.md.

    Attributes:
        widths, n_pool, up_widths, up_kernel, norm, gate: of the scaffold (`methods.cae.networks.Scaffold`).
        gate_granularity, gate_bias_init: of the gates (`methods.cae.gating`).
        reference: what gates the decoder; "gender" puts a learnt vector of each gender in the voice's place.
        voice_network: the frozen voice embedding, the suite's own or Wen et al.'s.
        embedding_length: what the voice embeddings, of length 1, are multiplied by before they gate. The paper does not
            say that they have length 1: pooled activations would rather be of the order of 1 each, which is length 8.
        crop, least_crop: most and least voiced frames of a training recording, one number of them a step.
        flip: whether half of the training faces are mirrored. It and the crop are those of Wen et al. 2019, whose data
            the paper's are.
        trunk_*, head_bias: of discriminator and classifier. share_trunk: whether they have their convolutions together.
        lambda_*: weights of the generator's five terms, lambda 1 to 5 of the paper.
        ema: decay of the average of the generator's weights that translates; 0: the last weights do, as in the paper.
        l1_reduction: "mean" over pixels and colours, or their sum (12,288 times as much), a mean over pairs.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    n_pool: int = 4
    up_widths: Literal["same", "half"] = "same"
    up_kernel: int = 3
    norm: Norm = "bn1"
    gate: Gate = "transposed"
    gate_granularity: Granularity = "weight"
    gate_bias_init: float = 0.0
    reference: Literal["voice", "gender"] = "voice"
    voice_network: Literal["pocket", "published"] = "published"
    embedding_length: float = 1.0
    crop: int = 800
    least_crop: int = 300
    flip: bool = True
    trunk_widths: tuple[int, ...] = (32, 64, 128, 256, 512)
    trunk_kernel: int = 3
    trunk_last_activation: bool = True
    head_bias: bool = True
    share_trunk: bool = True
    lambda_input: float = 1.0
    lambda_target: float = 10.0
    lambda_class: float = 1.0
    lambda_adversarial: float = 1.0
    lambda_cycle: float = 10.0
    l1_reduction: Literal["mean", "sum"] = "mean"
    batch: int = 1
    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    ema: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.least_crop <= self.crop:
            raise BenchmarkError(f"CAE crops {self.least_crop} to {self.crop} frames; 1 <= least_crop <= crop, please.")
        if self.batch < 1 or not 0 <= self.ema < 1:
            raise BenchmarkError(
                f"batch = {self.batch}, ema = {self.ema} in the CAE settings; at least 1, and from 0 to below 1."
            )


def real_or_fake(logits: Tensor, real: bool) -> Tensor:
    """L_d: the mean binary cross-entropy of a sigmoid's logits, all of one label."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


@dataclass(frozen=True)
class Pairs:
    """What one iteration of Algorithm 1 draws: faces (B, 3, 64, 64), voices cut to one length, speaker codes (B,).

    face, own_voice, speaker: f_A, v_A, A. target, voice, target_speaker: f_B, v_B, B.
    """

    face: Tensor
    own_voice: Column
    speaker: Tensor
    target: Tensor
    voice: Column
    target_speaker: Tensor


class CAE(System):
    """`face_from_voice`, `audio_guided_translation`: a proposal face and a recording -> a face, 64 px.

    Discriminator and classifier are two networks that share their convolutions. Algorithm 1 steps one after the other,
    and so each of the two optimisers owns the trunk together with its own head and keeps its own moments of it: a step
    of the discriminator follows L_d alone, a step of the classifier L_c alone.
    """

    Settings: ClassVar[type] = CAESettings
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"ungated": {"gate": "none"}}
    gender_only: ClassVar[Mapping[str, Any] | None] = {"reference": "gender"}
    tasks: ClassVar[frozenset[str]] = frozenset({"face_from_voice", "audio_guided_translation"})

    settings: CAESettings

    def __init__(self, settings: CAESettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        s = settings
        self.scaffold = Scaffold(s.widths, s.n_pool, s.up_widths, s.up_kernel, s.norm, s.gate, s.gate_granularity)
        if s.gate != "none":
            self.controller = GatingController(self.scaffold.gated, EMBEDDING, s.gate_bias_init)
            self.voice_network: nn.Module
            if s.reference == "gender":
                self.voice_network = GenderStyle(EMBEDDING)
            else:
                self.voice_network = voice_embedding(s.voice_network)
                self.upstream = frozenset({"voice_network"})
        trunk = FaceTrunkSettings(s.trunk_widths, s.trunk_kernel, EMBEDDING, last_activation=s.trunk_last_activation)
        self.trunk = FaceTrunk(trunk)
        if not s.share_trunk:
            self.discriminator_trunk = FaceTrunk(trunk)
        self.discriminator = nn.Linear(EMBEDDING, 1, s.head_bias)
        self.classifier = nn.Linear(EMBEDDING, speakers or PEOPLE, s.head_bias)
        if s.ema > 0:
            self.ema = dict.fromkeys(self.generator, s.ema)
        self.inputs = dict.fromkeys(self.tasks, ("face128", "mel64"))
        self.output = dict.fromkeys(self.tasks, FACE)

    def draws(self) -> Mapping[str, Draw]:
        """A voice and a face of A, and of B, another than A. People are drawn by their recordings, so that nobody is
        drawn in whose recordings no voice is heard."""
        s = self.settings
        columns = {
            "own_voice": Pick("audio", ("mel64",), pool="paired", crop=s.crop),
            "face": Pick("face", ("face128",), pool="paired", same_speaker="own_voice"),
            "voice": Pick("audio", ("mel64",), pool="paired", other_speaker="own_voice", crop=s.crop),
            "target": Pick("face", ("face128",), pool="paired", same_speaker="voice"),
        }
        return {"pairs": Draw(s.batch, columns)}

    @property
    def generator(self) -> tuple[str, ...]:
        """The modules that translate and are trained."""
        gating = () if self.settings.gate == "none" else ("controller", "voice_network")
        return ("scaffold", *(name for name in gating if name not in self.upstream))

    def optimizers(self) -> Mapping[str, Optimizer]:
        s = self.settings
        modules = {
            "discriminator": ("trunk" if s.share_trunk else "discriminator_trunk", "discriminator"),
            "classifier": ("trunk", "classifier"),
            "generator": self.generator,
        }
        options = {"betas": (s.beta1, s.beta2)}
        return {name: Optimizer(names, "adam", s.lr, options) for name, names in modules.items()}

    def phases(self) -> tuple[Phase, ...]:
        """Algorithm 1, in its order."""
        return (
            Phase("discriminate", ("discriminator",), "pairs"),
            Phase("classify", ("classifier",), "pairs"),
            Phase("generate", ("generator",), "pairs"),
        )

    def discriminate(self, batch: Batch, step: Step) -> Terms:
        """L_d(D(G(f_A, e_B)), 0) + L_d(D(f_A), 1)."""
        pairs = self.pairs(batch, step)
        with torch.no_grad():
            fake = self.autoencode(pairs.face, self.gates(pairs.voice))
        return {
            "fake": real_or_fake(self.judge(fake), real=False),
            "real": real_or_fake(self.judge(pairs.face), real=True),
        }

    def classify(self, batch: Batch, step: Step) -> Terms:
        """L_c(C(f_A), A): the classifier learns of real faces alone."""
        pairs = self.pairs(batch, step)
        return {"class": F.cross_entropy(self.identify(pairs.face), pairs.speaker)}

    def generate(self, batch: Batch, step: Step) -> Terms:
        """With f = G(f_A, e_B): lambda_1 |f - f_A| + lambda_2 |f - f_B| + lambda_3 L_c(C(f), B) + lambda_4 L_d(D(f), 1)
        + lambda_5 |G(f, e_A) - f_A|."""
        s, pairs = self.settings, self.pairs(batch, step)
        fake = self.autoencode(pairs.face, self.gates(pairs.voice))
        back = self.autoencode(fake, self.gates(pairs.own_voice))
        return {
            "input": s.lambda_input * self.distance(fake, pairs.face),
            "target": s.lambda_target * self.distance(fake, pairs.target),
            "class": s.lambda_class * F.cross_entropy(self.identify(fake), pairs.target_speaker),
            "adversarial": s.lambda_adversarial * real_or_fake(self.judge(fake), real=True),
            "cycle": s.lambda_cycle * self.distance(back, pairs.face),
        }

    def pairs(self, batch: Batch, step: Step) -> Pairs:
        """The same in all phases of a step."""
        s = self.settings
        face, target = (resized(batch[name]["face128"], SIZE) for name in ("face", "target"))
        if s.flip:
            face, target = mirror(face, step.generator), mirror(target, step.generator)
        frames = int(step.choices.integers(s.least_crop, s.crop + 1))
        own, voice = ({**batch[name], "mel64": batch[name]["mel64"][..., :frames]} for name in ("own_voice", "voice"))
        return Pairs(face, own, own["speaker"], target, voice, voice["speaker"])

    def gates(self, reference: Column) -> tuple[Tensor, ...]:
        """The gates that a voice sets, or its speaker's gender; none of an ungated scaffold.

        Raises:
            BenchmarkError: a speaker of unknown gender, where the gender is all that counts; a recording without voice.
        """
        if self.settings.gate == "none":
            return ()
        if self.settings.reference == "voice":
            embedding = self.voice_network(reference["mel64"])
        elif bool((reference["gender"] < 0).any()):
            raise BenchmarkError("A gender-only control met a reference of unknown gender; use records with genders.")
        else:
            embedding = F.normalize(self.voice_network(reference["mel64"], reference["gender"]))
        found: tuple[Tensor, ...] = self.controller(self.settings.embedding_length * embedding)
        return found

    def autoencode(self, faces: Tensor, gates: tuple[Tensor, ...]) -> Tensor:
        """Faces (B, 3, 64, 64) and gates -> faces, float32 under autocast too."""
        made: Tensor = self.scaffold(faces, gates)
        return made.to(faces)

    def judge(self, faces: Tensor) -> Tensor:
        """D before its sigmoid: faces -> (B, 1)."""
        trunk = self.trunk if self.settings.share_trunk else self.discriminator_trunk
        return self.discriminator(trunk(faces)).to(faces)  # type: ignore[no-any-return]

    def identify(self, faces: Tensor) -> Tensor:
        """C before its softmax: faces -> (B, speakers)."""
        return self.classifier(self.trunk(faces)).to(faces)  # type: ignore[no-any-return]

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """L_L1."""
        total = (first - second).abs()
        return total.mean() if self.settings.l1_reduction == "mean" else total.sum() / len(first)

    def own_judge(self) -> tuple[nn.Module, nn.Linear]:
        return self.trunk, self.classifier

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """A proposal `face128` and the whole recording `mel64` -> (B, 3, 64, 64); `seeds` decide nothing."""
        return self.autoencode(resized(source["face128"], SIZE), self.gates(reference))
