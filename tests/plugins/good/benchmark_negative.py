"""A third party's package: a system that gives back the negative of the source picture, and nothing to train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from benchmark.system import FACE, Column, Phase, System


@dataclass(frozen=True)
class NegativeSettings:
    strength: float = 1.0


class Negative(System):
    Settings: ClassVar[type] = NegativeSettings
    tasks: ClassVar[frozenset[str]] = frozenset({"image_guided_translation", "latent_guided_translation"})
    inputs: Mapping[str, tuple[str, ...]] = dict.fromkeys(tasks, ("face128",))
    output: Mapping[str, str] = dict.fromkeys(tasks, FACE)

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        return -self.settings.strength * source["face128"]
