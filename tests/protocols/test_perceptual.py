"""LPIPS: the closed form against the loop over pairs, and the lpips package on the same maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmark.errors import BenchmarkError
from protocols.perceptual import diversity, mean_pairwise, pairwise, unit

LAYERS = ((6, 5, 4), (9, 3, 3), (4, 2, 2))


def maps(n: int, seed: int, spread: float = 1.0) -> list[Tensor]:
    """Of n pictures that differ by about `spread`; rectified, so with many zeros."""
    draw = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(1, *shape, generator=draw) + spread * torch.randn(n, *shape, generator=draw)).relu()
        for shape in LAYERS
    ]


def heads(seed: int = 0) -> list[Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return [torch.rand(shape[0], generator=draw) for shape in LAYERS]


def cut(batch: Sequence[Tensor], *rows: int) -> list[Tensor]:
    return [layer[list(rows)] for layer in batch]


def by_definition(a: Sequence[Tensor], b: Sequence[Tensor], weights: Sequence[Tensor]) -> float:
    """Position by position, in float64; one picture each."""
    total = 0.0
    for x, y, w in zip(a, b, weights, strict=True):
        u, v, head = x[0].double().numpy(), y[0].double().numpy(), w.double().numpy()
        places = [(i, j) for i in range(u.shape[1]) for j in range(u.shape[2])]
        for i, j in places:
            p, q = (m[:, i, j] / (np.sqrt((m[:, i, j] ** 2).sum()) + 1e-10) for m in (u, v))
            total += float((head * (p - q) ** 2).sum()) / len(places)
    return total


def test_unit_maps_have_norm_one_or_stay_zero() -> None:
    layer = maps(3, 0)[0]
    layer[1, :, 2, 2] = 0
    norms = unit(layer).square().sum(dim=1)
    assert float(norms[1, 2, 2]) == 0
    assert float((norms - 1).abs().min()) < 1e-6
    assert bool((((norms - 1).abs() < 1e-6) | (layer.sum(dim=1) == 0)).all())


def test_pairwise_is_the_definition() -> None:
    a, b, weights = maps(3, 0), maps(3, 1), heads()
    found = pairwise(a, b, weights)
    assert found.dtype == np.float64
    expected = [by_definition(cut(a, i), cut(b, i), weights) for i in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    ones = [torch.ones_like(w) for w in weights]
    np.testing.assert_allclose(pairwise(a, b), [by_definition(cut(a, i), cut(b, i), ones) for i in range(3)], rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    k=st.integers(2, 12),
    seed=st.integers(0, 999),
    spread=st.sampled_from([1e-3, 0.1, 1.0, 10.0]),
    trained=st.booleans(),
    data=st.data(),
)
def test_the_closed_form_is_the_loop_over_pairs(
    k: int, seed: int, spread: float, trained: bool, data: st.DataObject
) -> None:
    outputs, weights = maps(k, seed, spread), heads(seed) if trained else None
    loop = np.mean([pairwise(cut(outputs, i), cut(outputs, j), weights)[0] for i, j in combinations(range(k), 2)])
    assert mean_pairwise([outputs], weights) == pytest.approx(loop, rel=1e-5, abs=1e-12)
    order = data.draw(st.permutations(range(k)))
    assert mean_pairwise([cut(outputs, *order)], weights) == pytest.approx(loop, rel=1e-5, abs=1e-12)
    at = data.draw(st.integers(1, k - 1))
    streamed = [cut(outputs, *range(at)), cut(outputs, *range(at, k))]
    assert mean_pairwise(iter(streamed), weights) == pytest.approx(loop, rel=1e-5, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999))
def test_identity_and_symmetry(seed: int) -> None:
    a, b = maps(4, seed), maps(4, seed + 1)
    assert pairwise(a, a).tolist() == [0.0] * 4
    assert (pairwise(a, b) > 0).all()
    np.testing.assert_array_equal(pairwise(a, b), pairwise(b, a))
    np.testing.assert_allclose(pairwise(a, [3 * layer for layer in b]), pairwise(a, b), rtol=1e-5)
    assert mean_pairwise([cut(a, 0, 0, 0)]) == 0.0


def test_two_outputs_are_their_distance() -> None:
    both = maps(2, 5)
    assert mean_pairwise([both], heads()) == pytest.approx(pairwise(cut(both, 0), cut(both, 1), heads())[0], rel=1e-6)


def test_the_maps_given_are_left_as_they_are() -> None:
    outputs = maps(3, 0)
    before = [layer.clone() for layer in outputs]
    mean_pairwise([outputs])
    pairwise(outputs, outputs)
    assert all(torch.equal(x, y) for x, y in zip(outputs, before, strict=True))


def test_a_layout_in_memory_is_no_matter() -> None:
    outputs = maps(5, 0)
    last = [layer.contiguous(memory_format=torch.channels_last) for layer in outputs]
    assert mean_pairwise([last], heads()) == pytest.approx(mean_pairwise([outputs], heads()), rel=1e-6)


@pytest.mark.parametrize("batches", [[], [maps(1, 0)]])
def test_one_output_has_no_diversity(batches: list[list[Tensor]]) -> None:
    with pytest.raises(BenchmarkError, match=f"pairs of {len(batches)} outputs"):
        mean_pairwise(batches)


def test_heads_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        pairwise(maps(1, 0), maps(1, 1), heads()[:2])


@pytest.mark.parametrize("k", [2, 3, 16, 17, 35])
def test_diversity_takes_every_picture_through_the_network_once(k: int) -> None:
    draw = np.random.default_rng(k)
    pictures = list(draw.integers(0, 256, (k, 6, 5, 3), dtype=np.uint8))
    seen: list[int] = []

    def network(batch: Sequence[np.ndarray]) -> list[Tensor]:
        seen.append(len(batch))
        x = torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).float()
        return [x, x[:, :, ::2, ::2].square()]

    every = network(pictures)
    seen.clear()
    loop = np.mean([pairwise(cut(every, i), cut(every, j))[0] for i, j in combinations(range(k), 2)])
    assert diversity(pictures, network) == pytest.approx(loop, rel=1e-5)
    assert sum(seen) == k
    assert max(seen) <= 16
