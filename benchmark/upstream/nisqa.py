"""NISQA's three published networks as one batched reader of their weight files.

G. Mittag et al., "NISQA: A Deep CNN-Self-Attention Model for Multidimensional Speech Quality Prediction with
Crowdsourced Datasets", Interspeech 2021; gabrielmittag/NISQA@fe84f0f. `nisqa.tar` and `nisqa_mos_only.tar` are a CNN
over mel segments, self-attention over time and attention pooling; `nisqa_tts.tar` is a CNN, a bidirectional LSTM and
its last states. What a file holds stands in the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.threads import in_parallel
from benchmark.upstream.nisqa_frontend import FrontEnd, segments
from benchmark.upstream.nisqa_layers import AttentionPool, LastStatePool, Recurrence, SegmentCnn, SelfAttention
from benchmark.weights.reading import read_weights

HEADS = ("mos", "noisiness", "discontinuity", "coloration", "loudness")
"""Columns of `predict` and `judge`; the files other than `nisqa.tar` give the first alone."""
_READABLE = (("adapt", "self_att", "att"), ("standard", "lstm", "last_step_bi"))
_SEGMENTS, _CLIPS = 32, 8  # through the CNN and through time in one pass; they bound memory and change no result


class NisqaNetwork(nn.Module):
    """`args`: the arguments in a published weight file."""

    def __init__(self, args: Mapping[str, Any]) -> None:
        super().__init__()
        shape = (args["cnn_model"], args["td"], args["pool"])
        if shape not in _READABLE or args["ms_sr"] is not None or args["td_2"] != "skip" or args["double_ended"]:
            raise BenchmarkError(f"Not one of the published NISQA networks: {shape}; readable are {_READABLE}.")
        self.front = FrontEnd.from_args(args)
        self.cnn = SegmentCnn(args)
        attentive = args["td"] == "self_att"
        self.time_dependency = (SelfAttention if attentive else Recurrence)(self.cnn.width, args)
        pool = AttentionPool if attentive else LastStatePool
        heads = len(HEADS) if args["model"] == "NISQA_DIM" else 1
        self.pool_layers = nn.ModuleList(pool(self.time_dependency.width, args) for _ in range(heads))

    def forward(self, clips: Sequence[Tensor]) -> Tensor:
        """Segments (S_i, 1, 48, 15) of B clips -> (B, heads); MOS and the like, not clipped to 1..5."""
        vectors = [torch.cat([self.cnn(chunk) for chunk in torch.split(clip, _SEGMENTS)]) for clip in clips]
        counts = torch.tensor([len(clip) for clip in clips], device=clips[0].device)
        x, valid = self.time_dependency(pad_sequence(vectors, batch_first=True), counts)
        return torch.cat([pool(x, valid) for pool in self.pool_layers], dim=1)


@lru_cache(maxsize=3)
def nisqa_network(name: str = "nisqa.tar") -> NisqaNetwork:
    """The published network of that weight file, on the CPU, in eval mode, without gradients; one object for all.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get`.
    """
    file = read_weights(weights.get(name))
    network = NisqaNetwork(file["args"]).eval().requires_grad_(False)
    # A published module is wrapped in one called `model`, and a single head is not in a list.
    state = {key.replace(".model.", "."): value for key, value in file["model_state_dict"].items()}
    network.load_state_dict({f"pool_layers.0{k[4:]}" if k.startswith("pool.") else k: v for k, v in state.items()})
    network.cnn.fuse()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 3 times as fast on a CPU
    return network


def predict(clips: Sequence[tuple[np.ndarray, int]], network: NisqaNetwork) -> np.ndarray:
    """Clips as (waveform (N_i,) float32, its own rate in Hz) -> (n, heads) float32, row i of clip i alone.

    Raises:
        BenchmarkError: as `nisqa_frontend.segments`.
    """
    return judge(in_parallel(lambda clip: segments(*clip, network.front), clips), network)


def judge(clips: Sequence[Tensor], network: NisqaNetwork) -> np.ndarray:
    """Segments (S_i, 1, 48, 15) of n clips -> (n, heads) float32; clips of like length share a pass."""
    scores = np.zeros((len(clips), len(network.pool_layers)), np.float32)
    device = network.cnn.get_parameter("conv1.weight").device
    order = sorted(range(len(clips)), key=lambda i: len(clips[i]))
    batches = [order[start : start + _CLIPS] for start in range(0, len(order), _CLIPS)]

    @torch.no_grad()
    def judged(rows: Sequence[int]) -> np.ndarray:
        found: np.ndarray = network([clips[i].to(device) for i in rows]).cpu().numpy()
        return found

    for rows, found in zip(batches, in_parallel(judged, batches), strict=True):
        scores[rows] = found
    return scores
