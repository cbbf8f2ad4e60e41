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
from benchmark.errors import BenchmarkError

BOTH = {"audio_guided_vc", "image_guided_vc"}
CONTROLS = [
    (CopySource, "source", "wave24k", BOTH),
    (VocodedCopySource, "source", "mel80", BOTH),
    (CopyReference, "source", "wave24k", {"audio_guided_vc"}),
    (GroundTruth, "target", "wave24k", BOTH),
    (VocodedGroundTruth, "target", "mel80", BOTH),
    (RandomReference, "other", "wave24k", BOTH),
]


def column(seed: int, samples: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "wave24k": torch.rand(2, samples, generator=generator) * 2 - 1,
        "mel80": torch.randn(2, 1, 80, samples // 300 + 1, generator=generator),
    }


@pytest.mark.parametrize(("cls", "record", "feature", "tasks"), CONTROLS)
def test_a_control_emits_its_feature_bit_for_bit(
    cls: type[Control], record: str, feature: str, tasks: set[str]
) -> None:
    control = cls(ControlSettings(), speakers=3)
    source, reference = column(1, 900), column(2, 700)
    assert cls.source == record
    assert cls.tasks == control.inputs.keys() == control.output.keys() == tasks
    for task in tasks:
        out = control.translate(task, source, reference, torch.zeros(2, dtype=torch.int64))
        assert torch.equal(out, (reference if cls is CopyReference else source)[feature])
        assert control.output[task] == feature
        assert control.inputs[task] == (feature,)


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


def test_copy_reference_needs_a_reference() -> None:
    with pytest.raises(BenchmarkError, match="needs a reference"):
        CopyReference(ControlSettings()).translate("audio_guided_vc", column(1, 900), None, torch.zeros(2))


def test_a_picture_control_is_one_line() -> None:
    class CopyFace(Control):
        emits = {"image_guided_translation": "face128"}

    control = CopyFace(ControlSettings())
    picture = torch.rand(2, 3, 128, 128)
    assert CopyFace.tasks == {"image_guided_translation"}
    assert CopySource.tasks == BOTH
    assert torch.equal(
        control.translate("image_guided_translation", {"face128": picture}, None, torch.zeros(2)), picture
    )
