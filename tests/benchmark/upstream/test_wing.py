"""The heat-map network of StarGANv2's high-pass path: frozen values of the official code, and what its masks mean.

`MASKS` was printed by hand by `FAN.get_heatmap` of clovaai/stargan-v2@875b70a:core/wing.py, filled by `random_weights`
and given `pictures` below, in float64: small differences are stretched where a map hardly passes the threshold.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.upstream.wing import CELEBA_HQ, SIZE, Wing, masks, wing

_ALL, _INNER = (
    """
    0.570466 0.599192 0.283226 1.000000 0.802864 0.265033 0.590736 1.000000
    0.162017 0.000355 0.009542 0.704009 0.640444 0.003246 0.003258 0.090600
    0.503487 0.503290 0.284424 1.000000 0.728639 0.182464 0.537964 1.000000
    0.149222 0.000154 0.021399 0.768542 0.754597 0.004022 0.010719 0.129796
    """,
    """
    0.461981 0.125833 0.175721 0.989467 0.728983 0.018902 0.335252 0.924373
    0.003794 0.000355 0.008021 0.703838 0.272672 0.001625 0.002780 0.015054
    0.427625 0.133123 0.196545 0.846639 0.656091 0.021764 0.308019 0.981213
    0.005059 0.000154 0.018639 0.768352 0.340091 0.001705 0.009073 0.019425
    """,
)
MASKS = tuple(np.array(text.split(), float) for text in (_ALL, _INNER))


def random_weights() -> dict[str, Tensor]:
    """By published names, drawn in their sorted order; heat where a peak is, as in a trained network."""
    draw = np.random.default_rng(0)
    state = {}
    for name, own in sorted(Wing().published().items()):
        if name.endswith("num_batches_tracked"):
            continue
        x = draw.standard_normal(own.shape)
        if own.ndim > 1:
            x *= np.sqrt(2 / np.prod(own.shape[1:]))
        elif name.endswith("running_var"):
            x = 1 + np.abs(x)
        else:
            x = 0.1 * x + name.endswith("weight") - 30 * (name == "l0.bias")
        state[name] = torch.from_numpy(x.astype(np.float32))
    return state


def pictures() -> Tensor:
    return torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (2, 3, 128, 128)).astype(np.float32))


def grid(mask: Tensor) -> list[float]:
    """(2, 1, 256, 256) -> 32 values all over both masks."""
    return mask[:, 0, 16::64, 16::64].flatten().tolist()


def heat(landmark: int, row: int = 100, value: float = 0.5) -> Tensor:
    """Maps (1, 98, 256, 256) with one pixel of heat in one of them."""
    maps = torch.zeros(1, 98, SIZE, SIZE)
    maps[0, landmark, row, 77] = value
    return maps


def hot_rows(mask: Tensor) -> list[int]:
    return sorted({row for _, _, row, _ in mask.nonzero().tolist()})


def test_it_has_the_official_size() -> None:
    assert sum(p.numel() for p in Wing().parameters()) == 6_333_603


def test_masks_are_those_of_the_official_code() -> None:
    network = Wing()
    network.load(random_weights())
    found = network.double().heatmaps(pictures().double())
    for mask, expected in zip(found, MASKS, strict=True):
        assert mask.shape == (2, 1, SIZE, SIZE)
        np.testing.assert_allclose(grid(mask), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("landmark", "rows", "inner"),
    [
        (7, [], []),  # beside the ears
        (8, [100], []),  # chin
        (24, [100], []),
        (25, [], []),
        (33, [], []),  # one end of a brow
        (34, [107], []),
        (46, [], []),
        (50, [107], []),
        (51, [100], [100]),  # nose
        (52, [96], [96]),
        (54, [96], [96]),
        (55, [92], [92]),  # nostrils
        (60, [108, 124], [108, 124]),  # eyes
        (75, [108, 124], [108, 124]),
        (76, [], []),  # corners of the lips
        (77, [108], []),
        (81, [108], []),
        (82, [], []),
        (83, [92], []),
        (87, [92], []),
        (88, [102], []),
        (95, [102], []),
        (96, [100], [100]),  # pupils
        (97, [100], [100]),
    ],
)
def test_every_part_of_a_face_goes_where_the_official_code_puts_it(
    landmark: int, rows: list[int], inner: list[int]
) -> None:
    first, second = masks(heat(landmark))
    assert hot_rows(first) == rows
    assert hot_rows(second) == inner
    assert first.sum() == pytest.approx(len(rows), abs=1e-4)  # a peak of any height is stretched to 1


def test_heat_is_sharpened_by_part() -> None:
    half = {8: 3, 34: 2, 51: 1, 55: 4, 77: 4, 83: 4, 88: 3, 96: 1}
    for landmark, power in half.items():
        maps = heat(landmark)
        maps[0, landmark, 30, 30] = 0.25
        assert masks(maps)[0].flatten().topk(2).values.tolist() == pytest.approx([1, 0.5**power], abs=1e-4)


def test_what_leaves_at_the_bottom_comes_in_at_the_top() -> None:
    assert hot_rows(masks(heat(60, row=250))[0]) == [2, 18]


def test_faint_heat_is_none_and_much_of_it_is_no_more_than_1() -> None:
    assert not masks(heat(51, value=0.09))[0].any()
    maps = heat(96) + heat(97) + heat(51)
    assert masks(maps)[0].max() == 1


def test_a_nan_stays_in_the_second_mask_as_in_the_official_code_unless_asked_otherwise() -> None:
    maps = heat(60, value=float("nan"))
    first, second = masks(maps)
    assert not first.any()
    assert second.isnan().all()
    first, second = masks(maps, clean_second=True)
    assert not first.any()
    assert not second.any()
    first, second = masks(heat(8, value=float("nan")) + heat(51))
    assert not first.any()
    assert hot_rows(second) == [100]  # the chin is not in it


def test_a_picture_s_masks_are_its_own_whatever_the_mode() -> None:
    network = Wing()
    network.load(random_weights())
    x = pictures().requires_grad_()
    together = network.train().heatmaps(x)
    alone = network.heatmaps(x[1:])
    for both, one in zip(together, alone, strict=True):
        assert not both.requires_grad
        torch.testing.assert_close(both[1:], one, atol=1e-3, rtol=0)


def test_published_weights_are_found_where_the_user_put_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MissingWeights, match=r"wing\.ckpt"):
        wing()
    with torch.device("meta"):
        assert sum(p.numel() for p in wing().parameters()) == 6_333_603
    (tmp_path / CELEBA_HQ).parent.mkdir(parents=True)
    state = random_weights()
    torch.save({"fan": state, "generator": {}}, tmp_path / CELEBA_HQ)
    assert torch.equal(wing().published()["l0.bias"], state["l0.bias"])
    torch.save(
        {"state_dict": {**state, "l0.bias": state["l0.bias"] + 1, "m1.b1_4.bn1.weight": torch.ones(256)}},
        tmp_path / "wing.ckpt",
    )
    assert torch.equal(wing().published()["l0.bias"], state["l0.bias"] + 1)
    torch.save({"state_dict": {**state, "l0.bias": torch.zeros(68)}}, tmp_path / "wing.ckpt")
    with pytest.raises(BenchmarkError, match=r"l0\.bias has shape \(68,\), expected \(99,\)"):
        wing()
    del state["m0.b2_plus_1.bn3.weight"]
    torch.save({"state_dict": state}, tmp_path / "wing.ckpt")
    with pytest.raises(BenchmarkError, match=r"m0\.b2_plus_1\.bn3\.weight is absent"):
        wing()
    torch.save(state, tmp_path / "wing.ckpt")
    with pytest.raises(BenchmarkError, match="no 'state_dict'"):
        wing()
