"""Controls without parameters: what a metric says of recordings that no system has made (DESIGN.md section 6a)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from benchmark.system import Column, Draw, Optimizer, Phase, System

VOICE = ("audio_guided_vc", "image_guided_vc")


@dataclass(frozen=True)
class ControlSettings:
    """A control has nothing to set."""


class Control(System):
    """Hands a record on as it is. A subclass says which feature for which task; `System.source` says whose record."""

    Settings: ClassVar[type] = ControlSettings
    emits: ClassVar[Mapping[str, str]] = {}
    """task -> feature handed on."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.tasks = frozenset(cls.emits)

    def __init__(self, settings: ControlSettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        self.inputs = {task: (feature,) for task, feature in self.emits.items()}
        self.output = dict(self.emits)

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {}

    def draws(self) -> Mapping[str, Draw]:
        return {}

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """The feature of `source`, bit for bit."""
        return source[self.emits[task]]


class CopySource(Control):
    """The source recording: what a system that changes nothing would score."""

    emits = dict.fromkeys(VOICE, "wave24k")


class VocodedCopySource(Control):
    """The source through mel and vocoder: the floor of a mel system."""

    emits = dict.fromkeys(VOICE, "mel80")


class CopyReference(Control):
    """The reference recording: a perfect voice that says something else."""

    emits = dict.fromkeys(("audio_guided_vc",), "wave24k")

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """The feature of `reference`, bit for bit."""
        return reference[self.emits[task]]


class GroundTruth(Control):
    """Another recording of the target: the ceiling."""

    emits = dict.fromkeys(VOICE, "wave24k")
    source = "target"


class VocodedGroundTruth(Control):
    """Another recording of the target through mel and vocoder: the ceiling of a mel system."""

    emits = dict.fromkeys(VOICE, "mel80")
    source = "target"


class RandomReference(Control):
    """A recording of another identity of the target's gender: what knowing the gender alone would give."""

    emits = dict.fromkeys(VOICE, "wave24k")
    source = "other"
