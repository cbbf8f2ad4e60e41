"""Controls without parameters: what a metric says of media that no system has made (DESIGN.md section 6a)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from benchmark.system import FACE, Column, Draw, Optimizer, Phase, System

VOICES = ("audio_guided_vc", "image_guided_vc")
VOICES_OUT = (*VOICES, "latent_guided_vc")
FACES = (
    "image_guided_translation",
    "latent_guided_translation",
    "audio_guided_translation",
    "face_from_voice",
)


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
        cls.copies = frozenset(task for task, feature in cls.emits.items() if feature == "face128")

    def __init__(self, settings: ControlSettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        self.inputs = {task: (feature,) for task, feature in self.emits.items()}
        self.output = {task: FACE if task in self.copies else feature for task, feature in self.emits.items()}

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {}

    def draws(self) -> Mapping[str, Draw]:
        return {}

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """The feature of `source`, bit for bit."""
        return source[self.emits[task]]


def _as_they_are(*tasks: str) -> dict[str, str]:
    """The feature that recordings or pictures are stored as, for each of the tasks."""
    return {task: "face128" if task in FACES else "wave24k" for task in tasks}


class CopySource(Control):
    """The source: what a system that changes nothing would score. Of `face_from_voice` it is the proposal."""

    emits = _as_they_are(*VOICES_OUT, *FACES)


class VocodedCopySource(Control):
    """The source through mel and vocoder: the floor of a mel system."""

    emits = dict.fromkeys(VOICES_OUT, "mel80")


class CopyReference(Control):
    """The reference: a perfect target that says something else, or looks another way."""

    emits = _as_they_are("audio_guided_vc", "image_guided_translation")
    source = "reference"


class GroundTruth(Control):
    """Another recording or picture of the target, without a reference any of the target gender: the ceiling."""

    emits = _as_they_are(*VOICES, *FACES)
    source = "target"


class VocodedGroundTruth(Control):
    """Another recording of the target through mel and vocoder: the ceiling of a mel system."""

    emits = dict.fromkeys(VOICES, "mel80")
    source = "target"


class RandomReference(Control):
    """A recording or picture of another identity of the target's gender: what knowing the gender alone would give."""

    emits = _as_they_are(*VOICES_OUT, *FACES)
    source = "other"
