"""voice2face as a system: what a step sees, learns and moves; what its faces depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.utils import make_grid

from baselines.voice2face.system import Voice2Face, Voice2FaceSettings, repeated
from benchmark.corpora.prepared import write_feature
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import feature
from benchmark.media.image import mirror, resized
from benchmark.registry import parse_system
from benchmark.runner.systems import build, is_learnt
from benchmark.settings import PROFILES, load_profile
from benchmark.system import Step
from benchmark.training.attributes import attributes, changed_attributes
from benchmark.training.devices import make_fabric
from benchmark.training.loop import TrainSettings, check_phases, train
from benchmark.training.optimisers import Optimisers
from benchmark.upstream.face_embedding.own import read_own, write_own

pytestmark = pytest.mark.usefixtures("small_voice_network")

SMALL = Voice2FaceSettings(
    widths=(16, 8, 8, 4, 4), face_widths=(4, 4, 8, 8, 8), batch=4, crop=40, least_crop=20, least_frames=60
)
TASK = "face_from_voice"
ZEROS = torch.zeros(3, dtype=torch.int64)


def make(speakers: int = 5, **changes: Any) -> Voice2Face:
    torch.manual_seed(0)
    return Voice2Face(replace(SMALL, **changes), speakers)


def step(index: int = 0, seed: int = 0) -> Step:
    return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def voices(rows: int = 3, frames: int = 40, seed: int = 0) -> dict[str, Tensor]:
    mel = torch.randn(rows, 1, 64, frames, generator=torch.Generator().manual_seed(seed))
    return {"mel64": mel, "gender": torch.arange(rows) % 2, "speaker": torch.arange(rows) % 5}


def faces(rows: int = 3, seed: int = 0) -> dict[str, Tensor]:
    coarse = torch.rand(rows, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return {"face128": F.interpolate(coarse, size=128), "speaker": (torch.arange(rows) + 2) % 5}


def batch(rows: int = 4) -> dict[str, dict[str, Tensor]]:
    return {"voice": voices(rows), "face": faces(rows)}


# ------------------------------------------------------------------------------------------------------------ settings


def test_sizes_of_the_published_settings() -> None:
    with torch.device("meta"):
        system = Voice2Face(Voice2FaceSettings())
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in system.named_children()}
    del counts["voice_network"]
    assert counts == {
        "generator": 12_191_875,
        "face_network": 3_310_720,
        "discriminator": 64,
        "classifier": 924 * 64,
    }


def test_defaults_are_the_official_ones() -> None:
    s = Voice2FaceSettings()
    assert (s.batch, s.crop, s.least_crop, s.least_frames, s.noise, s.flip) == (128, 800, 300, 1000, 0.05, True)
    assert (s.voice_network, s.reference, s.stretch_contrast) == ("published", "voice", False)
    optimisers = make().optimizers()
    assert set(optimisers) == {"generator", "face_network", "discriminator", "classifier"}
    for name, o in optimisers.items():
        assert (o.modules, o.kind, o.lr, o.options) == ((name,), "adam", 2e-4, {"betas": (0.5, 0.999)})
        assert (o.schedule, o.clip) == (None, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"batch": 0}, "batch = 0"),
        ({"least_crop": 0}, "least_crop = 0"),
        ({"least_frames": 0}, "least_frames = 0"),
        ({"least_crop": 41}, "crops 41 to 40 frames"),
        ({"noise": -0.1}, "noise = -0.1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BenchmarkError, match=told):
        replace(SMALL, **changes)


def test_widths_that_make_no_64_px_are_refused() -> None:
    with pytest.raises(BenchmarkError, match="five widths"):
        make(widths=(8, 8, 8, 8))
    with pytest.raises(BenchmarkError, match="five widths"):
        make(face_widths=(8, 8, 8, 8))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_builds_networks_that_can_be_trained(profile: str) -> None:
    loaded = load_profile(profile)
    for name in ("voice2face", "gender_only:voice2face"):
        assert is_learnt(parse_system(name), loaded)
        with torch.device("meta"):
            check_phases(build(parse_system(name), loaded), 1)
    assert not is_learnt(parse_system("voice2face:published"), loaded)


# ------------------------------------------------------------------------------------------------------------ training


def test_voices_and_faces_are_drawn_independently_of_people_who_have_both() -> None:
    (draw,) = make().draws().values()
    voice, face = draw.columns["voice"], draw.columns["face"]
    assert (voice.pool, face.pool) == ("paired", "paired")
    assert (voice.crop, face.same_speaker, face.other_speaker) == (40, None, None)


def test_terms_equal_the_objective_written_out() -> None:
    system, data = make(), batch()
    generator, choices = torch.Generator().manual_seed(3), np.random.default_rng(3)
    noise = torch.randn(4, 64, generator=generator)
    frames = choices.integers(20, 41)
    start = choices.integers(0, 40 - frames + 1)
    e = system.voice_network(data["voice"]["mel64"][..., start : start + frames])
    moved = e / e.norm(dim=1, keepdim=True) + 0.05 * noise
    fake = system.generator(moved / moved.norm(dim=1, keepdim=True))
    real = mirror(resized(data["face"]["face128"], 64), generator)
    heads = {"d": system.discriminator.weight, "c": system.classifier.weight}
    of_real, of_fake = system.face_network(real), system.face_network(fake)

    def entropy(embedding: Tensor, who: Tensor) -> Tensor:
        shares = (embedding @ heads["c"].T).softmax(1)
        return -shares[torch.arange(4), who].log().mean()

    expected = {
        "judge/real": -torch.sigmoid(of_real @ heads["d"].T).log().mean(),
        "judge/fake": -(1 - torch.sigmoid(of_fake @ heads["d"].T)).log().mean(),
        "judge/identity": entropy(of_real, data["face"]["speaker"]),
        "generate/adversarial": -torch.sigmoid(of_fake @ heads["d"].T).log().mean(),
        "generate/identity": entropy(of_fake, data["voice"]["speaker"]),
    }
    found = {f"{p.name}/{k}": v for p in system.phases() for k, v in system(p.name, data, step(seed=3)).items()}
    assert found.keys() == expected.keys()
    for name, term in expected.items():
        torch.testing.assert_close(found[name], term, msg=lambda text, name=name: f"{name}: {text}")


def test_pictures_are_mirrored_unless_told() -> None:
    data = batch()
    turned = {k: v.flip(3) if k == "face128" else v for k, v in data["face"].items()}
    with torch.no_grad():
        one, other = (make(flip=False)("judge", {**data, "face": f}, step())["real"] for f in (data["face"], turned))
        found = {round(float(make()("judge", data, step(seed=s))["real"]), 6) for s in range(20)}
    assert abs(float(one - other)) > 1e-6, "else what is asked next would be so of any picture"
    assert len(found) > 8, "all four pictures are turned by themselves"


@pytest.mark.parametrize(("changes", "learning"), [({}, set()), ({"reference": "gender"}, {"voice_network"})])
def test_a_phase_reaches_what_it_steps_and_nothing_else(changes: dict[str, Any], learning: set[str]) -> None:
    system = make(**changes)
    optimisers = Optimisers(system, make_fabric("cpu", 1, 1, "32-true"))
    judges = {"face_network", "discriminator", "classifier"}
    reached = {"judge": judges, "generate": {"generator"} | learning}
    for phase in system.phases():
        optimisers.focus(phase.steps)
        sum(system(phase.name, batch(), step()).values()).backward()  # type: ignore[union-attr]
        got = {n.split(".")[0] for n, p in system.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert got == reached[phase.name]
    with_none = {name.split(".")[0] for name, p in system.named_parameters() if p.grad is None}
    assert ("voice_network" in with_none) == (not learning)


def test_both_phases_of_a_step_make_the_same_faces() -> None:
    system = make()
    made: list[Tensor] = []
    system.generator.register_forward_hook(lambda module, given, faces: made.append(faces.detach()))
    for phase in system.phases():
        system(phase.name, batch(), step(seed=4))
    assert torch.equal(*made)
    assert not torch.equal(system.imagine(batch(), step(seed=5)), made[0])


class Ears(nn.Module):
    """A voice network that notes what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Tensor] = []

    def forward(self, mel: Tensor) -> Tensor:
        self.heard.append(mel)
        return F.normalize(torch.ones(len(mel), 64))


def test_a_batch_is_cropped_alike_and_anew_every_step() -> None:
    system, ears = make(), Ears()
    system.voice_network = ears
    data = batch()
    data["voice"]["mel64"] = torch.arange(40.0).expand(4, 1, 64, 40)
    for seed in range(300):
        system.imagine(data, step(seed=seed))
    lengths = {mel.shape[-1] for mel in ears.heard}
    assert lengths == set(range(20, 41))
    for mel in ears.heard:
        first = int(mel[0, 0, 0, 0])
        assert torch.equal(mel, torch.arange(first, first + mel.shape[-1]).float().expand(4, 1, 64, -1))
    assert {0, 10} < {int(mel[0, 0, 0, 0]) for mel in ears.heard} <= set(range(21))


def test_noise_is_of_training_alone() -> None:
    system = make(noise=10.0)
    with torch.no_grad():
        first, second = (system.translate(TASK, {}, voices(seed=1), ZEROS + seed) for seed in (0, 1))
    assert torch.equal(first, second)
    given: list[Tensor] = []
    system.generator.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    system.imagine(batch(), step())
    quiet = make(noise=0.0)
    quiet.generator.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    quiet.imagine(batch(), step())
    torch.testing.assert_close(given[0].norm(dim=1), torch.ones(4))
    assert (given[0] * given[1]).sum(1).abs().max() < 0.6, "noise of ten in 64 numbers leaves nothing of the voice"


def test_training_moves_all_but_the_voice_network(speech_store: Callable[..., Any], tmp_path: Path) -> None:
    store = speech_store(train=4, unseen=2)
    rng = np.random.default_rng(0)
    rows = [rng.standard_normal((30 + i, 64), np.float32) for i in range(len(store.records))]
    write_feature(store.folder, feature("mel64"), rows)
    system = make(speakers=4)
    before = {name: value.clone() for name, value in system.state_dict().items()}
    train(system, [store], tmp_path / "training", TrainSettings(steps=3, save_every=3, log_every=1, device="cpu"))
    moved = {name.split(".")[0] for name, value in system.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"generator", "face_network", "discriminator", "classifier"}


def test_training_changes_no_attribute_that_a_checkpoint_would_miss() -> None:
    system = make()
    before = attributes(system)
    for phase in system.phases():
        system(phase.name, batch(), step())
    assert changed_attributes(system, before) == []


# --------------------------------------------------------------------------------------------------------- translating


def test_faces_are_of_the_recording_alone_and_in_range() -> None:
    system = make().eval()
    with torch.no_grad():
        for parameter in system.generator.parameters():
            parameter.mul_(3)
        out = system.translate(TASK, faces(seed=1), voices(), ZEROS)
        other_proposal = system.translate(TASK, faces(seed=2), voices(), ZEROS)
        other_voice = system.translate(TASK, faces(seed=1), voices(seed=9), ZEROS)
    assert out.shape == (3, 3, 64, 64)
    assert out.abs().max() == 1, "the generator itself is not bounded"
    assert torch.equal(out, other_proposal)
    assert (out - other_voice).abs().max() > 1e-3


def test_rows_do_not_depend_on_their_neighbours() -> None:
    system = make().double().eval()
    column = {k: v.double() if k == "mel64" else v for k, v in voices(5, 71).items()}
    with torch.no_grad():
        together = system.translate(TASK, {}, column, torch.arange(5))
        for i in range(5):
            alone = system.translate(TASK, {}, {k: v[i : i + 1] for k, v in column.items()}, torch.tensor([i + 100]))
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-9, atol=1e-9)


def test_a_short_recording_is_repeated_and_a_long_one_is_whole() -> None:
    mel = voices(2, 25)["mel64"]
    assert torch.equal(repeated(mel, 60), torch.cat([mel, mel, mel[..., :10]], -1))
    assert torch.equal(repeated(mel, 25), mel)
    system, ears = make(), Ears()
    system.voice_network = ears
    for frames in (25, 80):
        system.translate(TASK, {}, voices(2, frames), ZEROS[:2])
    assert [mel.shape[-1] for mel in ears.heard] == [60, 80]


def test_a_recording_without_a_voice_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="No voice is heard"):
        make().translate(TASK, {}, voices(2, 0), ZEROS[:2])


def test_stretched_contrast_is_how_the_authors_save_pictures() -> None:
    plain, stretching = make().eval(), make(stretch_contrast=True).eval()
    with torch.no_grad():
        out, stretched = (system.translate(TASK, {}, voices(), ZEROS) for system in (plain, stretching))
    for before, after in zip(out, stretched, strict=True):
        torch.testing.assert_close((after + 1) / 2, make_grid(before, normalize=True))
    assert stretched.amin((1, 2, 3)).tolist() == [-1] * 3
    assert (out - stretched).abs().max() > 0.01


def test_gender_only_is_deaf_to_the_recording() -> None:
    assert Voice2Face.gender_only is not None
    system = make(**Voice2Face.gender_only).eval()
    assert not system.upstream
    with torch.no_grad():
        first, second = (system.translate(TASK, {}, voices(seed=s), ZEROS) for s in (1, 2))
        other = system.translate(TASK, {}, voices() | {"gender": torch.tensor([1, 0, 1])}, ZEROS)
    assert torch.equal(first, second)
    assert (first - other).abs().amax((1, 2, 3)).min() > 1e-4
    with pytest.raises(BenchmarkError, match="unknown gender"):
        system.translate(TASK, {}, voices() | {"gender": torch.tensor([1, -1, 1])}, ZEROS)


# ----------------------------------------------------------------------------------------------------- judge and files


def test_its_own_judge_is_what_taught_it(tmp_path: Path) -> None:
    system = make(speakers=3)
    found = system.own_judge()
    assert found is not None
    trunk, classifier = found
    assert trunk is system.face_network
    assert classifier is system.classifier
    assert classifier.bias is None
    write_own(tmp_path / "own.safetensors", system.face_network, classifier, ["a", "b", "c"])
    own, pictures = read_own(tmp_path / "own.safetensors"), torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(own.embedding(pictures), system.face_network(pictures))


def official_file(path: Path, system: Voice2Face, **changes: Tensor | None) -> Path:
    state = {name.replace("layers", "model", 1): value.clone() for name, value in system.generator.state_dict().items()}
    torch.save({k: v for k, v in {**state, **changes}.items() if v is not None}, path)
    return path


def test_published_weights_take_the_place_of_training(tmp_path: Path) -> None:
    assert Voice2Face.published == {"published": "wen2019/generator.pth"}
    theirs = make()
    torch.manual_seed(1)
    ours = Voice2Face(SMALL, 5)
    assert not torch.equal(ours.generator.layers[0].weight, theirs.generator.layers[0].weight)
    ours.load_published(official_file(tmp_path / "generator.pth", theirs))
    with torch.no_grad():
        found, expected = (s.eval().translate(TASK, {}, voices(), ZEROS) for s in (ours, theirs))
    torch.testing.assert_close(found, expected)
    assert ours.own_judge() is None, "its face network was never trained"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"model.0.weight": torch.zeros(64, 16, 3, 3)},
            r"model.0.weight is \(64, 16, 3, 3\), expected \(64, 16, 4, 4\)",
        ),
        ({"model.10.bias": None}, "model.10.bias is absent"),
        ({"model.12.weight": torch.zeros(1)}, r"model.12.weight is \(1,\), expected absent"),
    ],
)
def test_another_file_is_refused_and_nothing_is_read(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    system = make()
    before = {k: v.clone() for k, v in system.generator.state_dict().items()}
    with torch.no_grad():
        theirs = make()
        for value in theirs.generator.parameters():
            value.add_(1)
    with pytest.raises(BenchmarkError, match=told):
        system.load_published(official_file(tmp_path / "generator.pth", theirs, **changes))
    assert all(torch.equal(value, before[name]) for name, value in system.generator.state_dict().items())


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(BenchmarkError, match="does not fit"):
        make().load_published(tmp_path / "list.pth")
    with pytest.raises(BenchmarkError):
        make().load_published(tmp_path / "nothing.pth")
