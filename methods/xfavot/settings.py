"""What XFaVoT can be told, and what the paper, or the code it is built on, says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmark.errors import BenchmarkError
from benchmark.stargan.voices import LEAST, STEP

Kind = Literal["paired", "faces", "voices"]
"""People seen and heard, only seen, only heard."""


@dataclass(frozen=True)
class XFaVoTSettings:
    """Defaults are the paper's where it says something, else those of its base codes, else the assumptions of
    docs/decisions.md.

    Attributes:
        reference: what style encoders are given; "gender" is the control that knows no more.
        kinds: whom references are drawn from, each kind that a style encoder can read as often as another.
        speaker_domains: whether speakers are domains beside the genders (the mapping network's branches, the heads of
            the audio discriminator and of the classifier).
        speaker_chance: that a style is drawn for a speaker and not for a gender, and that a speaker's head judges.
        f0_network, asr_network, auxiliary_train_mode, extra_f0_block: as in StarGANv2-VC.
        size: of pictures, px. depth: halvings in the image generator. width, voice_width: channels at full resolution
            of pictures (0: 2**14 / size) and of mels. hidden: of the mapping network.
        batch: faces, and voices, that a pass translates. people: those told apart by the contrast of styles, as many as
            the batch or a multiple of it.
        crop: mel frames. least_gain: a recording is played at U(least_gain, 1) of its level. crop_chance: of a picture.
        temperature, contrast: tau and form of the cross-modality style consistency. "one_way" chooses a voice for a
            face, "symmetric" is the mean of that and of its mirror image, "mmv" has the negatives of both below one
            line (Alayrac et al. 2020).
        ds_decay: steps over which diversity of faces falls to 0; 0: constant, as diversity of voices always is.
        lambda_adv: of the judgement of voices; that of faces weighs 1, as in StarGANv2.
        norm: "l1" is the distance of loudness, "hinge" the base code's square of what is above norm_bias.
        lambda_r1: of either discriminator. classifier_start: step.
        step_encoders_on_reference: whether references train the style encoders that read them.
    """

    reference: Literal["style", "gender"] = "style"
    kinds: tuple[Kind, ...] = ("paired", "faces", "voices")
    speaker_domains: bool = True
    speaker_chance: float = 0.5
    f0_network: Literal["pocket", "published"] = "published"
    asr_network: Literal["pocket", "published"] = "published"
    auxiliary_train_mode: bool = True
    extra_f0_block: bool = True
    size: int = 128
    depth: int = 4
    width: int = 0
    voice_width: int = 64
    max_width: int = 512
    hidden: int = 512
    style: int = 64
    latent: int = 16
    batch: int = 32
    people: int = 32
    crop: int = 192
    least_gain: float = 0.5
    crop_chance: float = 0.5
    lr: float = 1e-4
    mapping_lr: float = 1e-6
    beta1: float = 0.0
    beta2: float = 0.99
    eps: float = 1e-9
    weight_decay: float = 1e-4
    temperature: float = 0.07
    contrast: Literal["one_way", "symmetric", "mmv"] = "symmetric"
    norm: Literal["l1", "hinge"] = "l1"
    norm_bias: float = 0.5
    lambda_adv: float = 1.0
    lambda_sty: float = 1.0
    lambda_ds: float = 2.0
    ds_decay: int = 20_000
    lambda_cyc: float = 1.0
    lambda_asr: float = 20.0
    lambda_f0: float = 5.0
    lambda_norm: float = 1.0
    lambda_adv_cls: float = 0.05
    lambda_cls: float = 0.05
    lambda_csc: float = 1.0
    lambda_r1: float = 1.0
    classifier_start: int = 6_667
    step_encoders_on_reference: bool = False
    ema: float = 0.999

    def __post_init__(self) -> None:
        sizes = ("depth", "voice_width", "max_width", "hidden", "style", "latent", "batch")
        for name, least in (dict.fromkeys(sizes, 1) | {"size": 32, "width": 0, "ds_decay": 0}).items():
            if getattr(self, name) < least:
                raise BenchmarkError(f"{name} = {getattr(self, name)} in the XFaVoT settings; at least {least}.")
        if self.people < 1 or self.people % self.batch:
            raise BenchmarkError(f"people = {self.people}, batch = {self.batch}; a multiple of the batch, please.")
        if self.lambda_csc > 0 and self.people < 2:
            raise BenchmarkError("people = 1 in the XFaVoT settings: the contrast of styles tells two or more apart.")
        if self.crop < LEAST or self.crop % STEP:
            raise BenchmarkError(f"crop = {self.crop} mel frames; a multiple of {STEP}, at least {LEAST}, please.")
        if not 0 < self.least_gain <= 1 or self.temperature <= 0:
            raise BenchmarkError(
                f"least_gain = {self.least_gain}, temperature = {self.temperature}; above 0 and at most 1, and "
                "above 0, please."
            )
        for name in ("speaker_chance", "crop_chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise BenchmarkError(f"{name} = {getattr(self, name)} in the XFaVoT settings; 0 to 1, please.")
        if "paired" not in self.kinds and set(self.kinds) != {"faces", "voices"}:
            raise BenchmarkError(
                f"kinds = {list(self.kinds)}: nobody is seen, or nobody heard. Take 'paired', or 'faces' and 'voices'."
            )
        if self.lambda_csc > 0 and "paired" not in self.kinds:
            raise BenchmarkError(
                "The contrast of styles needs people seen and heard: kinds with 'paired', or lambda_csc = 0."
            )
