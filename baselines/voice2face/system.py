"""voice2face: a face from a voice alone, by a generator that a discriminator and a classifier of people teach
(Wen, Raj and Singh 2019, "Face Reconstruction from Voice using Generative Adversarial Networks").

Settings, objective and order of steps as `cmu-mlsp/reconstructing_faces_from_voices@469e249:gan_train.py, config.py,
utils.py, dataset.py`. A frozen network makes the voice's embedding; generator, face network and its two heads learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.voice2face.networks import Generator
from baselines.voice2face.official import WEIGHTS, load_generator
from benchmark.blocks import GenderStyle
from benchmark.errors import BenchmarkError
from benchmark.media.image import mirror, resized
from benchmark.system import FACE, Batch, Column, Draw, Optimizer, Phase, Pick, Step, System, Terms
from benchmark.upstream.face_embedding.network import SIZE, FaceTrunk, FaceTrunkSettings
from benchmark.upstream.voice_embedding.load import voice_embedding

EMBEDDING = 64
SUBJECTS = 924
"""Training people of the official split, F to Z; taken where nobody says how many there are."""


@dataclass(frozen=True)
class Voice2FaceSettings:
    """Defaults are the official values."""

    voice_network: Literal["pocket", "published"] = "published"
    reference: Literal["voice", "gender"] = "voice"  # what the embedding is of
    widths: tuple[int, ...] = (1024, 512, 256, 128, 64)  # of the generator, at 4, 8, 16, 32 and 64 px
    face_widths: tuple[int, ...] = (32, 64, 128, 256, 512)  # of the face network, at 64, 32, 16, 8 and 4 px
    batch: int = 128
    crop: int = 800  # frames of 10 ms taken of a recording; a shorter one is repeated
    least_crop: int = 300  # frames kept of them: from here to `crop`, one number a step for the whole batch
    least_frames: int = 1000  # to which a shorter recording is repeated before its face is made; a longer one is whole
    noise: float = 0.05  # deviation of what is added to an embedding of length 1 in training; then length 1 again
    flip: bool = True  # Q41: half of the real pictures are mirrored
    stretch_contrast: bool = False  # Q39: the authors save pictures stretched from their least to their greatest value
    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999

    def __post_init__(self) -> None:
        for name in ("batch", "least_crop", "least_frames"):
            if getattr(self, name) < 1:
                raise BenchmarkError(f"{name} = {getattr(self, name)} in the voice2face settings; at least 1.")
        if self.least_crop > self.crop:
            raise BenchmarkError(f"voice2face crops {self.least_crop} to {self.crop} frames; least_crop is the larger.")
        if self.noise < 0:
            raise BenchmarkError(f"noise = {self.noise} in the voice2face settings; it is a deviation, at least 0.")


class Voice2Face(System):
    """`face_from_voice`: the recording alone decides; the proposal picture is not looked at. Outputs have 64 px.

    Official, and no setting: voices and faces of a step are drawn independently, of people who have both; the face
    network and both heads step on the sum of their three terms; discriminator and classifier judge the very faces the
    generator is then taught by, of the same noise. Not official: records are drawn with replacement; labels are floats
    (Q42); pictures come from 128 px by an averaging filter, where Pillow 6 takes the nearest pixel (Q41); features have
    no state (Q40, see `benchmark.media.mel64`).
    """

    Settings: ClassVar[type] = Voice2FaceSettings
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"published": {}}
    published: ClassVar[Mapping[str, str]] = {"published": WEIGHTS}
    gender_only: ClassVar[Mapping[str, Any] | None] = {"reference": "gender"}
    tasks: ClassVar[frozenset[str]] = frozenset({"face_from_voice"})
    settings: Voice2FaceSettings

    def __init__(self, settings: Voice2FaceSettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        s = settings
        self.voice_network: nn.Module
        if s.reference == "gender":
            self.voice_network = GenderStyle(EMBEDDING)
        else:
            self.voice_network = voice_embedding(s.voice_network)
            self.upstream = frozenset({"voice_network"})
        trunk = FaceTrunkSettings(s.face_widths, kernel=4, embedding=EMBEDDING, last_activation=False)
        self.generator = Generator(EMBEDDING, s.widths)
        self.face_network = FaceTrunk(trunk)
        self.discriminator = nn.Linear(EMBEDDING, 1, bias=False)
        self.classifier = nn.Linear(EMBEDDING, speakers or SUBJECTS, bias=False)
        self.judges = True
        self.inputs = dict.fromkeys(self.tasks, ("mel64",))
        self.output = dict.fromkeys(self.tasks, FACE)

    def draws(self) -> Mapping[str, Draw]:
        s = self.settings
        voice = Pick("audio", ("mel64",), pool="paired", crop=s.crop)
        face = Pick("face", ("face128",), pool="paired")
        return {"independent": Draw(s.batch, {"voice": voice, "face": face})}

    def optimizers(self) -> Mapping[str, Optimizer]:
        s = self.settings
        modules: dict[str, tuple[str, ...]] = {
            name: (name,) for name in ("generator", "face_network", "discriminator", "classifier")
        }
        if s.reference == "gender":
            modules["generator"] = ("generator", "voice_network")
        return {name: Optimizer(own, "adam", s.lr, {"betas": (s.beta1, s.beta2)}) for name, own in modules.items()}

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("judge", ("face_network", "discriminator", "classifier"), "independent"),
            Phase("generate", ("generator",), "independent"),
        )

    def judge(self, batch: Batch, step: Step) -> Terms:
        """BCE(D(f(x)), 1) + BCE(D(f(G(e))), 0) + CE(C(f(x)), who x is): people are learnt from real faces alone."""
        with torch.no_grad():
            fake = self.imagine(batch, step)
        real = resized(batch["face"]["face128"], SIZE)
        embedding = self.face_network(mirror(real, step.generator) if self.settings.flip else real)
        return {
            "real": adversarial(self.discriminator(embedding), real=True),
            "fake": adversarial(self.discriminator(self.face_network(fake)), real=False),
            "identity": F.cross_entropy(self.classifier(embedding), batch["face"]["speaker"]),
        }

    def generate(self, batch: Batch, step: Step) -> Terms:
        """BCE(D(f(G(e))), 1) + CE(C(f(G(e))), whose voice it is)."""
        embedding = self.face_network(self.imagine(batch, step))
        return {
            "adversarial": adversarial(self.discriminator(embedding), real=True),
            "identity": F.cross_entropy(self.classifier(embedding), batch["voice"]["speaker"]),
        }

    def imagine(self, batch: Batch, step: Step) -> Tensor:
        """Faces (B, 3, 64, 64) of the batch's voices, each embedding moved by noise and brought back to length 1.

        Noise comes first of all that a phase draws, so that both phases of a step make the same faces.
        """
        s = self.settings
        frames = int(step.choices.integers(s.least_crop, s.crop + 1))
        start = int(step.choices.integers(0, s.crop - frames + 1))
        voice = dict(batch["voice"], mel64=batch["voice"]["mel64"][..., start : start + frames])
        embedding = self.embed(voice)
        noise = torch.randn(embedding.shape, generator=step.generator).to(embedding)
        faces: Tensor = self.generator(F.normalize(embedding + s.noise * noise))
        return faces

    def embed(self, voice: Column) -> Tensor:
        """A column -> (B, 64), each of length 1.

        Raises:
            BenchmarkError: a recording in which no voice is heard; of the gender-only control, an unknown gender.
        """
        if self.settings.reference == "voice":
            return self.voice_network(voice["mel64"])  # type: ignore[no-any-return]
        if bool((voice["gender"] < 0).any()):
            raise BenchmarkError("A gender-only control met a reference of unknown gender; use records with genders.")
        return F.normalize(self.voice_network(voice["mel64"], voice["gender"]))

    def load_published(self, path: Path) -> None:
        """The authors' generator; they published neither face network nor heads, so there is no `own_judge` then."""
        load_generator(path, self.generator)
        self.judges = False

    def own_judge(self) -> tuple[nn.Module, nn.Linear] | None:
        return (self.face_network, self.classifier) if self.judges else None

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Pictures (B, 3, 64, 64) in [-1, 1] of who speaks in `reference`; nothing is drawn, `seeds` decide nothing.

        Raises:
            BenchmarkError: as `embed`.
        """
        mel = repeated(reference["mel64"], self.settings.least_frames)
        faces = self.generator(self.embed({**reference, "mel64": mel})).clamp(-1, 1)
        return stretched(faces) if self.settings.stretch_contrast else faces


def adversarial(logits: Tensor, real: bool) -> Tensor:
    """Mean binary cross-entropy against "real" or "fake"."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def repeated(mel: Tensor, least: int) -> Tensor:
    """(B, 1, 64, T) -> (B, 1, 64, max(T, least)): over and over from the start, cut at `least`; T = 0 stays."""
    frames = mel.shape[-1]
    if not 0 < frames < least:
        return mel
    return mel[..., torch.arange(least, device=mel.device) % frames]


def stretched(faces: Tensor) -> Tensor:
    """(B, 3, H, W) -> the same, its least value at -1 and its greatest at 1, as torchvision's save_image does with
    normalize=True."""
    least, greatest = faces.amin((1, 2, 3), keepdim=True), faces.amax((1, 2, 3), keepdim=True)
    return 2 * (faces - least) / (greatest - least).clamp(min=1e-5) - 1
