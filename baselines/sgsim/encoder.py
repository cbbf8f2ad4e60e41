"""The audio encoder: ResNet-18 under a convolution that makes three channels of one.

kuai-lab/sound-guided-semantic-image-manipulation@dfba091:soundclip/models.py, whose ResNet is timm's `resnet18`: names
and layers are those of He et al. 2016, so that weights of either code are read as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.errors import BenchmarkError
from benchmark.weights.reading import read_weights


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; `stride` is the first one's."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            if stride != 1 or channels != out
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.downsample(x))


class ResNet18(nn.Module):
    """(B, 3, H, W) -> (B, outputs)."""

    def __init__(self, outputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        for i, (a, b) in enumerate(pairwise((widths[0], *widths))):
            blocks = (BasicBlock(a, b, 1 if i == 0 else 2), BasicBlock(b, b, 1))
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
        self.stages = len(widths)
        self.fc = nn.Linear(widths[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(self.stages):
            x = self.get_submodule(f"layer{i + 1}")(x)
        found: Tensor = self.fc(x.mean((2, 3)))
        return found


class AudioEncoder(nn.Module):
    """Pictures of a mel (B, 1, H, W) -> embeddings (B, outputs) of length 1; 11,439,198 parameters.

    Row i is of row i alone in eval mode. 512 outputs of widths (64, 128, 256, 512) are the official network.
    """

    def __init__(self, outputs: int = 512, widths: tuple[int, ...] = (64, 128, 256, 512)) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.feature_extractor = ResNet18(outputs, widths)

    def forward(self, picture: Tensor) -> Tensor:
        return F.normalize(self.feature_extractor(self.conv(picture)).float())


def load_encoder(path: Path, encoder: AudioEncoder) -> None:
    """Fill an encoder of the official sizes with `resnet18_57.pth`, whole or not at all.

    Raises:
        BenchmarkError: no such file, a tensor missing, unknown or of another shape.
    """
    file: Any = read_weights(path)
    given = (
        {str(key).removeprefix("module."): value for key, value in file.items()} if isinstance(file, Mapping) else {}
    )
    expected = encoder.state_dict()
    for name in sorted(expected.keys() | given.keys()):
        ours, theirs = (
            tuple(t[name].shape) if isinstance(t.get(name), Tensor) else "absent" for t in (expected, given)
        )
        if ours != theirs:
            raise BenchmarkError(
                f"{path} does not fit SGSIM's audio encoder: {name} is {theirs}, expected {ours}. Give resnet18_57.pth "
                "of kuai-lab/sound-guided-semantic-image-manipulation."
            )
    encoder.load_state_dict(given)
