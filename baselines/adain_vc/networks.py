"""The three networks of AdaIN-VC (Chou et al. 2019, arXiv 1904.05742).

Sizes and order of operations as `jjery2243542/adaptive_voice_conversion@d1cad9f:model.py, config.yaml`; modules are
registered in the official order, so that one seed gives both codes one set of weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolve(x: Tensor, layer: nn.Conv1d) -> Tensor:
    """`layer` over (B, C, T) with reflected edges -> (B, C', ceil(T / stride)); T must exceed half the kernel."""
    half, even = layer.kernel_size[0] // 2, layer.kernel_size[0] % 2 == 0
    return layer(F.pad(x, (half, half - even), mode="reflect")) if half else layer(x)  # type: ignore[no-any-return]


def pool(x: Tensor, factor: int) -> Tensor:
    """Mean over `factor` frames, the last window over what is left: (B, C, T) -> (B, C, ceil(T / factor))."""
    return F.avg_pool1d(x, factor, ceil_mode=True) if factor > 1 else x


def shuffle(x: Tensor, factor: int) -> Tensor:
    """1-D pixel shuffle, (B, C * factor, T) -> (B, C, T * factor): neighbouring channels become neighbouring frames."""
    batch, channels, frames = x.shape
    x = x.view(batch, channels // factor, factor, frames)
    return x.transpose(2, 3).reshape(batch, channels // factor, frames * factor)


def adain(x: Tensor, condition: Tensor) -> Tensor:
    """Instance normalisation of (B, C, T), then scale and shift from (B, 2 C) = [mean | std] (not 1 + std)."""
    mean, std = condition.unsqueeze(2).chunk(2, dim=1)
    return torch.addcmul(mean, F.instance_norm(x), std)


class ConvBank(nn.Module):
    """Convolutions of kernel 1 .. `size`, rectified and concatenated with their input.

    (B, bins, T) -> (B, channels * size + bins, T). One pass with every kernel zero-padded to the largest gives the
    same numbers and is slower (measured on CPU: the zeros cost more arithmetic than eight calls cost).
    """

    def __init__(self, bins: int, channels: int, size: int) -> None:
        super().__init__()
        self.kernels = nn.ModuleList(nn.Conv1d(bins, channels, k) for k in range(1, size + 1))
        self.width = channels * size + bins

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([F.relu(convolve(x, k)) for k in self.kernels] + [x], dim=1)  # type: ignore[arg-type]


class SpeakerEncoder(nn.Module):
    """Mel (B, bins, T) -> speaker embedding (B, embedding); the mean over time, no normalisation."""

    def __init__(
        self,
        bins: int,
        channels: int,
        embedding: int,
        kernel: int,
        bank_channels: int,
        bank_size: int,
        subsample: Sequence[int],
        dense_blocks: int,
    ) -> None:
        super().__init__()
        self.bank = ConvBank(bins, bank_channels, bank_size)
        self.entry = nn.Conv1d(self.bank.width, channels, 1)
        self.first = nn.ModuleList(nn.Conv1d(channels, channels, kernel) for _ in subsample)
        self.second = nn.ModuleList(nn.Conv1d(channels, channels, kernel, stride=s) for s in subsample)
        self.dense_first = nn.ModuleList(nn.Linear(channels, channels) for _ in range(dense_blocks))
        self.dense_second = nn.ModuleList(nn.Linear(channels, channels) for _ in range(dense_blocks))
        self.exit = nn.Linear(channels, embedding)
        self.subsample = tuple(subsample)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.entry(self.bank(x)))
        for first, second, factor in zip(self.first, self.second, self.subsample, strict=True):
            y = F.relu(convolve(x, first))  # type: ignore[arg-type]
            x = F.relu(convolve(y, second)) + pool(x, factor)  # type: ignore[arg-type]
        x = x.mean(dim=2)
        for first, second in zip(self.dense_first, self.dense_second, strict=True):
            x = x + F.relu(second(F.relu(first(x))))
        return self.exit(x)  # type: ignore[no-any-return]


class ContentEncoder(nn.Module):
    """Mel (B, bins, T) -> mean and log-variance of the content code, each (B, code, ceil(T / prod(subsample)))."""

    def __init__(
        self,
        bins: int,
        channels: int,
        code: int,
        kernel: int,
        bank_channels: int,
        bank_size: int,
        subsample: Sequence[int],
    ) -> None:
        super().__init__()
        self.bank = ConvBank(bins, bank_channels, bank_size)
        self.entry = nn.Conv1d(self.bank.width, channels, 1)
        self.first = nn.ModuleList(nn.Conv1d(channels, channels, kernel) for _ in subsample)
        self.second = nn.ModuleList(nn.Conv1d(channels, channels, kernel, stride=s) for s in subsample)
        self.mean = nn.Conv1d(channels, code, 1)
        self.log_variance = nn.Conv1d(channels, code, 1)
        self.subsample = tuple(subsample)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu(F.instance_norm(self.entry(self.bank(x))))
        for first, second, factor in zip(self.first, self.second, self.subsample, strict=True):
            y = F.relu(F.instance_norm(convolve(x, first)))  # type: ignore[arg-type]
            x = F.relu(F.instance_norm(convolve(y, second))) + pool(x, factor)  # type: ignore[arg-type]
        return self.mean(x), self.log_variance(x)


class Decoder(nn.Module):
    """Content code (B, code, T) and speaker embedding (B, embedding) -> mel (B, bins, T * prod(upsample))."""

    def __init__(
        self, bins: int, channels: int, code: int, embedding: int, kernel: int, upsample: Sequence[int]
    ) -> None:
        super().__init__()
        self.entry = nn.Conv1d(code, channels, 1)
        self.first = nn.ModuleList(nn.Conv1d(channels, channels, kernel) for _ in upsample)
        self.second = nn.ModuleList(nn.Conv1d(channels, channels * u, kernel) for u in upsample)
        self.affine = nn.ModuleList(nn.Linear(embedding, 2 * channels) for _ in range(2 * len(upsample)))
        self.exit = nn.Conv1d(channels, bins, 1)
        self.upsample = tuple(upsample)

    def forward(self, code: Tensor, embedding: Tensor) -> Tensor:
        x = F.relu(F.instance_norm(self.entry(code)))
        for i, factor in enumerate(self.upsample):
            y = F.relu(adain(convolve(x, self.first[i]), self.affine[2 * i](embedding)))  # type: ignore[arg-type]
            y = shuffle(convolve(y, self.second[i]), factor)  # type: ignore[arg-type]
            y = F.relu(adain(y, self.affine[2 * i + 1](embedding)))
            x = y + x.repeat_interleave(factor, dim=2)
        return self.exit(x)  # type: ignore[no-any-return]
