"""The judge of faces: what it returns, of what shape, and that pictures do not see each other."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from benchmark.upstream.face_judge.load import judged_size
from benchmark.upstream.face_judge.network import ATTRIBUTES, PERSON, POSE, SIZE, VIEW, FaceJudge, Judgement


@pytest.fixture
def network() -> FaceJudge:
    """With running statistics unlike the fresh ones."""
    torch.manual_seed(0)
    network = FaceJudge()
    for _ in range(5):
        network(torch.rand(16, 3, SIZE, SIZE) * 2 - 1)
    return network.eval()


def test_shapes(network: FaceJudge) -> None:
    found = network(torch.rand(2, 3, SIZE, SIZE))
    assert [tuple(m.shape) for m in found.maps] == [
        (2, 16, 64, 64),
        (2, 32, 32, 32),
        (2, 48, 16, 16),
        (2, 96, 8, 8),
        (2, 48, 4, 4),
    ]
    assert all(m.min() == 0 for m in found.maps), "after the activation"
    assert found.features.shape == (2, 64), "a Frechet distance of 1,000 pictures bears no more"
    assert found.identity.shape == (2, 64)
    torch.testing.assert_close(found.identity.norm(dim=1), torch.ones(2))
    assert found.gender.shape == (2,)
    assert found.pose.shape == (2, len(POSE))
    assert found.attributes.shape == (2, len(ATTRIBUTES))
    assert (*PERSON, *VIEW) == ATTRIBUTES
    assert len(set(ATTRIBUTES)) == len(ATTRIBUTES)


def test_maps_are_not_written_over_by_later_layers(network: FaceJudge) -> None:
    x = torch.rand(2, 3, SIZE, SIZE)
    first = network.convolutions[0](x)
    assert torch.equal(network(x).maps[0], first)


def test_a_picture_is_judged_alone(network: FaceJudge) -> None:
    x = torch.rand(5, 3, SIZE, SIZE) * 2 - 1
    together, alone = network(x), network(x[3:4])
    for field in fields(Judgement):
        if field.name != "maps":
            torch.testing.assert_close(getattr(together, field.name)[3:4], getattr(alone, field.name))


def test_the_features_train_nothing(network: FaceJudge) -> None:
    assert not network(torch.rand(2, 3, SIZE, SIZE)).features.requires_grad


def test_features_are_standardised_in_training() -> None:
    torch.manual_seed(0)
    found = FaceJudge().train()(torch.rand(32, 3, SIZE, SIZE)).features
    torch.testing.assert_close(found.mean(0), torch.zeros(64), atol=1e-4, rtol=0)


def test_what_is_shipped_stays_small() -> None:
    assert sum(t.numel() * t.element_size() for t in FaceJudge().state_dict().values()) < 1.5e6


@pytest.mark.parametrize("side", [32, 64, 128, 256])
def test_any_size_is_judged_at_64(side: int) -> None:
    grey = torch.full((1, 3, side, side), 0.25)
    torch.testing.assert_close(judged_size(grey), torch.full((1, 3, 64, 64), 0.25))


def test_64_pixels_stay_as_they_are() -> None:
    x = torch.rand(2, 3, 64, 64)
    assert torch.equal(judged_size(x), x)


def test_shrinking_averages() -> None:
    board = ((torch.arange(128)[:, None] + torch.arange(128)) % 2 * 2.0 - 1.0).expand(1, 3, -1, -1)
    assert judged_size(board)[..., 1:-1, 1:-1].abs().max() < 1e-6, "the finest pattern is grey from afar"
