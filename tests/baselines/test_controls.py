"""Controls hand on exactly what they say."""

import pytest
import torch
from torch import Tensor

from baselines.controls import (
    Control,
    ControlSettings,
    CopyReference,
    CopySource,
    GroundTruth,
    RandomReference,
    VocodedCopySource,
    VocodedGroundTruth,
)
from benchmark.registry import SYSTEMS
from benchmark.system import FACE

VOICES = {"audio_guided_vc", "image_guided_vc"}
VOICES_OUT = VOICES | {"latent_guided_vc"}
FACES = {"image_guided_translation", "latent_guided_translation", "audio_guided_translation", "face_from_voice"}
CONTROLS = [
    (CopySource, "source", "wave24k", VOICES_OUT, FACES),
    (VocodedCopySource, "source", "mel80", VOICES_OUT, set()),
    (CopyReference, "reference", "wave24k", {"audio_guided_vc"}, {"image_guided_translation"}),
    (GroundTruth, "target", "wave24k", VOICES, FACES),
    (VocodedGroundTruth, "target", "mel80", VOICES, set()),
    (RandomReference, "other", "wave24k", VOICES_OUT, FACES),
]


def column(seed: int, samples: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "wave24k": torch.rand(2, samples, generator=generator) * 2 - 1,
        "mel80": torch.randn(2, 1, 80, samples // 300 + 1, generator=generator),
        "face128": torch.rand(2, 3, 128, 128, generator=generator) * 2 - 1,
    }


@pytest.mark.parametrize(("cls", "record", "feature", "voices", "faces"), CONTROLS)
def test_a_control_emits_its_feature_bit_for_bit(
    cls: type[Control], record: str, feature: str, voices: set[str], faces: set[str]
) -> None:
    control = cls(ControlSettings(), speakers=3)
    source, reference = column(1, 900), column(2, 700)
    assert cls.source == record
    assert cls.tasks == control.inputs.keys() == control.output.keys() == voices | faces
    assert cls.copies == faces, "the runner names the file it was given, which is right because of what follows"
    for task in cls.tasks:
        key = feature if task in voices else "face128"
        out = control.translate(task, source, reference, torch.zeros(2, dtype=torch.int64))
        assert torch.equal(out, source[key])
        assert control.output[task] == (key if task in voices else FACE)
        assert control.inputs[task] == (key,)


@pytest.mark.parametrize("cls", [c for c, *_ in CONTROLS])
def test_a_control_has_nothing_to_train_or_set(cls: type[Control]) -> None:
    control = cls(ControlSettings())
    assert not list(control.parameters())
    assert not list(control.buffers())
    assert control.phases() == ()
    assert control.draws() == {}
    assert control.optimizers() == {}
    with pytest.raises(TypeError):
        cls.Settings(anything=1)


@pytest.mark.parametrize("cls", [c for c, *_ in CONTROLS])
def test_the_registry_names_the_same_tasks(cls: type[Control]) -> None:
    (entry,) = [e for e in SYSTEMS.values() if e.target == f"baselines.controls:{cls.__name__}"]
    assert set(entry.tasks) == cls.tasks
    assert entry.load() is cls
