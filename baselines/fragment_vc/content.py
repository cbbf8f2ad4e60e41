"""What the source says, as features of a frozen network, at the frames of a mel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from benchmark.system import Column
from benchmark.upstream.asr_features.load import SIZES, asr_features
from benchmark.upstream.wav2vec2 import CHANNELS, HOP, WINDOW, wav2vec2


@dataclass(frozen=True)
class Frames:
    """Frame i is of the sound around sample `centre + i * hop`, at 16 kHz."""

    hop: float
    centre: float = 0.0


MELS: Mapping[str, Frames] = {"mel80": Frames(hop=200), "mel326": Frames(hop=326)}


@dataclass(frozen=True)
class Reader:
    """load: makes the network, which turns rows of `feature` into (B, channels, T) at its own `frames`."""

    load: Callable[[], nn.Module]
    feature: str
    channels: int
    frames: Frames


READERS: Mapping[str, Reader] = {
    "wav2vec2": Reader(wav2vec2, "wave16k", CHANNELS, Frames(HOP, centre=(WINDOW - 1) / 2)),
    "pocket": Reader(partial(asr_features, "pocket"), "mel80", SIZES["pocket"].channels, Frames(hop=400)),
}


def resampled(x: Tensor, count: int, frames: Frames, wanted: Frames) -> Tensor:
    """Frames x (B, L, C) -> (B, count, C) at the moments of `wanted`: between two frames on the line that joins them,
    beyond the first and the last as they are."""
    moments = wanted.centre + wanted.hop * torch.arange(count, device=x.device)
    place = ((moments - frames.centre) / frames.hop).clamp(0, x.shape[1] - 1)
    low = place.long()
    high = (low + 1).clamp_max(x.shape[1] - 1)
    return torch.lerp(x[:, low], x[:, high], (place - low).to(x)[:, None])


def content(network: nn.Module, reader: Reader, mel: str, column: Column, matched: bool) -> tuple[Tensor, Tensor]:
    """What a column says -> (features (B, T, C), lengths (B,) int64), without gradient.

    With `matched` there is a frame for each of `mel`, else the network's own. Whole recordings (`<feature>_rows`) are
    read one by one, because padding would be part of what these networks hear; the shorter are then followed by zeros.
    """

    def read(x: Tensor, frames: int) -> Tensor:
        features: Tensor = network(x).mT
        return resampled(features, frames, reader.frames, MELS[mel]) if matched else features

    x, frames, rows = column[reader.feature], column[mel].shape[-1], column.get(f"{reader.feature}_rows")
    with torch.no_grad():
        if rows is None:
            features = read(x, frames)
            return features, torch.full((len(x),), features.shape[1], device=x.device)
        each = zip(x[:, None], rows.tolist(), column[f"{mel}_rows"].tolist(), strict=True)
        found = [read(row[..., :own], count)[0] for row, own, count in each]
    lengths = torch.tensor([len(f) for f in found], device=x.device)
    return pad_sequence(found, batch_first=True), lengths
