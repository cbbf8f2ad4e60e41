"""The network of pytorch-fid: the package's numbers with the same weights, and batches that change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.media.image import read_image
from benchmark.upstream import inception
from benchmark.upstream.inception_2015 import WEIGHTS, features_2015, inception_2015, network_2015
from benchmark.upstream.pictures import stacked, through
from protocols.frechet import Moments, frechet_distance

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "celeba_hq"


def prepared(pictures: Sequence[np.ndarray]) -> Tensor:
    """What the package does to pictures, in [-1, 1]."""
    batch = stacked(pictures).contiguous().float() / 255
    return nn.functional.interpolate(batch, (299, 299), mode="bilinear", align_corners=False) * 2 - 1


@pytest.fixture(scope="module")
def state() -> Mapping[str, Tensor]:
    torch.manual_seed(0)
    return inception.random_state(prepared(made(4, 64, seed=9)))


def packages(state: Mapping[str, Tensor]) -> nn.Module:
    """pytorch-fid's network with these weights instead of a download."""
    from pytorch_fid import inception as package

    with mock.patch.object(package, "load_state_dict_from_url", return_value=state):
        network: nn.Module = package.InceptionV3([3]).eval()
    return network


def made(count: int, side: int, seed: int = 0) -> list[np.ndarray]:
    """Smooth pictures, no two alike, some lighter than others."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (count, 5, 5, 3)) * draw.uniform(0.3, 1, (count, 1, 1, 1))
    resize = Image.Resampling.BICUBIC
    return [np.asarray(Image.fromarray(c.astype(np.uint8)).resize((side, side), resize)) for c in coarse]


@pytest.mark.parametrize("side", [64, 299, 400])
def test_features_are_the_packages(state: Mapping[str, Tensor], side: int) -> None:
    pictures = made(3, side)
    with torch.no_grad():
        expected = packages(state)(stacked(pictures).float() / 255)[0][:, :, 0, 0].numpy()
    found = features_2015(pictures, network_2015(state))
    assert found.shape == (3, 2048)
    assert found.dtype == np.float32
    assert expected.std(axis=0).mean() > 1e-3 * np.abs(expected).mean()
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_the_pools_are_not_torchvisions(state: Mapping[str, Tensor]) -> None:
    """Each of the nine blocks differs from torchvision's by its pool alone."""
    from benchmark.upstream.inception_v3 import network_v3

    ours, plain = network_2015(state), network_v3(state)
    names = [name for name, block in plain.named_children() if hasattr(block, "branch_pool")]
    assert len(names) == 9
    for name in names:
        block, other = ours.get_submodule(name), plain.get_submodule(name)
        x = torch.rand(1, other.branch1x1.conv.in_channels, 9, 9)  # type: ignore[union-attr]
        with torch.no_grad():
            a, b = block(x), other(x)
        pooled = other.branch_pool.conv.out_channels  # type: ignore[union-attr]
        torch.testing.assert_close(a[:, :-pooled], b[:, :-pooled])
        inside = (a - b)[:, -pooled:, 2:-2, 2:-2].abs().max()
        border = (a - b)[:, -pooled:, 0].abs().max()
        assert border > 1e-3 * b.abs().max()
        assert inside > 1e-3 * b.abs().max() if name == "Mixed_7c" else inside < 1e-5 * b.abs().max()


def test_batches_and_neighbours_are_no_matter(state: Mapping[str, Tensor]) -> None:
    network, pictures = network_2015(state), made(5, 80)
    once = features_2015(pictures, network)
    for batch in (1, 2, 5):
        np.testing.assert_allclose(through(network, prepared, pictures, batch), once, atol=1e-4)
    np.testing.assert_allclose(features_2015(pictures[3:4], network), once[3:4], atol=1e-4)
    np.testing.assert_allclose(features_2015(pictures[::-1], network), once[::-1], atol=1e-4)
    assert float(np.abs(once[0] - once[1]).max()) > 1e-2


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        ([], "no picture"),
        ([np.zeros((9, 9, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)], "one size"),
        ([np.zeros((9, 9), np.uint8)], r"\(9, 9\)"),
        ([np.zeros((9, 9, 3), np.float32)], "float32"),
    ],
)
def test_what_is_no_batch_is_refused(state: Mapping[str, Tensor], pictures: list[np.ndarray], said: str) -> None:
    with pytest.raises(BenchmarkError, match=said):
        features_2015(pictures, network_2015(state))


def test_weights_of_another_network_are_refused(state: Mapping[str, Tensor]) -> None:
    cut = {key: value for key, value in state.items() if "Mixed_7c" not in key}
    with pytest.raises(BenchmarkError, match="Mixed_7c"):
        network_2015(cut)
    with pytest.raises(BenchmarkError, match="not the weights"):
        network_2015([1, 2])  # type: ignore[arg-type]


def test_the_published_file_is_read() -> None:
    if weights.find(WEIGHTS) is None:
        pytest.skip(f"{WEIGHTS} absent: set BENCHMARK_WEIGHTS")
    assert features_2015(made(2, 128), inception_2015()).shape == (2, 2048)


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Sums of convolutions are split by threads: with one, the two float32 networks are 1.4e-6 of the FID apart."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.usefixtures("two_threads")
def test_fid_of_real_pictures_is_pytorch_fids() -> None:
    """The package from files to number, with the same random weights, fitted to some of the pictures; 18 training
    pictures against 20 others. Beside it the package's features with our formula, whose digits are all good: with so
    few pictures the package's matrix root is good to about 5e-7."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data/celeba_hq is absent")
    from pytorch_fid.fid_score import calculate_frechet_distance, get_activations

    sets = [sorted((SHARED / split).rglob("*.jpg")) for split in ("train", "val")]
    torch.manual_seed(0)
    state = inception.random_state(prepared([read_image(file) for file in sorted([*sets[0], *sets[1]])[::2]]))
    theirs = [get_activations(files, packages(state), 8, 2048, "cpu", 0) for files in sets]
    network = network_2015(state)
    a, b = (Moments.of(features_2015([read_image(file) for file in files], network)) for files in sets)
    assert min(a.n, b.n) >= 16
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(*theirs), rel=1e-6)
    moments = [part for rows in theirs for part in (rows.mean(axis=0), np.cov(rows, rowvar=False))]
    assert frechet_distance(a, b) == pytest.approx(calculate_frechet_distance(*moments), rel=1e-6)
