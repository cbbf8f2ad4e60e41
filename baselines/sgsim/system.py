"""SGSIM: an audio encoder that speaks CLIP's language, and a StyleGAN2 latent that is optimised towards what it says
(Lee et al. 2022, "Sound-Guided Semantic Image Manipulation", CVPR).

Settings, objectives and order of steps as `kuai-lab/sound-guided-semantic-image-manipulation@dfba091:
soundclip/train.py, optimization/run_optimization.py, criteria/`. The audio encoder alone is trained; generator, CLIP
and ArcFace are frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from baselines.sgsim import losses
from baselines.sgsim.arcface import WEIGHTS as ARCFACE
from baselines.sgsim.arcface import ArcFace, load_arcface
from baselines.sgsim.canvas import heard, masked, picture, resize, window
from baselines.sgsim.encoder import AudioEncoder, load_encoder
from baselines.sgsim.spaces import Space, space
from benchmark import weights
from benchmark.blocks import GenderStyle
from benchmark.errors import BenchmarkError
from benchmark.media.image import resized
from benchmark.system import FACE, Batch, Column, Draw, Optimizer, Phase, Pick, Step, System, Terms
from benchmark.upstream.stylegan2.descend import descend, invert
from benchmark.upstream.stylegan2.load import stylegan2

WEIGHTS = "sgsim/resnet18_57.pth"
"""Entry of weights.toml: the authors' audio encoder."""


@dataclass(frozen=True)
class SGSIMSettings:
    """Defaults are the official values; where their README's example differs a comment says so."""

    space: Literal["clip", "pocket"] = "clip"  # where audio and pictures meet
    generator: Literal["published", "pocket"] = "published"
    anchor: Literal["text", "face"] = "text"  # what a recording is drawn to in training: its transcript, or its face
    reference: Literal["voice", "gender"] = "voice"
    widths: tuple[int, ...] = (64, 128, 256, 512)  # of the audio encoder
    frames: int = 864  # of a recording that are looked at (86 a second)
    canvas_rows: int = 512  # to which 128 mels are stretched
    canvas_columns: int = 128  # to which the frames are squeezed
    scrambled: bool = True  # Q43: the canvas is reshaped where it should be turned over
    clip_normalise: bool = False  # Q44: CLIP is given [-1, 1]
    batch: int = 320
    distinct: bool = False  # nobody twice in a batch of training; officially labels recur
    log_scale: float = 0.07  # Q44: cosines of training are multiplied by exp of it
    mask_columns: float = 0.15
    mask_rows: float = 0.3
    masks: int = 2
    lr: float = 0.1  # the highest of the cycle
    lr_low: float = 1e-3
    lr_half: int = 2500  # steps from low to high; officially 5 epochs
    momentum: float = 0.9
    weight_decay: float = 5e-4
    steps: int = 300
    rate: float = 0.05  # of the latents; README 0.1
    guidance_log_scale: float = 0.07  # Q44
    lambda_similarity: float = 0.008  # README 0.002
    lambda_identity: float = 0.005  # README 0; 0 needs no ArcFace
    inversion_steps: int = 1000
    inversion_rate: float = 0.1
    rows: int = 8  # optimised together; decides memory, and how convolutions round

    def __post_init__(self) -> None:
        least = {"steps": 0, "inversion_steps": 0, "masks": 0} | dict.fromkeys(
            ("frames", "canvas_rows", "canvas_columns", "lr_half", "rows"), 1
        )
        for name, bound in (least | {"batch": 2}).items():
            if getattr(self, name) < bound:
                raise BenchmarkError(f"{name} = {getattr(self, name)} in the SGSIM settings; at least {bound}.")
        if self.anchor == "text" and self.space == "pocket":
            raise BenchmarkError("The pocket space of SGSIM holds faces and no texts; set anchor = 'face'.")


class SGSIM(System):
    """`audio_guided_translation`: the face of the source, edited until it means what the recording means.

    The source is first inverted into W+ (neither SGSIM nor XFaVoT says how, see
    `benchmark.upstream.stylegan2.descend`); editing starts from that inversion, and `lambda_identity` compares with it.
    Faces are resized to the generator's pixels, so that at 256 px they are enlarged from the 128 px that corpora store.
    Outputs have the generator's pixels and are clamped to [-1, 1]. The truncation of the official options is for random
    latents, of which there are none here.

    Official, and no setting: the part of a long recording that is looked at is drawn (here by the row's seed). Not
    official: a picture is compared with its own recording, not with the first of the batch; the encoder starts from
    random weights, not ImageNet's; no word of a transcript is replaced (textaugment); the momentum stays at 0.9, where
    CyclicLR's default takes it down to 0.8 and back.
    """

    Settings: ClassVar[type] = SGSIMSettings
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"official": {}}
    published: ClassVar[Mapping[str, str]] = {"official": WEIGHTS}
    gender_only: ClassVar[Mapping[str, Any] | None] = {"reference": "gender"}
    tasks: ClassVar[frozenset[str]] = frozenset({"audio_guided_translation"})
    settings: SGSIMSettings

    def __init__(self, settings: SGSIMSettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        s = settings
        self.generator = stylegan2(s.generator)
        self.space: Space = space(s.space, s.clip_normalise)
        self.upstream = frozenset({"generator", "space"})
        if s.lambda_identity > 0:
            self.arcface = ArcFace().eval().requires_grad_(False)
            self.upstream |= {"arcface"}
            if not self.generator.constant.is_meta:
                load_arcface(weights.get(ARCFACE), self.arcface)
        size = self.space.dimension
        self.encoder: nn.Module = GenderStyle(size) if s.reference == "gender" else AudioEncoder(size, s.widths)
        self.inversions: dict[bytes, Tensor] = {}
        self.inputs = dict.fromkeys(self.tasks, ("face128", "mel128"))
        self.output = dict.fromkeys(self.tasks, FACE)

    def draws(self) -> Mapping[str, Draw]:
        s = self.settings
        features = ("mel128", "text") if s.anchor == "text" else ("mel128",)
        pool: Literal["paired", "any"] = "any" if s.anchor == "text" else "paired"
        columns = {"voice": Pick("audio", features, pool=pool, distinct=s.distinct)}
        if s.anchor == "face":
            columns["face"] = Pick("face", ("face128",), pool="paired", same_speaker="voice")
        return {"pairs": Draw(s.batch, columns)}

    def optimizers(self) -> Mapping[str, Optimizer]:
        s = self.settings
        rate = partial(_cycle, half=s.lr_half, low=s.lr_low / s.lr)
        options = {"momentum": s.momentum, "weight_decay": s.weight_decay}
        return {"encoder": Optimizer(("encoder",), "sgd", s.lr, options, schedule=rate)}

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("contrast", ("encoder",), "pairs"),)

    def contrast(self, batch: Batch, step: Step) -> Terms:
        """(InfoNCE(audio, anchor) + InfoNCE(audio, masked audio)) / 4, over the global batch."""
        s, voice = self.settings, batch["voice"]
        anchor = step.gather(self.anchored(batch))
        if s.reference == "gender":
            found = step.gather(self.embed(voice))
            return {"anchor": losses.contrast(found, anchor, s.log_scale) / 4}
        place = torch.rand(len(voice["mel128"]), generator=step.generator)
        canvas = self.canvas(voice["mel128"], place)
        hidden = masked(canvas, s.mask_columns, s.mask_rows, s.masks, step.generator)
        found, again = (step.gather(self.encoder(picture(x, s.scrambled))) for x in (canvas, hidden))
        return {
            "anchor": losses.contrast(found, anchor, s.log_scale) / 4,
            "self": losses.contrast(found, again, s.log_scale) / 4,
        }

    @torch.no_grad()
    def anchored(self, batch: Batch) -> Tensor:
        """(B, E): what the recordings of a batch are drawn to."""
        if self.settings.anchor == "face":
            return self.space.images(resized(batch["face"]["face128"], self.generator.settings.size))
        voice = batch["voice"]
        rows = zip(voice["text"].tolist(), voice["text_rows"].tolist(), strict=True)
        return self.space.texts([bytes(row[:count]).decode() for row, count in rows])

    def canvas(self, mel: Tensor, place: Tensor) -> Tensor:
        """(B, 1, 128, T) and places (B,) in [0, 1) -> (B, canvas_rows, canvas_columns), of silence all 0."""
        s = self.settings
        return resize(window(mel, s.frames, place), s.canvas_rows, s.canvas_columns)

    def embed(self, voice: Column, place: Tensor | None = None) -> Tensor:
        """(B, E), of length 1: of recordings at their places (B,), or of the gender alone.

        Raises:
            BenchmarkError: of the gender-only control, an unknown gender.
        """
        s, mel = self.settings, voice["mel128"]
        if s.reference == "gender":
            if bool((voice["gender"] < 0).any()):
                raise BenchmarkError(
                    "A gender-only control met a reference of unknown gender; use records with genders."
                )
            return nn.functional.normalize(self.encoder(mel, voice["gender"]))
        where = torch.zeros(len(mel)) if place is None else place
        found: Tensor = self.encoder(picture(self.canvas(mel, where), s.scrambled))
        return found

    def load_published(self, path: Path) -> None:
        """The authors' audio encoder."""
        assert isinstance(self.encoder, AudioEncoder)  # no published variant sees the gender alone
        load_encoder(path, self.encoder)

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Pictures (B, 3, size, size); `seeds` decide where a recording of more than `frames` is looked at.

        Raises:
            BenchmarkError: as `embed`.
        """
        s, mel = self.settings, reference["mel128"]
        drawn = [torch.rand((), generator=torch.Generator().manual_seed(seed)) for seed in seeds.tolist()]
        longer = heard(mel).cpu() > s.frames
        audio = self.embed(reference, torch.where(longer, torch.stack(drawn), 0.0))
        parts = zip(torch.split(source["face128"], s.rows), torch.split(audio, s.rows), strict=True)
        return torch.cat([self.edited(faces, wanted) for faces, wanted in parts])

    def edited(self, faces: Tensor, audio: Tensor) -> Tensor:
        """Faces (B, 3, H, H) and embeddings (B, E) -> pictures (B, 3, size, size)."""
        start = self.inverted(resized(faces, self.generator.settings.size))
        first = self.generator(start)
        found = descend(start, partial(self.objective, start, first, audio), self.settings.steps, self.settings.rate)
        made: Tensor = self.generator(found)
        return made.clamp(-1, 1)

    def objective(self, start: Tensor, first: Tensor, audio: Tensor, styles: Tensor) -> Tensor:
        """(B,): 1 - cos exp(.07) + lambda_similarity |w - w0|^2 + lambda_identity (1 - cos of ArcFace).

        start, first: styles w0 and their pictures.
        """
        s, made = self.settings, self.generator(styles)
        total = losses.guidance(self.space.images(made), audio, s.guidance_log_scale)
        total = total + s.lambda_similarity * losses.drift(styles, start)
        if s.lambda_identity > 0:
            total = total + s.lambda_identity * losses.identity(self.arcface(made), self.arcface(first))
        return total

    def inverted(self, pictures: Tensor) -> Tensor:
        """(B, 3, size, size) -> styles in W+ whose pictures are near them; a picture is inverted once and for all."""
        s = self.settings
        keys = [blake2b(row.cpu().numpy().tobytes(), digest_size=16).digest() for row in pictures]
        new = {key: i for i, key in enumerate(keys) if key not in self.inversions}
        if new:
            chosen = pictures[list(new.values())]
            found = invert(self.generator, chosen, s.inversion_steps, s.inversion_rate)
            self.inversions.update(zip(new, found, strict=True))
        return torch.stack([self.inversions[key] for key in keys])


def _cycle(step: int, half: int, low: float) -> float:
    return losses.triangle(step, half, low, 1.0)
