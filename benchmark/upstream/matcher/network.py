"""Voices and faces of the embedded corpus in one space.

The face side looks through the judge of faces (`benchmark.upstream.face_judge`), a frozen copy of which is part of this
network: it knows a thousand people, and soft and noisy pictures. What is trained is the ear, and how the judge's
readings map into the space.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.upstream.face_judge.network import PERSON, FaceJudge
from benchmark.upstream.voice_embedding.network import VoiceEmbedding, VoiceEmbeddingSettings


@dataclass(frozen=True)
class MatcherSettings:
    """voice: the ear; its `embedding` is the size E of the space. hidden: units between the judge's readings and it."""

    voice: VoiceEmbeddingSettings = field(default_factory=lambda: VoiceEmbeddingSettings(widths=(96, 128, 192, 256)))
    hidden: int = 128


class Matcher(nn.Module):
    """The dot product of a voice and a face says how well they fit; both have length 1. Row i is of row i alone."""

    def __init__(self, settings: MatcherSettings = MatcherSettings()) -> None:
        super().__init__()
        self.settings = settings
        self.listen = VoiceEmbedding(settings.voice)
        self.judge = FaceJudge()
        readings = self.judge.identity.out_features + 1 + len(PERSON)
        self.look = nn.Sequential(
            nn.Linear(readings, settings.hidden),
            nn.ReLU(inplace=True),
            nn.Linear(settings.hidden, settings.voice.embedding),
        )

    def voice(self, mel: Tensor) -> Tensor:
        """mel64 (B, 1, 64, T) -> (B, E).

        Raises:
            BenchmarkError: T is 0: a recording in which no voice is heard.
        """
        found: Tensor = self.listen(mel)
        return found

    def face(self, pictures: Tensor) -> Tensor:
        """(B, 3, 64, 64) in [-1, 1] -> (B, E)."""
        found = self.judge(pictures)
        person = found.attributes[:, : len(PERSON)]
        scale = found.identity.shape[1] ** 0.5  # as large as standard scores
        readings = torch.cat([scale * found.identity, found.gender.tanh()[:, None], person], dim=1)
        return functional.normalize(self.look(readings))
