"""The face network that SGSIM keeps a face's identity by: IR-SE-50 of ArcFace (Deng et al. 2019).

Layers and names as kuai-lab/sound-guided-semantic-image-manipulation@dfba091:models/facial_recognition/, after
TreB1eN/InsightFace_Pytorch, so that `model_ir_se50.pth` is read as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.errors import BenchmarkError
from benchmark.weights.reading import read_weights

WEIGHTS = "arcface/model_ir_se50.pth"
"""Entry of weights.toml."""
STAGES = ((64, 3), (128, 4), (256, 14), (512, 3))
CROP = (slice(35, 223), slice(32, 220))
"""Rows and columns of a picture of 256 px that are looked at."""


class SqueezeExcite(nn.Module):
    """Every channel times a number below 1 that the means of all channels decide."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """Of half the size with `stride` 2; the shortcut only leaves pixels out where the width stays."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer = (
            nn.MaxPool2d(1, stride)
            if channels == out
            else nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, out, 3, 1, 1, bias=False),
            nn.PReLU(out),
            nn.Conv2d(out, out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out),
            SqueezeExcite(out),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)  # type: ignore[no-any-return]


class ArcFace(nn.Module):
    """Pictures (B, 3, H, H) in [-1, 1] -> embeddings (B, 512) of length 1; 43,797,696 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        blocks, channels = [], 64
        for width, count in STAGES:
            for i in range(count):
                blocks.append(Bottleneck(channels, width, 2 if i == 0 else 1))
                channels = width
        self.body = nn.Sequential(*blocks)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512), nn.Dropout(0.6), nn.Flatten(), nn.Linear(512 * 7 * 7, 512), nn.BatchNorm1d(512)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        if pictures.shape[-1] != 256:
            pictures = F.adaptive_avg_pool2d(pictures, 256)
        face = F.adaptive_avg_pool2d(pictures[:, :, CROP[0], CROP[1]], 112)
        return F.normalize(self.output_layer(self.body(self.input_layer(face))))


def load_arcface(path: Path, network: ArcFace) -> None:
    """Fill a network with `model_ir_se50.pth`, whole or not at all.

    Raises:
        BenchmarkError: no such file, a tensor missing, unknown or of another shape.
    """
    file: Any = read_weights(path)
    given: Mapping[str, Any] = file if isinstance(file, Mapping) else {}
    expected = network.state_dict()
    for name in sorted(expected.keys() | given.keys()):
        ours, theirs = (
            tuple(t[name].shape) if isinstance(t.get(name), Tensor) else "absent" for t in (expected, given)
        )
        counter = name.endswith("num_batches_tracked") and theirs == "absent"  # of old versions of torch
        if ours != theirs and not counter:
            raise BenchmarkError(
                f"{path} does not fit ArcFace's IR-SE-50: {name} is {theirs}, expected {ours}. Give model_ir_se50.pth "
                "of TreB1eN/InsightFace_Pytorch."
            )
    network.load_state_dict(dict(given), strict=False)
