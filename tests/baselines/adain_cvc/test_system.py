"""AdaIN-CVC: the face in place of the reference voice, and nothing else changed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.adain_cvc.networks import FaceEncoder, shrink
from baselines.adain_cvc.system import AdainCVC, AdainCVCSettings
from baselines.adain_vc.system import AdainVC
from benchmark.errors import BenchmarkError
from benchmark.media.image import mirror
from benchmark.system import Step
from benchmark.training.attributes import attributes, changed_attributes

SMALL = AdainCVCSettings(
    channels=8, bank_channels=4, code=5, embedding=6, batch=4, crop=40, face_channels=(4, 4, 8, 8, 8), face_hidden=10
)
TASK = "image_guided_vc"
ZEROS = torch.zeros(2, dtype=torch.int64)


def step(index: int = 0, seed: int = 0) -> Step:
    return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def make(**changes: object) -> AdainCVC:
    torch.manual_seed(0)
    return AdainCVC(replace(SMALL, **changes)).eval()  # type: ignore[arg-type]


def voice(rows: int, frames: int = 40, seed: int = 0) -> dict[str, Tensor]:
    mel = torch.randn(rows, 1, 80, frames, generator=torch.Generator().manual_seed(seed))
    return {"mel80": mel, "gender": torch.arange(rows) % 2}


def face(rows: int, seed: int = 0) -> dict[str, Tensor]:
    coarse = torch.rand(rows, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return {"face128": F.interpolate(coarse, size=128), "gender": torch.arange(rows) % 2}


def test_sizes_of_the_published_settings() -> None:
    with torch.device("meta"):
        parts = AdainCVC(AdainCVCSettings())
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.named_children()}
    convolutions = [(3, 32, 6), (32, 64, 6), (64, 128, 4), (128, 128, 4), (128, 256, 4)]
    by_hand = sum(i * o * k * k + o + (2 * o if i > 3 else 0) for i, o, k in convolutions)
    by_hand += 256 * 256 + 256 + 256 * 128 + 128
    assert sizes["speaker_encoder"] == by_hand == 1_095_136
    with torch.device("meta"):
        own = {n: sum(p.numel() for p in m.parameters()) for n, m in AdainVC(AdainVC.Settings()).named_children()}
    assert {k: sizes[k] for k in ("content_encoder", "decoder")} == {k: own[k] for k in ("content_encoder", "decoder")}


def test_published_settings_vary_nothing() -> None:
    s = AdainCVCSettings()
    assert (s.reference, s.face_flip, s.lr_decay) == ("face", False, 0)


def test_pairs_are_drawn_of_one_speaker() -> None:
    (draw,) = make().draws().values()
    assert draw.columns["voice"].pool == draw.columns["face"].pool == "paired"
    assert draw.columns["face"].same_speaker == "voice"
    assert list(draw.columns) == ["voice", "face"]


def test_terms_equal_the_objective_computed_by_hand() -> None:
    system = make()
    batch = {"voice": voice(3, 43), "face": face(3)}
    generator = torch.Generator().manual_seed(5)
    terms = system("autoencode", batch, step(9, seed=5))
    x = batch["voice"]["mel80"][:, 0]
    embedding = system.speaker_encoder(F.avg_pool2d(batch["face"]["face128"], 4))
    mean, log_variance = system.content_encoder(x)
    code = mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=generator)
    decoded = system.decoder(code, embedding)[..., :43]
    torch.testing.assert_close(terms["reconstruction"], 10 * (decoded - x).abs().mean())
    kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).mean()
    torch.testing.assert_close(terms["kl"], 10 / 20_000 * kl)


@pytest.mark.parametrize("changes", [{}, {"face_flip": True}, {"face_size": 64}])
def test_gradient_reaches_every_parameter(changes: dict[str, object]) -> None:
    system = make(**changes).train()
    batch = {"voice": voice(4), "face": face(4)}
    sum(system("autoencode", batch, step()).values()).backward()  # type: ignore[union-attr]
    for name, parameter in system.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.dim() == 1 or parameter.grad.abs().sum() > 0, name


def test_rows_do_not_depend_on_their_neighbours() -> None:
    system = make().double()
    source, reference = voice(5, 61), face(5)
    source["mel80"], reference["face128"] = source["mel80"].double(), reference["face128"].double()
    with torch.no_grad():
        together = system.translate(TASK, source, reference, torch.arange(5))
        assert together.shape == (5, 1, 80, 61)
        for i in range(5):
            one = {k: v[i : i + 1] for k, v in source.items()}, {k: v[i : i + 1] for k, v in reference.items()}
            alone = system.translate(TASK, *one, torch.tensor([i + 100]))
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-9, atol=1e-9)


def test_the_face_decides() -> None:
    system, source = make(), voice(2)
    with torch.no_grad():
        a, b = (system.translate(TASK, source, face(2, seed=s), ZEROS) for s in (1, 2))
    assert (a - b).abs().max() > 1e-4


def test_gender_only_is_blind_to_the_picture() -> None:
    assert AdainCVC.gender_only is not None
    system, source = make(**AdainCVC.gender_only), voice(2)
    with torch.no_grad():
        first, second = (system.translate(TASK, source, face(2, seed=s), ZEROS) for s in (1, 2))
        other = system.translate(TASK, source, face(2, seed=1) | {"gender": torch.tensor([1, 0])}, ZEROS)
    assert torch.equal(first, second)
    assert (first - other).abs().max() > 1e-4
    terms = system("autoencode", {"voice": voice(4), "face": face(4)}, step())
    again = system("autoencode", {"voice": voice(4), "face": face(4, seed=3)}, step())
    assert torch.equal(terms["reconstruction"], again["reconstruction"])


def test_shrinking_averages_squares() -> None:
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(shrink(picture, 2), torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]]))
    assert torch.equal(shrink(picture, 4), picture)
    for size in (3, 8):
        with pytest.raises(BenchmarkError, match="must divide the 4 px"):
            shrink(picture, size)


def test_mirrors_are_of_about_half_the_pictures() -> None:
    picture = torch.rand(400, 1, 2, 4) * 2 - 1
    out = mirror(picture, torch.Generator().manual_seed(1))
    mirrored = (out == picture.flip(3)).all(dim=(1, 2, 3))
    kept = (out == picture).all(dim=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250


def test_mirrors_come_from_the_steps_generator_alone() -> None:
    picture = face(4)["face128"]
    runs = []
    for _ in range(2):
        torch.rand(7)  # the global generator moves on
        runs.append(mirror(picture, torch.Generator().manual_seed(3)))
    assert torch.equal(*runs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"face_channels": (4, 4)}, "equally many"),
        ({"face_size": 48}, "multiple of 32"),
        ({"face_kernels": (5, 5, 5, 5, 5)}, "kernels even"),
        ({"reference": "voice"}, "takes 'face' or 'gender'"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        make(**changes)


def test_face_encoder_halves_five_times() -> None:
    encoder = FaceEncoder(64, (2, 2, 2, 2, 3), (6, 6, 4, 4, 2), 5, 7, 0.01)
    assert encoder.convolutions(torch.zeros(2, 3, 64, 64)).shape == (2, 3, 2, 2)
    assert encoder(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


def test_training_changes_no_attribute_that_a_checkpoint_would_miss() -> None:
    system = make(face_flip=True).train()
    before = attributes(system)
    optimiser = torch.optim.Adam(system.parameters())
    for i in range(3):
        terms = system("autoencode", {"voice": voice(3), "face": face(3)}, step(i))
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
    assert changed_attributes(system, before) == []
