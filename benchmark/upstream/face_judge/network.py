"""The network that judges faces of the embedded corpus: eight convolutions and three linear readings of the last one.

All of `fid@pocket`, `lpips@pocket`, gender, pose and identity come from one pass, so that a picture is looked at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = 64
"""Pixels of a side: pictures are judged at this size, whatever their own."""
POSE = ("yaw", "pitch", "roll")
"""Columns of `Judgement.pose`, in degrees, with the signs of `benchmark.corpora.pocket.face_view.View`."""
PERSON = (
    *("age", "size", "jaw", "nose", "lips", "brow", "eyes"),
    *("skin_red", "skin_green", "skin_blue", "hair_red", "hair_green", "hair_blue"),
    *("hair_length", "hair_width", "fringe", "curl", "glasses", "stubble", "full_beard", "goatee", "moustache"),
)
"""Attributes that all pictures of a person share."""
VIEW = ("smile", "mouth_open", "brow_raise", "light_azimuth")
"""Attributes of one picture."""
ATTRIBUTES = PERSON + VIEW
"""Columns of `Judgement.attributes`."""
WIDTHS = (16, 32, 32, 48, 48, 80, 96, 48)
"""Channels of the convolutions; every second one halves the picture, so that 64 pixels end as 4."""
_SHOWN = (0, 2, 4, 6, 7)
"""The last map of every size."""
_IDENTITY = 64
_SPREAD = (12.0, 4.0, 2.3)
"""Degrees: about the standard deviations of yaw, pitch and roll in a pool, so that one learning rate fits all."""


@dataclass(frozen=True)
class Judgement:
    """What the network says of B pictures.

    maps: of (B, C, h, w) with h = w = 64, 32, 16, 8, 4: the last map of every size, after its activation.
    features: (B, 64): means over the first map, at the picture's own size (how it is drawn: artefacts show there), and
        over the last (what it shows), each standardised over the pictures of training.
    identity: (B, 64) of length 1; the cosine of two says whether they are one person.
    gender: (B,) logit, above 0 = male.
    pose: (B, 3) degrees, columns as `POSE`.
    attributes: (B, A) standard scores over the pictures of training, columns as `ATTRIBUTES`.
    """

    maps: tuple[Tensor, ...]
    features: Tensor
    identity: Tensor
    gender: Tensor
    pose: Tensor
    attributes: Tensor


class FaceJudge(nn.Module):
    """(B, 3, 64, 64) float32 in [-1, 1] -> Judgement; row i is of picture i alone (in eval mode)."""

    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, 1 + i % 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True))
            for i, (a, b) in enumerate(pairwise((3, *WIDTHS)))
        )
        flat = WIDTHS[-1] * (SIZE // 16) ** 2
        self.identity = nn.Linear(flat, _IDENTITY, bias=False)
        self.labels = nn.Linear(flat, 1 + len(POSE) + len(ATTRIBUTES))
        self.standard = nn.BatchNorm1d(WIDTHS[0] + WIDTHS[-1], momentum=0.01, affine=False)
        self.register_buffer("spread", torch.tensor(_SPREAD), persistent=False)

    def forward(self, x: Tensor) -> Judgement:
        found = []
        for convolution in self.convolutions:
            x = convolution(x)
            found.append(x)
        flat = x.flatten(1)
        gender, pose, attributes = self.labels(flat).split((1, len(POSE), len(ATTRIBUTES)), dim=1)
        means = torch.cat([found[0].mean((2, 3)), found[-1].mean((2, 3))], dim=1)
        return Judgement(
            maps=tuple(found[i] for i in _SHOWN),
            features=self.standard(means.detach()),
            identity=functional.normalize(self.identity(flat)),
            gender=gender[:, 0],
            pose=pose * self.spread,
            attributes=attributes,
        )
