"""The space in which audio meets pictures: CLIP's, or on the embedded corpus that of the suite's own face network."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmark import weights
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.media.image import resized
from benchmark.upstream.face_embedding.load import face_embedding
from benchmark.upstream.face_embedding.network import SIZE

CLIP = "clip/vit_b_32_openai.safetensors"
"""Entry of weights.toml."""
MODEL = "ViT-B-32-quickgelu"
"""open_clip's name of OpenAI's ViT-B/32, whose activation is the sigmoid's GELU."""
PARAMETERS = 151_277_313
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures CLIP was trained on, which have values in [0, 1] (openai/CLIP, `clip.load`)."""


class FaceSpace(nn.Module):
    """Pictures -> embeddings (B, 64) of length 1, by the frozen face network of `benchmark.upstream.face_embedding`."""

    dimension = 64

    def __init__(self) -> None:
        super().__init__()
        self.network = face_embedding()

    def images(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, H) in [-1, 1]."""
        return F.normalize(self.network(resized(pictures, SIZE)))

    def texts(self, sentences: list[str]) -> Tensor:
        raise BenchmarkError("The pocket space of SGSIM holds faces and no texts; set anchor = 'face'.")


class ClipSpace(nn.Module):
    """CLIP ViT-B/32: pictures or texts -> embeddings (B, 512) of length 1.

    normalise: with CLIP's own mean and deviation; the official code gives it the generator's [-1, 1] (quirk Q44).
    """

    dimension = 512

    def __init__(self, normalise: bool) -> None:
        super().__init__()
        self.network = clip()
        self.normalise = normalise
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def images(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, H) in [-1, 1], H a multiple of 32."""
        x = clip_size(pictures)
        if self.normalise:
            x = ((x + 1) / 2 - self.get_buffer("mean")) / self.get_buffer("deviation")
        return F.normalize(self.network.encode_image(x).float())

    def texts(self, sentences: list[str]) -> Tensor:
        tokens = import_module("open_clip").get_tokenizer(MODEL)(sentences)
        return F.normalize(self.network.encode_text(tokens.to(self.get_buffer("mean").device)).float())


Space = FaceSpace | ClipSpace


def space(which: Literal["clip", "pocket"], normalise: bool = False) -> Space:
    """Frozen, in eval mode; gradients reach the pictures.

    Raises:
        MissingWeights: weights or open_clip are absent; the message says what mends it.
        BenchmarkError: the weights do not fit.
    """
    made: Space = ClipSpace(normalise) if which == "clip" else FaceSpace()
    return made.eval().requires_grad_(False)


def clip_size(pictures: Tensor) -> Tensor:
    """(B, 3, n, n) -> (B, 3, 224, 224), n a multiple of 32: every pixel seven times, then means over n / 32 of them.

    Raises:
        BenchmarkError: another n.
    """
    pixels = pictures.shape[-1]
    if pixels % 32:
        raise BenchmarkError(f"SGSIM shows CLIP pictures of a multiple of 32 px, got {pixels}.")
    return F.avg_pool2d(F.interpolate(pictures, scale_factor=7), pixels // 32)


def clip() -> Any:
    """open_clip's network with OpenAI's weights. On the meta device, where networks are counted, it asks for neither.

    Raises:
        MissingWeights, BenchmarkError: see `space`.
    """
    if torch.empty(0).is_meta:
        counted = nn.Module()
        counted.register_parameter("parameters_of_clip", nn.Parameter(torch.empty(PARAMETERS)))
        return counted
    path = weights.get(CLIP)
    if find_spec("open_clip") is None:
        raise MissingWeights(
            "SGSIM asks CLIP through the package open_clip, which is not installed. Install it: uv sync --extra clip "
            "(or pip install 'face-voice-benchmark[clip]')."
        )
    network = import_module("open_clip").create_model(MODEL)
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise BenchmarkError(
            f"{path} does not fit CLIP ViT-B/32 ({first}). Give open_clip_model.safetensors of "
            "timm/vit_base_patch32_clip_224.openai."
        ) from error
    return network
