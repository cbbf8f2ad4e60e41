"""AdaIN-CVC: AdaIN-VC with its speaker encoder replaced by CVC's face encoder, trained on face-voice pairs alone
(XFaVoT, arXiv 2302.13838, appendix F). The objective is AdaIN-VC's, nothing added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from baselines.adain_cvc.networks import FaceEncoder, shrink
from baselines.adain_vc.system import AdainVC, AdainVCSettings
from benchmark.media.image import mirror
from benchmark.system import Batch, Column, Draw, Pick, Step


@dataclass(frozen=True)
class AdainCVCSettings(AdainVCSettings):
    """Face-side defaults are the unofficial port's; it does not mirror its pictures."""

    reference: Literal["voice", "face", "gender"] = "face"
    face_size: int = 32  # pictures are averaged down to this before anything else
    face_channels: tuple[int, ...] = (32, 64, 128, 128, 256)
    face_kernels: tuple[int, ...] = (6, 6, 4, 4, 4)
    face_hidden: int = 256
    face_slope: float = 0.01  # of the leaky ReLU
    face_flip: bool = False  # mirror half of the training pictures


class AdainCVC(AdainVC):
    """`image_guided_vc`: mel of the source and a face -> mel, as long as the source's."""

    Settings: ClassVar[type] = AdainCVCSettings
    variants: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    tasks: ClassVar[frozenset[str]] = frozenset({"image_guided_vc"})
    modality: ClassVar[str] = "face"

    settings: AdainCVCSettings

    def reference_encoder(self) -> nn.Module:
        s = self.settings
        return FaceEncoder(s.face_size, s.face_channels, s.face_kernels, s.face_hidden, s.embedding, s.face_slope)

    def features(self) -> tuple[str, ...]:
        return (self.settings.mel, "face128")

    def draws(self) -> Mapping[str, Draw]:
        s = self.settings
        voice = Pick("audio", (s.mel,), pool="paired", crop=s.crop)
        face = Pick("face", ("face128",), pool="paired", same_speaker="voice")
        return {"pairs": Draw(s.batch, {"voice": voice, "face": face})}

    def training_reference(self, batch: Batch, step: Step) -> Column:
        """The drawn face, shrunk first, so that mirroring it costs little."""
        s, column = self.settings, batch["face"]
        face = shrink(column["face128"], s.face_size)
        return {**column, "face128": mirror(face, step.generator) if s.face_flip else face}

    def encode_reference(self, reference: Column) -> Tensor:
        face = shrink(reference["face128"], self.settings.face_size)
        return self.speaker_encoder(face)  # type: ignore[no-any-return]
