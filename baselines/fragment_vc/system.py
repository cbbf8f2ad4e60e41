"""Fragment-VC: one-shot voice conversion in which content features of the source look up, by attention, the frames of
the reference's mel that a new mel is made of (Lin et al. 2020, arXiv 2010.14150).

Settings, objective and curriculum as `yistLin/FragmentVC@79cc2ce:train.py, models/model.py, data/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from baselines.fragment_vc.content import READERS, content
from baselines.fragment_vc.curriculum import concatenate, exclusion, other_records, own_frames, warm_half_cosine
from baselines.fragment_vc.networks import Unet, post_net, smoothers
from benchmark.errors import BenchmarkError
from benchmark.system import Batch, Column, Draw, Optimizer, Phase, Pick, Step, System, Terms

BINS = 80
SMOOTHERS = 3


@dataclass(frozen=True)
class FragmentVCSettings:
    """Defaults are the official values, all but `mel` and `frame_rate`."""

    content: Literal["wav2vec2", "pocket"] = "wav2vec2"  # pocket: the suite's own ASR features of the embedded corpus
    mel: Literal["mel80", "mel326"] = "mel80"
    frame_rate: Literal["matched", "official"] = "matched"  # official, Q35: content frame i is paired with mel frame i
    reference: Literal["voice", "gender"] = "voice"  # what is attended to
    width: int = 512
    heads: int = 2
    hidden: int = 1024  # inside the convolutions of extractors and smoothers
    kernel: int = 9
    post_channels: int = 512
    dropout: float = 0.1
    post_dropout: float = 0.5
    gender_frames: int = 128  # of the learnt references of the gender-only control
    references: int = 10  # other recordings of the speaker, in training
    crop: int = 0  # mel frames of sources and references in training; 0: whole recordings
    batch: int = 8
    accumulate: int = 2
    lr: float = 1e-4
    unet_lr: float = 1e-6  # of the unet after `restart`
    weight_decay: float = 0.01
    warmup: int = 500  # steps, of either optimiser
    restart: int = 50_000  # step from which references are other recordings
    alone: int = 150_000  # step from which the target is never among them
    decay: int = 250_000  # step at which the learning rate is 0


class GenderBank(nn.Module):
    """Genders (B,) -> learnt references (B, bins, frames): the control that knows nothing else of the reference."""

    def __init__(self, bins: int, frames: int) -> None:
        super().__init__()
        self.mels = nn.Parameter(torch.randn(2, bins, frames))

    def forward(self, gender: Tensor) -> Tensor:
        if bool((gender < 0).any()):
            raise BenchmarkError("A gender-only control met a reference of unknown gender; use records with genders.")
        return self.mels[gender]


class FragmentVC(System):
    """`audio_guided_vc`: content features of the source and the mel of one reference -> mel, as long as the source's.

    A mel frame of the output is of the same moment as that of the source, whatever `frame_rate` the network was trained
    at: the official conversion writes one frame of 326 samples for every 320 and is 1.9 % slower than its source
    (quirk Q35), which comparisons frame by frame, and outputs of the source's length, do not allow.

    Not official: recordings are not trimmed; the weights are the last ones, not those that were best in validation
    (which the official code does not keep either, quirk Q37); whether the target is among its references is decided
    once a step, not once a micro-batch; a speaker of few recordings may give one of them twice.
    """

    Settings: ClassVar[type] = FragmentVCSettings
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "official": {"mel": "mel326", "frame_rate": "official", "content": "wav2vec2"}
    }
    gender_only: ClassVar[Mapping[str, Any] | None] = {"reference": "gender"}
    tasks: ClassVar[frozenset[str]] = frozenset({"audio_guided_vc"})
    upstream: frozenset[str] = frozenset({"content_encoder"})

    settings: FragmentVCSettings

    def __init__(self, settings: FragmentVCSettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        s = settings
        if s.frame_rate == "official" and s.mel != "mel326":
            raise BenchmarkError(f"frame_rate is 'official', which is that of mel326; mel is {s.mel!r}.")
        if s.content == "pocket" and s.mel != "mel80":
            raise BenchmarkError(f"content is 'pocket', which is read from mel80; mel is {s.mel!r}.")
        if not 0 <= s.restart < s.alone or s.warmup < 1 or s.width % s.heads or s.kernel % 2 == 0:
            raise BenchmarkError(
                f"restart {s.restart} must come before alone {s.alone}, warmup {s.warmup} take a step, "
                f"heads {s.heads} divide width {s.width}, and kernel {s.kernel} be odd."
            )
        self.reader = READERS[s.content]
        self.content_encoder = self.reader.load().requires_grad_(False)
        self.unet = Unet(BINS, self.reader.channels, s.width, s.heads, s.hidden, s.kernel, s.dropout)
        self.smoothers = smoothers(SMOOTHERS, s.width, s.heads, s.hidden, s.kernel, s.dropout)
        self.mel_linear = nn.Linear(s.width, BINS)
        self.post_net = post_net(BINS, s.post_channels, s.post_dropout)
        self.gender_bank = GenderBank(BINS, s.gender_frames) if s.reference == "gender" else None
        self.features = tuple(dict.fromkeys((s.mel, self.reader.feature)))
        self.inputs = dict.fromkeys(self.tasks, self.features)
        self.output = dict.fromkeys(self.tasks, s.mel)

    def draws(self) -> Mapping[str, Draw]:
        s, crop = self.settings, self.settings.crop or None
        voice = Pick("audio", self.features, crop=crop)
        references = Pick("audio", (s.mel,), same_speaker="voice", count=s.references + 1, crop=crop)
        size = s.batch * s.accumulate
        return {
            "voices": Draw(size, {"voice": voice}),
            "speakers": Draw(size, {"voice": voice, "references": references}),
        }

    def optimizers(self) -> Mapping[str, Optimizer]:
        """At `restart` training starts anew: the later two know nothing of the first, and their rates rise again."""
        s = self.settings
        decoder = ("smoothers", "mel_linear", "post_net", *(("gender_bank",) if s.reference == "gender" else ()))
        options = {"weight_decay": s.weight_decay}
        first, second = (
            partial(warm_half_cosine, start=start, warmup=s.warmup, stop=s.decay) for start in (0, s.restart)
        )
        return {
            "all": Optimizer(("unet", *decoder), "adamw", s.lr, options, first),
            "unet": Optimizer(("unet",), "adamw", s.unet_lr, options, second),
            "decoder": Optimizer(decoder, "adamw", s.lr, options, second),
        }

    def phases(self) -> tuple[Phase, ...]:
        s = self.settings
        return (
            Phase("from_itself", ("all",), "voices", stop=s.restart, accumulate=s.accumulate),
            Phase("from_others", ("unet", "decoder"), "speakers", start=s.restart, accumulate=s.accumulate),
        )

    def from_itself(self, batch: Batch, step: Step) -> Terms:
        """L1 to the target, which is the reference too."""
        return self.reconstruct(batch["voice"], *self.target(batch["voice"]))

    def from_others(self, batch: Batch, step: Step) -> Terms:
        """L1 to the target, from other recordings of its speaker, and itself behind them as long as chance wills."""
        s, voice = self.settings, batch["voice"]
        reference, padding = self.others(voice, batch["references"])
        if step.choices.random() >= exclusion(step.index, s.restart, s.alone):
            mel, own_padding = self.target(voice)
            reference, padding = torch.cat([reference, mel], dim=2), torch.cat([padding, own_padding], dim=1)
        return self.reconstruct(voice, reference, padding)

    def target(self, voice: Column) -> tuple[Tensor, Tensor]:
        """The mel of a column, (B, 80, T), and its padding (B, T)."""
        mel = voice[self.settings.mel].squeeze(1)
        rows = voice.get(f"{self.settings.mel}_rows", torch.full((len(mel),), mel.shape[2], device=mel.device))
        return mel, ~own_frames(rows, mel.shape[2])

    def others(self, voice: Column, references: Column) -> tuple[Tensor, Tensor]:
        """The mels of the other recordings in a row, (B, 80, R), and their padding (B, R)."""
        s = self.settings
        mels = references[s.mel].squeeze(2)
        position, used = other_records(references["record"], voice["record"])
        row = torch.arange(len(mels), device=mels.device)[:, None]
        lengths = references.get(f"{s.mel}_rows", torch.full(mels.shape[:2], mels.shape[3], device=mels.device))
        own = own_frames(lengths[row, position], mels.shape[3]) & used[..., None]
        return concatenate(mels[row, position], own)

    def reconstruct(self, voice: Column, reference: Tensor, padding: Tensor) -> Terms:
        """The mean over recordings of each one's L1, over the frames that both its content and its mel have."""
        s = self.settings
        source, lengths = content(self.content_encoder, self.reader, s.mel, voice, s.frame_rate == "matched")
        if self.gender_bank is not None:
            reference, padding = self.gender_bank(voice["gender"]), None  # type: ignore[assignment]
        decoded = self.decode(source, reference, ~own_frames(lengths, source.shape[1]), padding)
        mel, mel_padding = self.target(voice)
        frames = min(mel.shape[2], decoded.shape[2])
        scored = own_frames(lengths, frames) & ~mel_padding[:, :frames]
        distance = (decoded[..., :frames] - mel[..., :frames]).abs().mean(1) * scored
        return {"l1": (distance.sum(1) / scored.sum(1)).mean()}

    def decode(
        self, source: Tensor, reference: Tensor, padding: Tensor | None = None, reference_padding: Tensor | None = None
    ) -> Tensor:
        """Content features (B, T, C) and the reference's mel (B, 80, R) -> mel (B, 80, T)."""
        x = self.unet(source, reference, padding, reference_padding)
        for smoother in self.smoothers:
            x = smoother(x, padding)
        mel = self.mel_linear(x).mT
        return mel + self.post_net(mel)  # type: ignore[no-any-return]

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Mel in, mel of the same shape out; `seeds` decide nothing."""
        s = self.settings
        mel = source[s.mel]
        features, _ = content(self.content_encoder, self.reader, s.mel, source, matched=True)
        voice = self.gender_bank(reference["gender"]) if self.gender_bank else reference[s.mel].squeeze(1)
        return self.decode(features, voice).reshape(mel.shape)
