"""Where the parts of a face are: the masks of StarGANv2's high-pass path (w_hpf > 0).

Heat maps of 98 landmarks are cleaned, moved and sharpened part by part and summed to two masks in [0, 1]:
`clovaai/stargan-v2@875b70a:core/wing.py` (`FAN.get_heatmap`, `preprocess`). The landmarks are numbered as in WFLW.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.upstream.wing_network import LANDMARKS, LandmarkNetwork, published_name
from benchmark.weights.reading import read_weights

WEIGHTS = "wing.ckpt"
CELEBA_HQ = "starganv2/celeba_hq/100000_nets_ema.ckpt"
SIZE = 256  # px the network sees, and of the masks
_FLOOR = 0.1  # heat below it is none
_EPS = 1e-6


@dataclass(frozen=True)
class Part:
    """Landmarks whose heat, to the power of `power`, is moved `down` rows; what leaves the picture comes in again."""

    landmarks: tuple[int, ...]
    down: int
    power: int
    coarse_only: bool = False  # left out of the second mask


PARTS = (
    Part(tuple(range(8, 25)), down=0, power=3, coarse_only=True),  # chin line, without the ends beside the ears
    Part((*range(34, 46), *range(47, 51)), down=7, power=2, coarse_only=True),  # brows, without one end of each
    Part((51,), down=0, power=1),  # the root of the nose
    Part(tuple(range(52, 55)), down=-4, power=1),  # the ridge of the nose
    Part(tuple(range(55, 60)), down=-8, power=4),  # nostrils
    Part(tuple(range(60, 76)), down=8, power=3),  # eyes
    Part(tuple(range(60, 76)), down=24, power=1),  # and once more, below
    Part(tuple(range(77, 82)), down=8, power=4, coarse_only=True),  # upper lip, without the corners
    Part(tuple(range(83, 88)), down=-8, power=4, coarse_only=True),  # lower lip
    Part(tuple(range(88, 96)), down=2, power=3, coarse_only=True),  # between the lips
    Part((96, 97), down=0, power=1),  # pupils
)


def normalise(maps: Tensor) -> Tensor:
    """Maps (B, C, H, W) without what is faint, each stretched to [0, 1]."""
    maps = torch.where(maps < _FLOOR, 0.0, maps)
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    return (maps - low) / (high - low + _EPS)


def zero_nan(x: Tensor) -> Tensor:
    return torch.where(x.isnan(), 0.0, x)


def masks(maps: Tensor, clean_second: bool = False) -> tuple[Tensor, Tensor]:
    """Heat maps (B, 98, 256, 256), any range -> two masks (B, 1, 256, 256) in [0, 1].

    The first (for features of 32 px) holds all parts, the second (64 and 128 px) leaves out those of `PARTS` that are
    `coarse_only`.

    Args:
        maps: of the landmarks, as the network gives them.
        clean_second: whether a NaN becomes 0 in the second mask too. In the official code it does in the first alone,
            because the test for the second looks at the first, already cleaned (quirk Q15).
    """
    maps = normalise(maps)
    fine, coarse = maps.new_zeros(len(maps), 1, *maps.shape[2:]), maps.new_zeros(len(maps), 1, *maps.shape[2:])
    for part in PARTS:
        heat = maps[:, part.landmarks].pow(part.power).sum(1, keepdim=True).roll(part.down, 2)
        (coarse if part.coarse_only else fine).add_(heat)
    second = zero_nan(fine) if clean_second else fine
    return zero_nan(fine + coarse).clamp(0, 1), second.clamp(0, 1)


class Wing(nn.Module):
    """Faces -> masks. Always in eval mode. Its weights are random until `load`; `wing` loads the published ones."""

    def __init__(self, clean_second: bool = False) -> None:
        super().__init__()
        self.clean_second = clean_second
        self.network = LandmarkNetwork().requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Wing:
        return super().train(False)

    @torch.no_grad()
    def heatmaps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, H, H) in [-1, 1] -> the two masks of `masks`; no gradient reaches the pictures.

        The network sees them at 256 px (bilinear, not antialiased); its maps are 64 px and enlarged corner to corner.
        """
        x = F.interpolate(x, size=SIZE, mode="bilinear")
        maps = self.network(x * 0.5 + 0.5)[:, :LANDMARKS]
        return masks(F.interpolate(maps, size=SIZE, mode="bilinear", align_corners=True), self.clean_second)

    def published(self) -> dict[str, Tensor]:
        """The network's weights by their names in published files: writing to one sets it."""
        return {published_name(key): value for key, value in self.network.state_dict().items()}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over the tensors of a published file. What it has besides (the further hourglasses of the landmark
        detector that this one was cut from) is left, as by the official code.

        Raises:
            BenchmarkError: a tensor is missing or of another shape.
        """
        own = self.published()
        counters = [name for name in own if name.endswith("num_batches_tracked") and name not in state]
        for name in counters:  # files of old versions of torch lack them, and eval mode reads none
            del own[name]
        for name, value in own.items():
            if name not in state or state[name].shape != value.shape:
                got = f"has shape {tuple(state[name].shape)}" if name in state else "is absent"
                raise BenchmarkError(
                    f"These are no weights of the heat-map network: {name} {got}, expected {tuple(value.shape)}. Give "
                    f"StarGANv2's {WEIGHTS}."
                )
        for name, value in own.items():
            value.copy_(state[name])


def wing(clean_second: bool = False) -> Wing:
    """The published network, on the CPU: of wing.ckpt, or the copy of it that StarGANv2's own checkpoint carries where
    that is all there is. On the meta device, where networks are only counted, without weights.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`, or a file of something else.
    """
    network = Wing(clean_second)
    if not next(network.parameters()).is_meta:
        carried = None if weights.find(WEIGHTS) else weights.find(CELEBA_HQ)
        path, key = (carried, "fan") if carried else (weights.get(WEIGHTS), "state_dict")
        file = read_weights(path)
        if not isinstance(file, Mapping) or not isinstance(file.get(key), Mapping):
            raise BenchmarkError(f"{path} has no {key!r}; give StarGANv2's {path.name}.")
        network.load(file[key])
    return network
