"""The face encoder of crossmodal voice conversion (CVC, Kameoka et al. 2019, arXiv 1904.04540), and its pictures.

CVC has no official code; the layout is read in an unofficial port (`kjun1/CMVC@e2dd327:cmvc/models/enc.py`): 32 px
pictures, five convolutions of stride 2, batch normalisation after all but the first, leaky ReLU, two linear layers.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.errors import BenchmarkError


class FaceEncoder(nn.Module):
    """Pictures (B, 3, `size`, `size`) in [-1, 1] -> embeddings (B, embedding).

    CVC samples an 8-number code from the mean and log-variance that its last layer gives. AdaIN-VC's objective knows no
    such code, so the last layer gives the embedding itself, without an activation (assumed).
    """

    def __init__(
        self,
        size: int,
        channels: tuple[int, ...],
        kernels: tuple[int, ...],
        hidden: int,
        embedding: int,
        slope: float,
    ) -> None:
        super().__init__()
        if len(channels) != len(kernels) or size % 2 ** len(channels) or any(k % 2 for k in kernels):
            raise BenchmarkError(
                f"face_channels {channels} and face_kernels {kernels} must be equally many, kernels even, and "
                f"face_size {size} a multiple of {2 ** len(channels)}."
            )
        layers: list[nn.Module] = []
        for i, (inner, outer, kernel) in enumerate(zip((3, *channels[:-1]), channels, kernels, strict=True)):
            layers.append(nn.Conv2d(inner, outer, kernel, stride=2, padding=kernel // 2 - 1))
            layers += [nn.BatchNorm2d(outer)] if i else []
            layers.append(nn.LeakyReLU(slope))
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Linear(channels[-1] * (size // 2 ** len(channels)) ** 2, hidden)
        self.exit = nn.Linear(hidden, embedding)
        self.slope = slope

    def forward(self, face: Tensor) -> Tensor:
        x = self.hidden(self.convolutions(face).flatten(1))
        return self.exit(F.leaky_relu(x, self.slope))  # type: ignore[no-any-return]


def shrink(face: Tensor, size: int) -> Tensor:
    """Pictures (B, 3, H, H) -> (B, 3, size, size), every pixel the mean of its square.

    Raises:
        BenchmarkError: H is no multiple of `size`.
    """
    factor, rest = divmod(face.shape[-1], size)
    if rest or factor == 0:
        raise BenchmarkError(f"face_size is {size}; it must divide the {face.shape[-1]} px of the pictures.")
    return F.avg_pool2d(face, factor)
