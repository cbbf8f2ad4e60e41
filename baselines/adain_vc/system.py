"""AdaIN-VC: one-shot voice conversion by a variational auto-encoder whose content code has lost its statistics and
whose decoder is given those of the reference (Chou et al. 2019, arXiv 1904.05742).

Settings and objective as `jjery2243542/adaptive_voice_conversion@d1cad9f:config.yaml, solver.py`. The suite's own mel
(80 bands) is the default; the variant `official` keeps the 512 bands, normalised per band, of the published code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.adain_vc.networks import ContentEncoder, Decoder, SpeakerEncoder
from benchmark.errors import BenchmarkError
from benchmark.system import Batch, Column, Draw, Optimizer, Phase, Pick, Step, System, Terms

BINS = {"mel80": 80, "mel512": 512}


@dataclass(frozen=True)
class AdainVCSettings:
    """Defaults are the published values, all but `mel`."""

    mel: Literal["mel80", "mel512"] = "mel80"
    reference: Literal["voice", "face", "gender"] = "voice"  # what the reference encoder sees
    channels: int = 128
    bank_channels: int = 128
    bank_size: int = 8  # the bank's kernels are 1 .. bank_size
    kernel: int = 5
    subsample: tuple[int, ...] = (1, 2, 1, 2, 1, 2)
    upsample: tuple[int, ...] = (2, 1, 2, 1, 2, 1)
    dense_blocks: int = 6
    code: int = 128  # channels of the content code
    embedding: int = 128  # size of the reference's embedding
    batch: int = 128
    crop: int = 128  # mel frames
    lr: float = 5e-4
    lr_decay: int = 0  # steps over which lr falls to 0 along half a cosine; 0: constant, as published
    weight_decay: float = 1e-4
    amsgrad: bool = True
    clip: float = 5.0
    lambda_rec: float = 10.0
    lambda_kl: float = 1.0
    kl_annealing: int = 20_000  # steps until lambda_kl is whole


class GenderEncoder(nn.Module):
    """Gender codes (B,) -> embeddings (B, size): the control that knows nothing else of the reference."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(2, size)

    def forward(self, gender: Tensor) -> Tensor:
        if bool((gender < 0).any()):
            raise BenchmarkError("A gender-only control met a reference of unknown gender; use records with genders.")
        return self.table(gender)  # type: ignore[no-any-return]


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL to the standard normal, a MEAN over all elements (quirk Q31), so that its weight does not grow with them."""
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).mean()


def half_cosine(step: int, steps: int) -> float:
    """1 at step 0, 0 from `steps` on."""
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps))


class AdainVC(System):
    """`audio_guided_vc`: mels of the source and of the reference -> mel, as long as the source's."""

    Settings: ClassVar[type] = AdainVCSettings
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"official": {"mel": "mel512"}}
    gender_only: ClassVar[Mapping[str, Any] | None] = {"reference": "gender"}
    tasks: ClassVar[frozenset[str]] = frozenset({"audio_guided_vc"})
    modality: ClassVar[str] = "voice"
    """The one value of `Settings.reference` besides "gender" that the class knows an encoder for."""

    settings: AdainVCSettings

    def __init__(self, settings: AdainVCSettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        s = settings
        if s.mel not in BINS:
            raise BenchmarkError(f"mel is {s.mel!r}; {type(self).__name__} takes one of {', '.join(BINS)}.")
        if s.reference not in (self.modality, "gender"):
            raise BenchmarkError(
                f"reference is {s.reference!r}; {type(self).__name__} takes {self.modality!r} or 'gender'."
            )
        if math.prod(s.subsample) != math.prod(s.upsample):
            raise BenchmarkError(f"subsample {s.subsample} and upsample {s.upsample} must have the same product.")
        bins = BINS[s.mel]
        self.speaker_encoder = GenderEncoder(s.embedding) if s.reference == "gender" else self.reference_encoder()
        self.content_encoder = ContentEncoder(
            bins, s.channels, s.code, s.kernel, s.bank_channels, s.bank_size, s.subsample
        )
        self.decoder = Decoder(bins, s.channels, s.code, s.embedding, s.kernel, s.upsample)
        self.inputs = {task: self.features() for task in self.tasks}
        self.output = {task: s.mel for task in self.tasks}
        if s.mel == "mel512":
            self.statistics = frozenset({"mel512"})
            self.register_buffer("mel512_mean", torch.zeros(bins))
            self.register_buffer("mel512_std", torch.ones(bins))

    def reference_encoder(self) -> nn.Module:
        s = self.settings
        return SpeakerEncoder(
            BINS[s.mel],
            s.channels,
            s.embedding,
            s.kernel,
            s.bank_channels,
            s.bank_size,
            s.subsample,
            s.dense_blocks,
        )

    def features(self) -> tuple[str, ...]:
        """What `translate` reads of a trial."""
        return (self.settings.mel,)

    def draws(self) -> Mapping[str, Draw]:
        s = self.settings
        return {"voices": Draw(s.batch, {"voice": Pick("audio", (s.mel,), crop=s.crop)})}

    def optimizers(self) -> Mapping[str, Optimizer]:
        s = self.settings
        options = {"betas": (0.9, 0.999), "amsgrad": s.amsgrad, "weight_decay": s.weight_decay}
        modules = ("speaker_encoder", "content_encoder", "decoder")
        schedule = partial(half_cosine, steps=s.lr_decay) if s.lr_decay else None
        return {"all": Optimizer(modules, "adam", s.lr, options, schedule, s.clip)}

    def phases(self) -> tuple[Phase, ...]:
        return tuple(Phase("autoencode", ("all",), draw) for draw in self.draws())

    def autoencode(self, batch: Batch, step: Step) -> Terms:
        """10 L1(decoded, x) + lambda KL, lambda rising linearly; the code is sampled, the embedding is not."""
        s = self.settings
        x = self.frames(batch["voice"])
        embedding = self.embed(self.training_reference(batch, step))
        mean, log_variance = self.content_encoder(x)
        noise = torch.randn(mean.shape, generator=step.generator).to(mean)
        decoded = self.decoder(mean + (log_variance / 2).exp() * noise, embedding)[..., : x.shape[-1]]
        weight = s.lambda_kl * min(1.0, (step.index + 1) / s.kl_annealing)
        return {
            "reconstruction": s.lambda_rec * F.l1_loss(decoded, x),
            "kl": weight * kl_divergence(mean, log_variance),
        }

    def training_reference(self, batch: Batch, step: Step) -> Column:
        """The column the embedding is taken from: the very crop that is to be decoded."""
        return batch["voice"]

    def embed(self, reference: Column) -> Tensor:
        """A column -> embeddings (B, embedding)."""
        if self.settings.reference == "gender":
            return self.speaker_encoder(reference["gender"])  # type: ignore[no-any-return]
        return self.encode_reference(reference)

    def encode_reference(self, reference: Column) -> Tensor:
        return self.speaker_encoder(self.frames(reference))  # type: ignore[no-any-return]

    def frames(self, column: Column) -> Tensor:
        """The column's mel as networks see it, (B, bins, T), normalised where the mel asks for it.

        Raises:
            BenchmarkError: fewer frames than the reflected edges need.
        """
        s = self.settings
        x = column[s.mel].flatten(1, -2)
        least = max(math.prod(s.subsample) * (s.kernel // 2), s.bank_size // 2) + 1
        if x.shape[-1] < least:
            raise BenchmarkError(f"A recording of {x.shape[-1]} mel frames is too short; give at least {least}.")
        if s.mel not in self.statistics:
            return x
        mean, std = self.moments()
        return (x - mean) / std

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation per band, (bins, 1) each; the trainer gives a band that never sounds std 1."""
        return self.get_buffer("mel512_mean")[:, None], self.get_buffer("mel512_std")[:, None]

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Mel in, mel of the same shape out; the content code is its mean, so `seeds` decide nothing."""
        mel = source[self.settings.mel]
        mean, _ = self.content_encoder(self.frames(source))
        decoded: Tensor = self.decoder(mean, self.embed(reference))[..., : mel.shape[-1]]
        if self.settings.mel in self.statistics:
            centre, spread = self.moments()
            decoded = decoded * spread + centre
        return decoded.reshape(mel.shape)
