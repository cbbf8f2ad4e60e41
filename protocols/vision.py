"""The networks that judge pictures, in one form: pictures in, vectors, maps or faces out.

A network is named by the part of a metric's key after the @: `fid@starganv2`, `lpips@alex`, `pose_error@pocket`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark import weights
from benchmark.threads import in_parallel
from benchmark.upstream import alexnet, inception_2015, inception_v3, random_features
from benchmark.upstream.face_judge import load as face_judge
from benchmark.upstream.face_judge.network import Judgement
from benchmark.upstream.pictures import stacked

Pictures = Sequence[np.ndarray]
"""(H, W, 3) uint8 RGB each, of one size where nothing else is said."""
_BATCH = 16  # pictures in one pass; bounds memory, and changes no result


@dataclass(frozen=True)
class Face:
    """What the embedded judge says of a picture. gender: logit, above 0 = male. pose: (3,) yaw, pitch, roll in degrees.
    identity: (64,) of norm 1."""

    gender: float
    pose: np.ndarray
    identity: np.ndarray


@dataclass(frozen=True)
class Look:
    """What one network gives of n pictures, as far as it does.

    features: (n, d) float32, for distances of sets. maps: a tensor (n, C, h, w) of each layer, for LPIPS. faces: n.
    """

    features: np.ndarray | None = None
    maps: Sequence[Tensor] = ()
    faces: Sequence[Face] = ()


@dataclass(frozen=True)
class Vision:
    """One network.

    look: (pictures, pixels) -> what it gives, row i of picture i alone; `pixels` is the side that pictures are
        stretched to first where the protocol stretches them, 0 = their own.
    weights: names in weights.toml.
    recipe: what is done to a picture before, in words that change whenever that does, because features are kept under
        them.
    heads: of its layers, for LPIPS; None: all channels count alike.
    """

    look: Callable[[Pictures, int], Look]
    weights: tuple[str, ...]
    recipe: str
    heads: Callable[[], Sequence[Tensor] | None] = lambda: None

    def made_by(self) -> tuple[str, ...]:
        """All that decides its numbers besides the pictures."""
        digests = [weights.sha256(name) for name in self.weights] or [random_features.weights_sha256()]
        return (*digests, self.recipe)


def features(network: str, pictures: Pictures, pixels: int = 0) -> np.ndarray:
    """Pictures of any sizes -> (n, d) float32, in their order; `pixels` as in `Vision`.

    Raises:
        BenchmarkError: as the network; ValueError: it gives no vectors.
    """
    found: dict[int, np.ndarray] = {}
    for same in of_one_size(pictures):
        rows = NETWORKS[network].look([pictures[i] for i in same], pixels).features
        if rows is None:
            raise ValueError(f"{network} gives no feature vectors")
        found |= dict(zip(same, rows, strict=True))
    return np.stack([found[i] for i in range(len(pictures))])


def of_one_size(pictures: Pictures) -> list[list[int]]:
    """Positions of the pictures of every size."""
    sizes: dict[tuple[int, ...], list[int]] = {}
    for i, picture in enumerate(pictures):
        sizes.setdefault(picture.shape, []).append(i)
    return list(sizes.values())


def _judge(pictures: Pictures, pixels: int) -> Look:
    judge = face_judge.face_judge()

    @torch.no_grad()
    def said(batch: Tensor) -> Judgement:
        found: Judgement = judge(face_judge.judged_size(batch.float() / 127.5 - 1.0))
        return found

    parts = in_parallel(said, torch.split(centred_squares(stacked(pictures)), _BATCH))
    faces = [
        Face(gender, pose, identity)
        for part in parts
        for gender, pose, identity in zip(part.gender.tolist(), part.pose.numpy(), part.identity.numpy(), strict=True)
    ]
    return Look(torch.cat([part.features for part in parts]).numpy(), _joined([part.maps for part in parts]), faces)


def centred_squares(batch: Tensor) -> Tensor:
    """(N, 3, H, W) -> the largest centred squares."""
    height, width = batch.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return batch[..., top : top + side, left : left + side]


def _random(pictures: Pictures, pixels: int) -> Look:
    return Look(random_features.random_features(pictures))


def _inception_2015(pictures: Pictures, pixels: int) -> Look:
    return Look(inception_2015.features_2015(pictures, inception_2015.inception_2015()))


def _inception_v3(pictures: Pictures, pixels: int) -> Look:
    return Look(inception_v3.features_v3(pictures, inception_v3.inception_v3(), pixels or pictures[0].shape[0]))


def _alex(pictures: Pictures, pixels: int) -> Look:
    network = alexnet.alexnet()
    if min(pictures[0].shape[:2]) < alexnet.SMALLEST:
        return Look()
    batches = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
    return Look(maps=_joined(in_parallel(lambda batch: alexnet.alexnet_maps(batch, network), batches)))


def _joined(parts: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [torch.cat(layers) for layers in zip(*parts, strict=True)]


NETWORKS: Mapping[str, Vision] = {
    "pocket": Vision(_judge, (face_judge.WEIGHTS,), "centred square, bilinear antialiased to 64"),
    "random": Vision(_random, (), "centred square, Pillow bilinear to 64"),
    "inception-2015": Vision(_inception_2015, (inception_2015.WEIGHTS,), "bilinear to 299, not antialiased"),
    "starganv2": Vision(
        _inception_v3, (inception_v3.WEIGHTS,), "Pillow bilinear to the outputs' size, then to 299, ImageNet's mean"
    ),
    "alex": Vision(_alex, (alexnet.WEIGHTS, alexnet.HEADS), "own size", alexnet.lpips_heads),
}
