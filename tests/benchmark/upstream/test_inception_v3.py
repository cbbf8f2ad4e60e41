"""StarGANv2's FID network: the official evaluation's number, frozen, and each step of its preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.media.image import read_image
from benchmark.upstream import inception, inception_v3
from benchmark.upstream.inception_v3 import WEIGHTS, features_v3, network_v3
from protocols.frechet import frechet_distance

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "celeba_hq"

OFFICIAL = 979.0132750559009
"""calculate_fid_given_paths of clovaai/stargan-v2@875b70a, on the pictures and weights of the test, at 64 pixels."""


def made(count: int, side: int, seed: int) -> list[np.ndarray]:
    """Smooth pictures, no two alike, some lighter than others."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (count, 5, 5, 3)) * draw.uniform(0.3, 1, (count, 1, 1, 1))
    resize = Image.Resampling.BICUBIC
    return [np.asarray(Image.fromarray(c.astype(np.uint8)).resize((side, side), resize)) for c in coarse]


def official(picture: np.ndarray, pixels: int) -> Tensor:
    """The transforms of core/data_loader.py:get_eval_loader, from torchvision."""
    steps = [
        transforms.Resize([pixels, pixels]),
        transforms.Resize([299, 299]),
        transforms.ToTensor(),
        transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    ]
    image: Tensor = transforms.Compose(steps)(Image.fromarray(picture))
    return image


@pytest.fixture(scope="module")
def state() -> Mapping[str, Tensor]:
    torch.manual_seed(0)
    return inception.random_state(torch.stack([official(picture, 64) for picture in made(4, 64, seed=9)]))


@pytest.mark.parametrize("side", [64, 100, 640])
def test_pictures_are_prepared_as_the_official_evaluation_does(side: int) -> None:
    pictures = made(2, side, seed=0)
    found = inception_v3._prepared(pictures, 64)
    torch.testing.assert_close(found, torch.stack([official(p, 64) for p in pictures]), rtol=0, atol=1e-6)


@pytest.mark.real
def test_real_pictures_are_prepared_so_too() -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared/data/celeba_hq is absent")
    files = sorted(SHARED.rglob("*.jpg"))[::8]
    expected = torch.stack([official(np.asarray(Image.open(file).convert("RGB")), 128) for file in files])
    found = inception_v3._prepared([read_image(file) for file in files], 128)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_features_are_torchvisions_trunk(state: Mapping[str, Tensor]) -> None:
    """Through Mixed_7c and the global average, block by block as metrics/fid.py wires them."""
    from torchvision.models.inception import Inception3

    plain = Inception3(num_classes=1008, aux_logits=False, init_weights=False)
    plain.load_state_dict(state)
    plain.eval()
    pictures = made(2, 64, seed=3)
    with torch.no_grad():
        x = torch.stack([official(picture, 64) for picture in pictures])
        for name, block in plain.named_children():
            if name == "avgpool":
                break
            x = block(x)
    expected = x.mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(features_v3(pictures, network_v3(state), 64), expected, atol=1e-4)
    assert expected.std(axis=0).mean() > 1e-2


def test_the_official_number(state: Mapping[str, Tensor]) -> None:
    """Made by hand: these pictures as PNG files, the official code from a checkout, its network given these weights."""
    network = network_v3(state)
    real, fake = (features_v3(made(12, side, seed), network, 64) for side, seed in ((96, 1), (64, 2)))
    assert frechet_distance(real, fake) == pytest.approx(OFFICIAL, rel=1e-4)


def test_the_size_that_is_judged_matters_and_the_batch_does_not(state: Mapping[str, Tensor]) -> None:
    network, pictures = network_v3(state), made(3, 128, seed=4)
    once = features_v3(pictures, network, 64)
    np.testing.assert_allclose(features_v3(pictures[2:], network, 64), once[2:], atol=1e-4)
    np.testing.assert_allclose(features_v3(pictures[::-1], network, 64), once[::-1], atol=1e-4)
    assert float(np.abs(features_v3(pictures, network, 32) - once).max()) > 1e-2


def test_a_published_file_with_its_classifiers_is_read(state: Mapping[str, Tensor]) -> None:
    whole = {**state, "AuxLogits.fc.weight": torch.zeros(1000, 768)}
    pictures = made(1, 64, seed=5)
    a, b = (features_v3(pictures, network_v3(each), 64) for each in (state, whole))
    np.testing.assert_array_equal(a, b)
    with pytest.raises(BenchmarkError, match="Conv2d_1a_3x3"):
        network_v3({key: value for key, value in state.items() if "Conv2d_1a_3x3" not in key})


def test_the_published_weights_give_features() -> None:
    if weights.find(WEIGHTS) is None:
        pytest.skip(f"{WEIGHTS} absent: set BENCHMARK_WEIGHTS")
    assert features_v3(made(2, 128, seed=0), inception_v3.inception_v3(), 128).shape == (2, 2048)
