"""AlexNet's maps and LPIPS's heads: the package's numbers with the same weights, pair by pair and over all pairs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.media.image import read_image, shrink_square
from benchmark.upstream.alexnet import WEIGHTS, alexnet, alexnet_maps, lpips_heads, network_alex
from protocols.perceptual import diversity, mean_pairwise, pairwise

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "celeba_hq"


@pytest.fixture(scope="module")
def state() -> Mapping[str, Tensor]:
    """Random trunk, in the layout of torchvision's file."""
    from torchvision import models

    torch.manual_seed(0)
    found: Mapping[str, Tensor] = models.alexnet(weights=None).state_dict()
    return found


@pytest.fixture(scope="module", params=[True, False], ids=["heads", "no heads"])
def package(request: pytest.FixtureRequest, state: Mapping[str, Tensor]) -> nn.Module:
    """The lpips package around that trunk."""
    import lpips

    network: nn.Module = lpips.LPIPS(net="alex", pnet_rand=True, lpips=request.param, verbose=False)
    trunk = network.get_submodule("net")
    trunk.load_state_dict({key: state[f"features.{key.split('.', 1)[1]}"] for key in trunk.state_dict()})
    return network


def heads(package: nn.Module) -> tuple[Tensor, ...] | None:
    return lpips_heads() if package.lpips else None


def made(count: int, height: int, width: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def images(pictures: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def by_pairs(package: nn.Module, pictures: list[np.ndarray]) -> float:
    x = images(pictures)
    with torch.no_grad():
        return float(np.mean([float(package(x[i : i + 1], x[j : j + 1])) for i, j in combinations(range(len(x)), 2)]))


@pytest.mark.parametrize("size", [(64, 64), (128, 128), (70, 90)])
def test_distances_are_the_packages(package: nn.Module, state: Mapping[str, Tensor], size: tuple[int, int]) -> None:
    network, a, b = network_alex(state), made(3, *size), made(3, *size, seed=1)
    with torch.no_grad():
        expected = package(images(a), images(b)).flatten().numpy()
    found = pairwise(alexnet_maps(a, network), alexnet_maps(b, network), heads(package))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert expected.min() > 1e-3


@pytest.mark.parametrize("k", [2, 10])
def test_diversity_is_the_pair_loop_over_the_package(package: nn.Module, state: Mapping[str, Tensor], k: int) -> None:
    network, start = network_alex(state), made(1, 64, 64)[0].astype(int)
    shades = [np.clip(start + change, 0, 255).astype(np.uint8) for change in np.arange(k) * 9]
    for pictures in (made(k, 64, 64), shades):
        found = diversity(pictures, lambda some: alexnet_maps(some, network), heads(package))
        assert found == pytest.approx(by_pairs(package, pictures), abs=1e-6)
    assert diversity(shades[:1] * k, lambda some: alexnet_maps(some, network), heads(package)) == 0.0


@pytest.mark.real
def test_diversity_of_real_faces_is_the_pair_loop(package: nn.Module, state: Mapping[str, Tensor]) -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared/data/celeba_hq is absent")
    pictures = [shrink_square(read_image(file)) for file in sorted(SHARED.rglob("*.jpg"))[::4]]
    assert len(pictures) >= 8
    network = network_alex(state)
    found = diversity(pictures, lambda some: alexnet_maps(some, network), heads(package))
    assert found == pytest.approx(by_pairs(package, pictures), abs=1e-6)


def test_neighbours_in_a_batch_are_no_matter(state: Mapping[str, Tensor]) -> None:
    network, pictures = network_alex(state), made(5, 64, 64)
    together = alexnet_maps(pictures, network)
    assert [tuple(layer.shape[:2]) for layer in together] == [(5, c) for c in (64, 192, 384, 256, 256)]
    for i in range(5):
        for layer, alone in zip(together, alexnet_maps(pictures[i : i + 1], network), strict=True):
            torch.testing.assert_close(layer[i], alone[0], rtol=1e-5, atol=1e-6)
    one_by_one = (alexnet_maps([picture], network) for picture in pictures)
    assert mean_pairwise(one_by_one, lpips_heads()) == pytest.approx(mean_pairwise([together], lpips_heads()), rel=1e-6)


def test_the_heads_are_the_trained_ones() -> None:
    assert [len(head) for head in lpips_heads()] == [64, 192, 384, 256, 256]
    assert all(float(head.min()) >= 0 for head in lpips_heads())
    assert float(torch.cat(lpips_heads()).max()) > 0.1


def test_pictures_that_are_too_small_are_refused(state: Mapping[str, Tensor]) -> None:
    network = network_alex(state)
    assert all(layer.numel() for layer in alexnet_maps(made(1, 32, 40), network))
    with pytest.raises(BenchmarkError, match="31x40 pixels; 32"):
        alexnet_maps(made(1, 40, 31), network)


def test_weights_of_another_network_are_refused(state: Mapping[str, Tensor]) -> None:
    with pytest.raises(BenchmarkError, match="not the weights of a whole AlexNet"):
        network_alex({key: value for key, value in state.items() if key != "features.3.bias"})


def test_the_published_weights_give_maps() -> None:
    if weights.find(WEIGHTS) is None:
        pytest.skip(f"{WEIGHTS} absent: set BENCHMARK_WEIGHTS")
    assert len(alexnet_maps(made(2, 64, 64), alexnet())) == 5
