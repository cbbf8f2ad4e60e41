"""The face-landmark network behind StarGANv2's high-pass masks: one hourglass over a face with its coordinates.

Face alignment network (Bulat and Tzimiropoulos 2017, arXiv 1703.07332) with coordinate channels and a boundary map as
adaptive wing loss has it (Wang et al. 2019, arXiv 1904.07399), cut to one hourglass as in
`clovaai/stargan-v2@875b70a:core/wing.py`. 6,333,603 parameters.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LANDMARKS = 98
WIDTH = 256
DEPTH = 4  # halvings inside the hourglass: 64 to 4 px


def coordinates(size: int) -> Tensor:
    """(1, 3, size, size): row and column in [-1, 1], and the distance from the centre, at most 1."""
    along = torch.arange(size) / (size - 1) * 2 - 1
    row, column = torch.meshgrid(along, along, indexing="ij")
    radius = (row.square() + column.square()).sqrt()
    return torch.stack([row, column, radius / radius.max()])[None]


class CoordConv(nn.Module):
    """A convolution that sees where it is; pictures are `size` px square."""

    coordinates: Tensor

    def __init__(self, size: int, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels + 3, out, kernel, stride, kernel // 2)
        self.register_buffer("coordinates", coordinates(size), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(torch.cat([x, self.coordinates.expand(len(x), -1, -1, -1)], dim=1))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Three convolutions in a row, each after normalisation and ReLU; their outputs side by side, plus the input."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        widths = (channels, out // 2, out // 4, out // 4)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[:3])
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairwise(widths))
        self.shortcut: nn.Module = nn.Identity()
        if channels != out:
            self.shortcut = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        parts = [x]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            parts.append(conv(F.relu(norm(parts[-1]))))
        return torch.cat(parts[1:], dim=1) + self.shortcut(x)  # type: ignore[no-any-return]


class Hourglass(nn.Module):
    """Work at this size beside the same at half of it, and so on `depth` times."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.here = Block(WIDTH, WIDTH)
        self.down = Block(WIDTH, WIDTH)
        self.inner: nn.Module = Hourglass(depth - 1) if depth > 1 else Block(WIDTH, WIDTH)
        self.up = Block(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.avg_pool2d(x, 2))))
        return self.here(x) + F.interpolate(low, scale_factor=2)  # type: ignore[no-any-return]


class LandmarkNetwork(nn.Module):
    """Faces (B, 3, 256, 256) in [0, 1] -> heat maps (B, 99, 64, 64): 98 landmarks, and the boundary of the face."""

    def __init__(self) -> None:
        super().__init__()
        self.entry = CoordConv(256, 3, 64, kernel=7, stride=2)
        self.entry_norm = nn.BatchNorm2d(64)
        self.first, self.second, self.third = Block(64, 128), Block(128, 128), Block(128, WIDTH)
        self.place = CoordConv(64, WIDTH, WIDTH, kernel=1)
        self.hourglass = Hourglass(DEPTH)
        self.top = Block(WIDTH, WIDTH)
        self.last, self.last_norm = nn.Conv2d(WIDTH, WIDTH, 1), nn.BatchNorm2d(WIDTH)
        self.maps = nn.Conv2d(WIDTH, LANDMARKS + 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.entry_norm(self.entry(x)))
        x = self.third(self.second(F.avg_pool2d(self.first(x), 2)))
        x = self.top(self.hourglass(self.place(x)))
        return self.maps(F.relu(self.last_norm(self.last(x))))  # type: ignore[no-any-return]


_PUBLISHED = {
    "entry": "conv1",
    "entry_norm": "bn1",
    "first": "conv2",
    "second": "conv3",
    "third": "conv4",
    "place": "m0.coordconv",
    "top": "top_m_0",
    "last": "conv_last0",
    "last_norm": "bn_end0",
    "maps": "l0",
}
_BRANCHES = {"here": "b1", "down": "b2", "up": "b3"}
_PARTS = {"norms": "bn", "convs": "conv", "shortcut": "downsample"}


def published_name(name: str) -> str:
    """What the published files call a tensor of `LandmarkNetwork`."""
    head, _, rest = name.partition(".")
    if head == "hourglass":
        levels = rest.count("inner.")
        rest = rest.replace("inner.", "")
        if levels == DEPTH:
            head = "m0.b2_plus_1"
        else:
            branch, _, rest = rest.partition(".")
            head = f"m0.{_BRANCHES[branch]}_{DEPTH - levels}"
    else:
        head = _PUBLISHED[head]
    part, _, tail = rest.partition(".")
    if part in ("norms", "convs"):
        number, _, tail = tail.partition(".")
        return f"{head}.{_PARTS[part]}{int(number) + 1}.{tail}"
    return f"{head}.{_PARTS.get(part, part)}{tail and '.'}{tail}"
