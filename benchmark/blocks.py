"""Building blocks that the StarGANv2 family shares (Choi et al. 2020, arXiv 1912.01865, appendix E).

Order of operations as `clovaai/stargan-v2@875b70a:core/model.py`. Feature maps are (B, C, H, W); no block changes the
number of rows.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
Scale = int | tuple[int, int]


def activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


def instance_norm(channels: int) -> nn.GroupNorm:
    """Instance normalisation with a learnt affine map, as groups of one channel: the same numbers, sooner on a CPU."""
    return nn.GroupNorm(channels, channels)


def widened(kernel: Tensor, scale: Scale) -> Tensor:
    """A kernel (out, in, h, w) summed over shifts by 0 .. scale - 1 along either axis: (out, in, h + 1, w + 1) for a
    scale of 2. A convolution and a scaling by 2 beside it are one convolution with it, of half the arithmetic."""
    rows, columns = (scale, scale) if isinstance(scale, int) else scale
    shifted = [F.pad(kernel, (j, columns - 1 - j, i, rows - 1 - i)) for i in range(rows) for j in range(columns)]
    return torch.stack(shifted).sum(0)


def convolve_pool(x: Tensor, layer: nn.Conv2d, scale: Scale) -> Tensor:
    """`layer`, then the mean over windows of `scale`, in one convolution."""
    if scale == 1:
        return layer(x)  # type: ignore[no-any-return]
    rows, columns = (scale, scale) if isinstance(scale, int) else scale
    kernel = widened(layer.weight, scale) / (rows * columns)
    return F.conv2d(x, kernel, layer.bias, stride=scale, padding=layer.padding)


def enlarge_convolve(x: Tensor, layer: nn.Conv2d, scale: Scale) -> Tensor:
    """Every pixel repeated `scale` times, then `layer` (3x3, padded by 1), in one transposed convolution."""
    if scale == 1:
        return layer(x)  # type: ignore[no-any-return]
    kernel = widened(layer.weight.flip(2, 3), scale).transpose(0, 1)
    return F.conv_transpose2d(x, kernel, layer.bias, stride=scale, padding=1)


class ResidualBlock(nn.Module):
    """Pre-activation residual block of unit variance, (B, channels, H, W) -> (B, out, H / pool, W / pool).

    The first convolution and both normalisations have the incoming width, the second convolution widens (quirk Q16).
    Pooling stands after the first convolution and after the shortcut's.
    """

    def __init__(self, channels: int, out: int, norm: bool = False, pool: Scale = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, out, 3, padding=1)
        self.norm1 = instance_norm(channels) if norm else nn.Identity()
        self.norm2 = instance_norm(channels) if norm else nn.Identity()
        self.shortcut = nn.Conv2d(channels, out, 1, bias=False) if channels != out else nn.Identity()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        y = convolve_pool(activate(self.norm1(x)), self.conv1, self.pool)
        y = self.conv2(activate(self.norm2(y)))
        if isinstance(self.shortcut, nn.Conv2d):
            x = convolve_pool(x, self.shortcut, self.pool)
        elif self.pool != 1:
            x = F.avg_pool2d(x, self.pool)
        total: Tensor = x + y
        return total / math.sqrt(2)


class AdaIN(nn.Module):
    """(1 + gamma) * normalised x + beta, where gamma | beta is a linear map of the style (B, style)."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.affine = nn.Linear(style, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        gamma, beta = self.affine(style)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(beta, 1 + gamma, F.group_norm(x, x.shape[1]))


class AdainResidualBlock(nn.Module):
    """Residual block whose normalisations take their scale and shift from a style (B, style).

    (B, channels, H, W) -> (B, out, H * scale, W * scale), enlarged by the nearest neighbour. The first convolution
    widens (quirk Q16); it is one with the enlargement, which stands after the shortcut's 1x1 convolution.

    `residual_only` drops the shortcut and the division by sqrt(2), as the official code does wherever a high-pass path
    is there (quirk Q15). The shortcut's 1x1 convolution then stays, never used, so that sizes are the official ones.
    """

    def __init__(self, channels: int, out: int, style: int = 64, scale: Scale = 1, residual_only: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.norm1 = AdaIN(style, channels)
        self.norm2 = AdaIN(style, out)
        self.shortcut = nn.Conv2d(channels, out, 1, bias=False) if channels != out else nn.Identity()
        self.scale = scale
        self.residual_only = residual_only

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = enlarge_convolve(activate(self.norm1(x, style)), self.conv1, self.scale)
        y = self.conv2(activate(self.norm2(y, style)))
        if self.residual_only:
            return y  # type: ignore[no-any-return]
        x = self.shortcut(x)
        total: Tensor = (F.interpolate(x, scale_factor=self.scale) if self.scale != 1 else x) + y
        return total / math.sqrt(2)


class HighPass(nn.Module):
    """A fixed 3x3 Laplacian (8 in the middle, -1 around) divided by `weight`, over every channel alone; zero edges."""

    kernel: Tensor

    def __init__(self, weight: float) -> None:
        super().__init__()
        kernel = torch.full((3, 3), -1.0)
        kernel[1, 1] = 8.0
        self.register_buffer("kernel", kernel / weight, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        return F.conv2d(x, self.kernel.to(x).expand(channels, 1, 3, 3), padding=1, groups=channels)


class StackedLinear(nn.Module):
    """A linear layer per domain: x (B, inputs) and domain (B,) int64 -> (B, outputs), row i by the layer domain[i].

    Only the layers that a batch names are computed, and the others get a gradient of zero, not none: an optimiser with
    weight decay or momentum moves them as if all had been computed.
    """

    def __init__(self, domains: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(domains, outputs, inputs))
        self.bias = nn.Parameter(torch.empty(domains, outputs))
        bound = 1 / math.sqrt(inputs)  # as nn.Linear draws both
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        return torch.baddbmm(self.bias[domain, :, None], self.weight[domain], x[:, :, None])[:, :, 0]


class MappingNetwork(nn.Module):
    """Latents (B, latent) and domains -> styles: four shared layers, then four of each domain."""

    def __init__(self, latent: int = 16, style: int = 64, domains: int = 2, hidden: int = 512) -> None:
        super().__init__()
        self.shared = nn.ModuleList(nn.Linear(size, hidden) for size in (latent, hidden, hidden, hidden))
        self.own = nn.ModuleList(StackedLinear(domains, hidden, size) for size in (hidden, hidden, hidden, style))

    def forward(self, z: Tensor, domain: Tensor) -> Tensor:
        for layer in self.shared:
            z = F.relu(layer(z))
        for layer in self.own[:-1]:
            z = F.relu(layer(z, domain))
        return self.own[-1](z, domain)  # type: ignore[no-any-return]


def seeded_latents(seeds: Tensor, latent: int) -> Tensor:
    """Seeds (B,) int64 -> latents (B, latent) from N(0, 1) on the CPU, row i by seeds[i] alone."""
    return torch.stack([torch.randn(latent, generator=torch.Generator().manual_seed(seed)) for seed in seeds.tolist()])


class GenderStyle(nn.Module):
    """Genders (B,) -> styles (B, style), whatever the reference: the style encoder of a control that knows no more."""

    def __init__(self, style: int) -> None:
        super().__init__()
        self.table = nn.Embedding(2, style)

    def forward(self, x: Tensor, gender: Tensor) -> Tensor:
        return self.table(gender)  # type: ignore[no-any-return]


@torch.no_grad()
def he_init(network: nn.Module) -> None:
    """Draw every convolution and linear layer anew: weights from N(0, 2 / fan_in), biases 0 (quirk Q17).

    Heads of domains are drawn one by one, each as the linear layer it is. Normalisations keep what they have.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | StackedLinear):
            for layer in module.weight if isinstance(module, StackedLinear) else [module.weight]:
                nn.init.kaiming_normal_(layer, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
