"""The fixed random network of fid@random."""

from __future__ import annotations

import numpy as np
import torch

from benchmark.upstream.random_features import WIDTH, random_features, random_network, weights_sha256


def pictures(n: int, side: int = 64) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (side, side + 8, 3)).astype(np.uint8) for _ in range(n)]


def test_its_weights_are_those_of_every_other_machine() -> None:
    assert weights_sha256() == "602ed2a2ce2e5819fc31cb0aa18a45a8cf10b01d7623ddd2d6059f4b3c3c52a3"
    kernels = [layer.weight.numpy() for layer in random_network().convolutions]
    assert [kernel.shape for kernel in kernels] == [(16, 3, 3, 3), (16, 16, 3, 3), (16, 16, 3, 3), (16, 16, 3, 3)]


def test_a_picture_has_its_features_whatever_is_beside_it() -> None:
    some = pictures(5)
    together = random_features(some)
    assert together.shape == (5, WIDTH)
    assert together.dtype == np.float32
    alone = np.concatenate([random_features([picture]) for picture in reversed(some)])[::-1]
    np.testing.assert_allclose(alone, together, rtol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_pictures_of_several_sizes_share_a_call_and_none_is_no_row() -> None:
    mixed = [*pictures(1, 64), *pictures(1, 128)]
    assert random_features(mixed).shape == (2, WIDTH)
    assert random_features([]).shape == (0, WIDTH)


def test_building_it_draws_no_random_number() -> None:
    random_network.cache_clear()
    torch.manual_seed(7)
    random_network()
    after = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(after, torch.rand(1))
